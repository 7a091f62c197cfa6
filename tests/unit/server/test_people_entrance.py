"""The entrance: who is let in, for how long, and how often one may try."""

from __future__ import annotations

import pytest

from omega_core import limits
from omega_core.units import NS_PER_S
from omega_server.people.entrance import is_csrf
from omega_server.people.opening import people_of
from omega_server.people.passwords import Cost
from omega_server.people.roles import CONSOLE, Caller, Role
from omega_server.refusals import Code
from support.people import HERE, PASSWORD, Crowd, why
from support.server_rig import Rig

ELSEWHERE = "198.51.100.9"


@pytest.fixture
def crowd(rig: Rig) -> Crowd:
    crowd = Crowd(rig)
    crowd.add("tina")
    return crowd


def later(crowd: Crowd, seconds: int) -> None:
    crowd.rig.clock.pass_ns(seconds * NS_PER_S)


def login(crowd: Crowd, name: str = "tina", password: str = PASSWORD, address: str = HERE) -> Code:
    """Return why somebody is not let in."""
    return why(lambda: crowd.people.entrance.login(name, password, address)).code


def test_who_knows_the_password_is_in_until_they_leave(crowd: Crowd) -> None:
    entered = crowd.entered("tina")
    session = crowd.people.entrance.session(entered.token)
    assert session.person == entered.person
    assert is_csrf(session, entered.csrf)
    crowd.people.entrance.logout(entered.token, Caller(person=entered.person, address=HERE))
    ended = why(lambda: crowd.people.entrance.session(entered.token))
    assert ended.code is Code.SESSION_ENDED


def test_a_name_is_typed_in_any_case(crowd: Crowd) -> None:
    assert crowd.people.entrance.login(" Tina ", PASSWORD, HERE).person.name == "tina"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        pytest.param("tina", "quatre chevaux vert", id="a wrong password"),
        pytest.param("tina", "", id="none"),
        pytest.param("tom", PASSWORD, id="a name nobody has"),
        pytest.param("", "", id="no name"),
        pytest.param("' or 1=1 --", PASSWORD, id="a name that is none"),
        pytest.param("tina\x00", PASSWORD, id="a name with a NUL"),
        pytest.param("\ud800", "\ud800", id="half a character"),
    ],
)
def test_who_does_not_is_told_one_thing(crowd: Crowd, name: str, password: str) -> None:
    refused = why(lambda: crowd.people.entrance.login(name, password, HERE))
    assert refused.code is Code.LOGIN_WRONG
    assert str(refused) == "name and password do not belong together"
    assert crowd.written()[0][1] == "login refused"


def test_a_password_typed_as_a_name_is_not_in_the_log(crowd: Crowd) -> None:
    login(crowd, name=PASSWORD)
    assert crowd.written()[0] == ("?", "login refused", "?")


def test_sessions_have_csrf_tokens_of_their_own(crowd: Crowd) -> None:
    one, other = crowd.entered("tina"), crowd.entered("tina")
    session = crowd.people.entrance.session(one.token)
    assert not is_csrf(session, other.csrf)
    assert not is_csrf(session, "")
    assert not is_csrf(session, "\ud800")


def test_a_session_that_is_used_goes_on_for_a_day_at_work(crowd: Crowd) -> None:
    token = crowd.entered("tina").token
    steps = limits.SESSION_LIFE_S // (limits.SESSION_IDLE_S - 1)
    for _ in range(steps):
        later(crowd, limits.SESSION_IDLE_S - 1)
        crowd.people.entrance.session(token)
    later(crowd, limits.SESSION_LIFE_S - steps * (limits.SESSION_IDLE_S - 1) - 1)
    crowd.people.entrance.session(token)
    later(crowd, 1)
    assert why(lambda: crowd.people.entrance.session(token)).code is Code.SESSION_ENDED


def test_a_session_that_is_not_used_is_over(crowd: Crowd) -> None:
    token = crowd.entered("tina").token
    later(crowd, limits.SESSION_IDLE_S)
    assert why(lambda: crowd.people.entrance.session(token)).code is Code.SESSION_ENDED


def test_use_is_written_once_a_minute(crowd: Crowd) -> None:
    token = crowd.entered("tina").token
    later(crowd, limits.SESSION_NOTED_S - 1)
    crowd.people.entrance.session(token)
    later(crowd, limits.SESSION_IDLE_S - limits.SESSION_NOTED_S + 1)
    assert why(lambda: crowd.people.entrance.session(token)).code is Code.SESSION_ENDED


@pytest.mark.parametrize("token", ["", "x" * 32, "\ud800", "a" * 10_000])
def test_other_tokens_open_nothing(crowd: Crowd, token: str) -> None:
    assert why(lambda: crowd.people.entrance.session(token)).code is Code.SESSION_ENDED


def test_a_name_is_tried_so_often(crowd: Crowd) -> None:
    for number in range(limits.LOGIN_TRIES_OF_NAME_MAX):
        assert login(crowd, password="wrong", address=f"192.0.2.{number}") is Code.LOGIN_WRONG  # noqa: S106 - of a test
    later(crowd, 60)
    limited = why(lambda: crowd.people.entrance.login("tina", PASSWORD, ELSEWHERE))
    assert limited.code is Code.LOGIN_LIMITED
    assert limited.retry_after_s == limits.LOGIN_WINDOW_S - 60
    later(crowd, limits.LOGIN_WINDOW_S - 60)
    assert crowd.entered("tina").token


def test_an_address_tries_so_often(crowd: Crowd) -> None:
    for number in range(limits.LOGIN_TRIES_OF_ADDRESS_MAX):
        assert login(crowd, name=f"nobody{number}") is Code.LOGIN_WRONG
    assert login(crowd) is Code.LOGIN_LIMITED
    assert why(lambda: crowd.people.entrance.enter("x", HERE)).code is Code.LOGIN_LIMITED
    assert crowd.people.entrance.login("tina", PASSWORD, ELSEWHERE).token


def test_a_customers_ipv6_network_is_one_address(crowd: Crowd) -> None:
    for number in range(limits.LOGIN_TRIES_OF_ADDRESS_MAX):
        login(crowd, name=f"nobody{number}", address=f"2001:db8:1:2::{number:x}")
    assert login(crowd, address="2001:db8:1:2:ffff::1") is Code.LOGIN_LIMITED
    assert crowd.people.entrance.login("tina", PASSWORD, "2001:db8:1:3::1").token


def test_who_gets_in_may_try_again(crowd: Crowd) -> None:
    for _ in range(3):
        for _ in range(limits.LOGIN_TRIES_OF_NAME_MAX - 1):
            login(crowd, password="wrong", address=ELSEWHERE)  # noqa: S106 - of a test
        assert crowd.entered("tina").token
    for _ in range(3 * limits.LOGIN_TRIES_OF_ADDRESS_MAX):
        assert crowd.entered("tina").token, "who is right uses up nothing"


def test_a_hash_of_less_is_renewed_at_the_next_login(crowd: Crowd) -> None:
    rig = crowd.rig
    dearer = people_of(rig.store, rig.clock, cost=Cost(memory_kib=16, passes=1, lanes=1))
    before = rig.store.people.account("tina")
    assert dearer.entrance.login("tina", PASSWORD, HERE).token
    after = rig.store.people.account("tina")
    assert before is not None
    assert after is not None
    assert "m=8," in before.password_hash
    assert "m=16," in after.password_hash
    assert dearer.entrance.login("tina", PASSWORD, HERE).token


def test_one_person_has_so_many_browsers(crowd: Crowd) -> None:
    tokens = [crowd.entered("tina").token for _ in range(limits.SESSIONS_OF_AN_ACCOUNT_MAX + 1)]
    gone = why(lambda: crowd.people.entrance.session(tokens[0]))
    assert gone.code is Code.SESSION_ENDED
    assert crowd.people.entrance.session(tokens[1]).person.name == "tina"


@pytest.mark.parametrize("as_code", [False, True])
def test_a_customer_comes_in_to_one_line(crowd: Crowd, *, as_code: bool) -> None:
    ref = crowd.rig.subscriber().subscriber_ref
    made = crowd.people.entrance.customer_link(CONSOLE, ref, as_code=as_code)
    entered = crowd.people.entrance.enter(made.secret, HERE, language="en")
    session = crowd.people.entrance.session(entered.token)
    assert session.person == entered.person
    assert (session.person.role, session.person.subscriber_ref) == (Role.CUSTOMER, ref)
    assert session.person.language == "en"
    assert session.person.account_id is None
    later(crowd, limits.CUSTOMER_IDLE_S)
    ended = why(lambda: crowd.people.entrance.session(entered.token))
    assert ended.code is Code.SESSION_ENDED


def test_a_code_is_good_a_day_and_a_few_times(crowd: Crowd) -> None:
    ref = crowd.rig.subscriber().subscriber_ref
    made = crowd.people.entrance.customer_link(CONSOLE, ref, as_code=True)
    for _ in range(limits.CUSTOMER_CODE_USES_MAX):
        crowd.people.entrance.enter(made.secret.lower(), HERE)
    used = why(lambda: crowd.people.entrance.enter(made.secret, HERE))
    assert (used.code, str(used)) == (Code.LINK_REFUSED, "it was used up, revoked, or is too old")
    other = crowd.people.entrance.customer_link(CONSOLE, ref, as_code=True)
    later(crowd, limits.CUSTOMER_CODE_LIFE_S)
    assert why(lambda: crowd.people.entrance.enter(other.secret, HERE)).code is Code.LINK_REFUSED


def test_a_revoked_link_ends_what_it_opened(crowd: Crowd) -> None:
    ref = crowd.rig.subscriber().subscriber_ref
    made = crowd.people.entrance.customer_link(CONSOLE, ref)
    token = crowd.people.entrance.enter(made.secret, HERE).token
    crowd.people.entrance.revoke(CONSOLE, made.link.link_id)
    assert why(lambda: crowd.people.entrance.session(token)).code is Code.SESSION_ENDED
    assert why(lambda: crowd.people.entrance.enter(made.secret, HERE)).code is Code.LINK_REFUSED
    shown = crowd.people.entrance.links(ref).links
    assert [each.revoked_unix_us is not None for each in shown] == [True]
    unknown = why(lambda: crowd.people.entrance.revoke(CONSOLE, "l-9"))
    assert unknown.code is Code.LINK_REFUSED


def test_a_reset_link_lets_nobody_in(crowd: Crowd) -> None:
    made = crowd.people.desk.reset(CONSOLE, "tina")
    assert why(lambda: crowd.people.entrance.enter(made.secret, HERE)).code is Code.LINK_REFUSED


def test_a_line_has_so_many_links(crowd: Crowd) -> None:
    ref = crowd.rig.subscriber().subscriber_ref
    for _ in range(limits.LINKS_OF_A_LINE_MAX):
        crowd.people.entrance.customer_link(CONSOLE, ref)
    refused = why(lambda: crowd.people.entrance.customer_link(CONSOLE, ref))
    assert refused.code is Code.LINKS_TOO_MANY
    unknown = why(lambda: crowd.people.entrance.customer_link(CONSOLE, "S-unknown"))
    assert unknown.code is Code.SUBSCRIBER_UNKNOWN


def test_secrets_are_not_kept(crowd: Crowd) -> None:
    """Whoever reads the database finds nothing there to come in with."""
    ref = crowd.rig.subscriber().subscriber_ref
    secrets = [crowd.entered("tina").token, PASSWORD]
    secrets += [crowd.people.entrance.customer_link(CONSOLE, ref).secret]
    secrets += [crowd.people.desk.reset(CONSOLE, "tina").secret]
    data = crowd.rig.installation.settings.data
    kept = b"".join(path.read_bytes() for path in data.glob("omega.sqlite*"))
    assert b"tina" in kept
    assert [secret for secret in secrets if secret.encode() in kept] == []
