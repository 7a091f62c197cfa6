"""Passwords and PINs: what is taken, what is kept, what a comparison says."""

from __future__ import annotations

import threading

import pytest

from omega_core import limits
from omega_server.people import passwords as module
from omega_server.people.passwords import WRONG, Cost, Passwords, check_password, check_pin
from omega_server.refusals import Code
from support.people import CHEAP, why

SECRET = "quatre chevaux verts"


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP)


def test_what_is_kept_is_argon2id_with_a_salt_of_its_own(passwords: Passwords) -> None:
    one, other = passwords.hash_of(SECRET), passwords.hash_of(SECRET)
    assert one.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert one != other
    assert len(one) <= 256, "as much as the store has room for"


def test_by_default_it_costs_what_the_limits_say() -> None:
    kept = Passwords().hash_of(SECRET)
    cost = f"m={limits.ARGON2_MEMORY_KIB},t={limits.ARGON2_PASSES},p={limits.ARGON2_LANES}"
    assert kept.startswith(f"$argon2id$v=19${cost}$")
    assert len(kept) <= 256


def test_a_secret_is_known_again(passwords: Passwords) -> None:
    kept = passwords.hash_of(SECRET)
    assert passwords.check(SECRET, kept).is_right
    assert passwords.check(SECRET, kept).renewed is None
    assert passwords.check(SECRET + " ", kept) == WRONG


def test_an_accent_is_the_same_however_it_was_typed(passwords: Passwords) -> None:
    kept = passwords.hash_of("\u00e9l\u00e9phants roses")
    assert passwords.check("e\u0301le\u0301phants roses", kept).is_right


@pytest.mark.parametrize(
    ("secret", "kept"),
    [
        pytest.param(SECRET, None, id="nobody's"),
        pytest.param(SECRET, "no hash", id="not a hash"),
        pytest.param("", None, id="empty"),
        pytest.param("\ud800" * 12, None, id="half a character"),
        pytest.param("x" * 100_000, None, id="far too long"),
    ],
)
def test_nothing_else_is_right(passwords: Passwords, secret: str, kept: str | None) -> None:
    assert passwords.check(secret, kept) == WRONG


def test_a_hash_of_less_is_renewed(passwords: Passwords) -> None:
    dearer = Passwords(Cost(memory_kib=16, passes=2, lanes=1))
    renewed = dearer.check(SECRET, passwords.hash_of(SECRET)).renewed
    assert renewed is not None
    assert dearer.check(SECRET, renewed) == module.Checked(is_right=True)


def test_whoever_would_wait_too_long_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ARGON2_WAIT_S", 0.01)
    passwords = Passwords(CHEAP, at_once_max=1)
    inside, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with passwords._one_place():
            inside.set()
            go_on.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(10)
    assert why(lambda: passwords.hash_of(SECRET)).code is Code.BUSY
    go_on.set()
    holder.join(10)
    assert passwords.hash_of(SECRET)


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("a1" * 6, id="twelve characters"),
        pytest.param("é" * 11 + "a", id="of any script"),
        pytest.param("a" * 511 + "b", id="a long one"),
    ],
)
def test_passwords_that_are_taken(password: str) -> None:
    check_password(password, name="tina")


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("a1" * 5 + "b", id="eleven characters"),
        pytest.param("e\u0301" * 11, id="eleven characters in twenty-two"),
        pytest.param("a" * 512 + "b", id="an octet too long"),
        pytest.param("a" * 12, id="one character many times"),
        pytest.param("Tina-Tina-Tina", id="the name"),
        pytest.param("", id="none"),
    ],
)
def test_passwords_that_are_not_taken(password: str) -> None:
    refused = why(lambda: check_password(password, name="tina-tina-tina"))
    assert refused.code is Code.PASSWORD_UNFIT
    assert not password or password not in str(refused)


@pytest.mark.parametrize("pin", ["204816", "112233", "123457", "999998", "135790246802"])
def test_pins_that_are_taken(pin: str) -> None:
    check_pin(pin)


@pytest.mark.parametrize(
    "pin",
    ["20481", "1357902468024", "000000", "123456", "654321", "12a456", "١٢٣٤٥٧", "", "2048 6"],
)
def test_pins_that_are_not_taken(pin: str) -> None:
    assert why(lambda: check_pin(pin)).code is Code.PASSWORD_UNFIT
