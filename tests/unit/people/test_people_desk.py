"""Who is let in, for how long, and what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omega_core.units import NS_PER_S
from omega_server.people.desk import IDLE_S, INVITATION_S, SESSION_S, PeopleDesk
from omega_server.people.roles import Role
from omega_server.refusals import Code, RefusalError
from omega_server.store import open_store
from omega_server.store.port import Store
from support.clock import HandClock

PASSWORD = "quatre mots faciles ici"  # noqa: S105 - of nobody
HERE, ELSEWHERE = "192.0.2.7", "198.51.100.9"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 'omega.sqlite'}", may_migrate=True) as store:
        yield store


@pytest.fixture
def desk(store: Store, clock: HandClock) -> PeopleDesk:
    return PeopleDesk(store, clock)


@pytest.fixture
def claire(desk: PeopleDesk) -> str:
    token = desk.add("Claire", Role.HELPDESK, level=1, by="operator")
    desk.accept(token, PASSWORD, address=HERE)
    return "claire"


def code_of(call: object, *arguments: object, **options: object) -> Code:
    assert callable(call)
    with pytest.raises(RefusalError) as refused:
        call(*arguments, **options)
    return refused.value.code


def wait(clock: HandClock, seconds: int) -> None:
    clock.pass_ns(seconds * NS_PER_S)


def test_an_account_begins_with_a_link_that_is_good_once(desk: PeopleDesk) -> None:
    token = desk.add("Claire", Role.HELPDESK, level=1, by="operator")
    assert code_of(desk.login, "claire", PASSWORD, address=HERE) is Code.LOGIN_REFUSED
    assert code_of(desk.accept, token, "short", address=HERE) is Code.SCHEMA_INVALID
    let_in = desk.accept(token, PASSWORD, address=HERE)
    assert (let_in.person.name, let_in.person.level) == ("claire", 1)
    assert code_of(desk.accept, token, PASSWORD, address=HERE) is Code.INVITATION_OVER
    assert desk.login("CLAIRE ", PASSWORD, address=HERE).person == let_in.person


def test_a_link_is_good_for_days_and_the_newest_only(desk: PeopleDesk, clock: HandClock) -> None:
    first = desk.add("Claire", Role.HELPDESK, level=1, by="operator")
    second = desk.invite_again("claire", by="operator")
    assert code_of(desk.accept, first, PASSWORD, address=HERE) is Code.INVITATION_OVER
    wait(clock, INVITATION_S)
    assert code_of(desk.accept, second, PASSWORD, address=HERE) is Code.INVITATION_OVER


@pytest.mark.parametrize("name", ["", "x", "a b", "../etc", "a" * 65, "nul\0", "claire\n!"])
def test_a_name_is_a_word(desk: PeopleDesk, name: str) -> None:
    assert code_of(desk.add, name, Role.NOC, level=0, by="operator") is Code.SCHEMA_INVALID


def test_nobody_has_two_accounts_of_one_name(desk: PeopleDesk, claire: str) -> None:
    assert code_of(desk.add, claire.upper(), Role.NOC, level=0, by="x") is Code.ACCOUNT_KNOWN
    assert code_of(desk.lock, "nobody", by="x") is Code.ACCOUNT_UNKNOWN


def test_a_session_ends_by_itself(desk: PeopleDesk, claire: str, clock: HandClock) -> None:
    token = desk.login(claire, PASSWORD, address=HERE).token
    known = desk.session(token)
    assert known is not None
    assert known.csrf
    wait(clock, IDLE_S)
    assert desk.session(token) is not None, "used in time"
    wait(clock, IDLE_S + 1)
    assert desk.session(token) is None
    token = desk.login(claire, PASSWORD, address=HERE).token
    for _ in range(SESSION_S // IDLE_S):
        wait(clock, IDLE_S)
        last = desk.session(token)
    assert last is None, "a day is a day, however busy"


def test_a_session_ends_when_its_owner_or_the_operator_wants(desk: PeopleDesk, claire: str) -> None:
    tokens = [desk.login(claire, PASSWORD, address=HERE).token for _ in range(3)]
    desk.logout(tokens[0])
    assert desk.session(tokens[0]) is None
    assert desk.session(tokens[1]) is not None
    desk.set_role(claire, Role.HELPDESK, level=3, by="operator")
    assert desk.session(tokens[1]) is None, "it was of another role"
    token = desk.login(claire, PASSWORD, address=HERE).token
    desk.lock(claire, by="operator")
    assert desk.session(token) is None
    assert code_of(desk.login, claire, PASSWORD, address=HERE) is Code.LOGIN_REFUSED
    desk.unlock(claire, by="operator")
    assert desk.login(claire, PASSWORD, address=HERE)
    assert desk.session("guessed") is None
    desk.logout("guessed")


def test_guessing_takes_ever_longer_and_locks_nobody_out(
    desk: PeopleDesk, claire: str, clock: HandClock
) -> None:
    for _ in range(5):
        assert code_of(desk.login, claire, "wrong", address=ELSEWHERE) is Code.LOGIN_REFUSED
    waits = []
    for _ in range(4):
        with pytest.raises(RefusalError) as refused:
            desk.login(claire, PASSWORD, address=HERE)
        assert refused.value.code is Code.LOGIN_WAITS
        assert refused.value.retry_after_s is not None
        waits.append(refused.value.retry_after_s)
        wait(clock, refused.value.retry_after_s)
        assert code_of(desk.login, claire, "wrong", address=ELSEWHERE) is Code.LOGIN_REFUSED
    assert waits == [1, 2, 4, 8]
    wait(clock, 16)
    desk.login(claire, PASSWORD, address=HERE)
    assert code_of(desk.login, claire, "wrong", address=HERE) is Code.LOGIN_REFUSED, "forgiven"


def test_an_address_that_guesses_names_waits_too(desk: PeopleDesk, clock: HandClock) -> None:
    for number in range(20):
        assert code_of(desk.login, f"n{number}", "x", address=ELSEWHERE) is Code.LOGIN_REFUSED
    assert code_of(desk.login, "another", "x", address=ELSEWHERE) is Code.LOGIN_WAITS
    assert code_of(desk.login, "another", "x", address=HERE) is Code.LOGIN_REFUSED
    wait(clock, 2)
    assert code_of(desk.login, "another", "x", address=ELSEWHERE) is Code.LOGIN_REFUSED


def test_a_pin_is_a_secret_of_its_own(desk: PeopleDesk, clock: HandClock) -> None:
    token = desk.add("Tarek", Role.TECHNICIAN, level=2, by="operator")
    desk.accept(token, PASSWORD, address=HERE)
    assert code_of(desk.check_pin, "tarek", "280649", address=HERE) is Code.PIN_NOT_SET
    for pin in ("12345", "111111", "28064a", "1" * 13):
        assert code_of(desk.set_pin, "tarek", PASSWORD, pin, address=HERE) is Code.SCHEMA_INVALID
    wrong = code_of(desk.set_pin, "tarek", "wrong", "280649", address=HERE)
    assert wrong is Code.LOGIN_REFUSED
    desk.set_pin("tarek", PASSWORD, "280649", address=HERE)
    desk.check_pin("tarek", "280649", address=HERE)
    for _ in range(5):
        assert code_of(desk.check_pin, "tarek", "000001", address=HERE) is Code.LOGIN_REFUSED
    assert code_of(desk.check_pin, "tarek", "280649", address=HERE) is Code.LOGIN_WAITS
    wait(clock, 2)
    desk.check_pin("tarek", "280649", address=HERE)


def test_everything_is_written_down(desk: PeopleDesk, claire: str, store: Store) -> None:
    code_of(desk.login, claire, "wrong", address=ELSEWHERE)
    desk.lock(claire, by="operator")
    told = [(each.who, each.what, each.address) for each in store.people.audit(count=9)]
    assert told[:2] == [
        ("operator", "account_locked", "-"),
        ("claire", "login_refused", ELSEWHERE),
    ]
    assert "password_set" in {what for _, what, _ in told}
    assert PASSWORD not in str(store.people.audit(count=99))
