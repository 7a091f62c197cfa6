"""The desk of accounts, and what it writes down."""

from __future__ import annotations

import pytest

from omega_core import limits
from omega_core.units import NS_PER_S
from omega_server.people.messages import NewPerson, PasswordWish, PinWish, RoleWish
from omega_server.people.roles import CONSOLE, OPERATOR, Caller, Person, Role
from omega_server.people.secret_words import as_kept, new_code
from omega_server.refusals import Code
from support.people import HERE, PASSWORD, Crowd, why
from support.server_rig import Rig


@pytest.fixture
def crowd(rig: Rig) -> Crowd:
    return Crowd(rig)


def later(crowd: Crowd, seconds: int) -> None:
    crowd.rig.clock.pass_ns(seconds * NS_PER_S)


def test_an_account_begins_without_a_password(crowd: Crowd) -> None:
    added = crowd.people.desk.add(CONSOLE, NewPerson(name="tina", role=Role.TECHNICIAN))
    assert not added.person.has_password
    assert why(lambda: crowd.people.entrance.login("tina", "", HERE)).code is Code.LOGIN_WRONG
    crowd.people.desk.set_by_link(added.reset.secret, PASSWORD, HERE)
    assert crowd.entered("tina").person.role is Role.TECHNICIAN
    assert crowd.written()[0] == ("tina", "login", "tina")
    assert ("operator", "added", "tina") in crowd.written()


def test_a_name_is_given_once(crowd: Crowd) -> None:
    crowd.add("tina")
    again = NewPerson(name="tina", role=Role.NOC)
    assert why(lambda: crowd.people.desk.add(CONSOLE, again)).code is Code.PERSON_KNOWN
    operator = NewPerson(name=OPERATOR.name, role=Role.NOC)
    assert why(lambda: crowd.people.desk.add(CONSOLE, operator)).code is Code.PERSON_KNOWN


@pytest.mark.parametrize(("role", "level"), [(Role.CUSTOMER, None), (Role.HELPDESK, None)])
def test_what_nobody_can_be_is_refused(crowd: Crowd, role: Role, level: int | None) -> None:
    wish = NewPerson(name="tina", role=role, level=level)
    assert why(lambda: crowd.people.desk.add(CONSOLE, wish)).code is Code.PERSON_UNFIT
    crowd.add("hugo", Role.HELPDESK, 1)
    other = RoleWish(role=role, level=level)
    refused = why(lambda: crowd.people.desk.set_role(CONSOLE, "hugo", other))
    assert refused.code is Code.PERSON_UNFIT


def test_a_one_time_link_sets_one_password(crowd: Crowd) -> None:
    crowd.add("tina")
    made = crowd.people.desk.reset(CONSOLE, "tina")
    assert crowd.entered("tina").token, "the password holds until the link is used"
    unfit = why(lambda: crowd.people.desk.set_by_link(made.secret, "short", HERE))
    assert unfit.code is Code.PASSWORD_UNFIT
    crowd.people.desk.set_by_link(made.secret, "another long one", HERE)
    assert why(lambda: crowd.entered("tina")).code is Code.LOGIN_WRONG
    used = why(lambda: crowd.people.desk.set_by_link(made.secret, PASSWORD, HERE))
    assert used.code is Code.LINK_REFUSED


@pytest.mark.parametrize("what", ["too old", "replaced", "a customer's", "of one locked", "none"])
def test_a_link_that_is_not_good_sets_nothing(crowd: Crowd, what: str) -> None:
    crowd.add("tina")
    secret = crowd.people.desk.reset(CONSOLE, "tina").secret
    match what:
        case "too old":
            later(crowd, limits.RESET_LIFE_S)
        case "replaced":
            crowd.people.desk.reset(CONSOLE, "tina")
        case "a customer's":
            line = crowd.rig.subscriber().subscriber_ref
            secret = crowd.people.entrance.customer_link(CONSOLE, line).secret
        case "of one locked":
            crowd.people.desk.lock(CONSOLE, "tina")
        case _:
            secret = "x" * 32
    refused = why(lambda: crowd.people.desk.set_by_link(secret, "another long one", HERE))
    assert refused.code is Code.LINK_REFUSED


def test_what_somebody_may_do_is_changed_at_once(crowd: Crowd) -> None:
    crowd.add("tina")
    token = crowd.entered("tina").token
    crowd.people.desk.set_role(CONSOLE, "tina", RoleWish(role=Role.HELPDESK, level=3))
    assert why(lambda: crowd.people.entrance.session(token)).code is Code.SESSION_ENDED
    person = crowd.entered("tina").person
    assert (person.role, person.level) == (Role.HELPDESK, 3)


def test_who_is_locked_is_out_until_unlocked(crowd: Crowd) -> None:
    crowd.add("tina")
    token = crowd.entered("tina").token
    locked = crowd.people.desk.lock(CONSOLE, "tina")
    later(crowd, 1)
    assert crowd.people.desk.lock(CONSOLE, "tina") == locked
    assert why(lambda: crowd.people.entrance.session(token)).code is Code.SESSION_ENDED
    refused = why(lambda: crowd.entered("tina"))
    assert refused.code is Code.LOGIN_WRONG
    assert str(refused) == "name and password do not belong together"
    crowd.people.desk.unlock(CONSOLE, "tina")
    assert crowd.entered("tina").token
    done = [what for who, what, _ in crowd.written(who="operator")]
    assert done[:2] == ["unlocked", "locked"]


def test_a_password_is_changed_by_who_knows_it(crowd: Crowd) -> None:
    crowd.add("tina")
    tina, desk = crowd.caller("tina"), crowd.people.desk
    token = crowd.entered("tina").token
    wrong = PasswordWish(old="not that one", new="another long one")
    assert why(lambda: desk.set_password(tina, wrong)).code is Code.LOGIN_WRONG
    assert crowd.written()[0] == ("tina", "password wrong", "tina")
    unfit = PasswordWish(old=PASSWORD, new="short")
    assert why(lambda: desk.set_password(tina, unfit)).code is Code.PASSWORD_UNFIT
    desk.set_password(tina, PasswordWish(old=PASSWORD, new="another long one"))
    assert why(lambda: crowd.people.entrance.session(token)).code is Code.SESSION_ENDED


def test_nobody_guesses_a_password_on_a_page_that_was_left_open(crowd: Crowd) -> None:
    crowd.add("tina")
    tina = crowd.caller("tina")
    wish = PinWish(password="not that one", pin="204816")  # noqa: S106 - of a test
    for _ in range(limits.LOGIN_TRIES_OF_NAME_MAX):
        assert why(lambda: crowd.people.desk.set_pin(tina, wish)).code is Code.LOGIN_WRONG
    assert why(lambda: crowd.people.desk.set_pin(tina, wish)).code is Code.LOGIN_LIMITED


def test_five_wrong_pins_lock_it_until_another_is_set(crowd: Crowd) -> None:
    crowd.add("tina")
    tina, desk = crowd.caller("tina"), crowd.people.desk
    assert why(lambda: desk.check_pin(tina, "204816")).code is Code.PIN_LOCKED
    desk.set_pin(tina, PinWish(password=PASSWORD, pin="204816"))
    desk.check_pin(tina, "204816")
    for _ in range(limits.PIN_TRIES_MAX - 1):
        assert why(lambda: desk.check_pin(tina, "204817")).code is Code.PIN_WRONG
    desk.check_pin(tina, "204816")
    for _ in range(limits.PIN_TRIES_MAX):
        assert why(lambda: desk.check_pin(tina, "204817")).code is Code.PIN_WRONG
    assert why(lambda: desk.check_pin(tina, "204816")).code is Code.PIN_LOCKED
    desk.set_password(tina, PasswordWish(old=PASSWORD, new="another long one"))
    assert why(lambda: desk.check_pin(tina, "204816")).code is Code.PIN_LOCKED
    desk.set_pin(tina, PinWish(password="another long one", pin="314159"))  # noqa: S106 - of a test
    desk.check_pin(tina, "314159")


def test_who_has_no_account_has_no_pin(crowd: Crowd) -> None:
    wish = PinWish(password=PASSWORD, pin="204816")
    assert why(lambda: crowd.people.desk.set_pin(CONSOLE, wish)).code is Code.NOT_ALLOWED
    gone = Caller(person=Person(name="gone", role=Role.NOC, account_id="gone"))
    assert why(lambda: crowd.people.desk.check_pin(gone, "1")).code is Code.NOT_ALLOWED


def test_accounts_come_in_pages(crowd: Crowd) -> None:
    for name in ("tina", "hugo", "aude"):
        crowd.add(name)
    page = crowd.people.desk.every(count=2)
    assert [each.name for each in page.people] == ["aude", "hugo"]
    rest = crowd.people.desk.every(after=page.next_after or "", count=2)
    assert ([each.name for each in rest.people], rest.next_after) == (["tina"], None)
    assert why(lambda: crowd.people.desk.known("nobody")).code is Code.PERSON_UNKNOWN


def test_a_code_is_known_as_it_is_heard() -> None:
    code = new_code()
    assert (len(code), code[5]) == (11, "-")
    assert as_kept(code) == as_kept(code.lower().replace("-", " ")) == code.replace("-", "")
    assert as_kept("7KQ2M-XO4TI") == "7KQ2MX04T1"
    assert as_kept(" a-Secret_of_a_link ") == "a-Secret_of_a_link"
