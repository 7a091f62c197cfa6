"""Roles and rights: the matrix read as sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omega_server.people.roles import (
    NOTHING,
    OPERATOR,
    PERSONAL_ACTS,
    RIGHTS,
    STAFF,
    About,
    Person,
    Right,
    Role,
    Scope,
    check_post,
    demand,
    level_of,
    may,
    post_name,
    posts_with,
    scope_of,
)
from omega_server.refusals import Code
from support.people import why

TINA = Person(name="tina", role=Role.TECHNICIAN)
HUGO = Person(name="hugo", role=Role.HELPDESK, level=1)
HEDI = Person(name="hedi", role=Role.HELPDESK, level=3)
VERA = Person(name="vera", role=Role.HELPDESK, level=4)
NOC = Person(name="nico", role=Role.NOC)
OFFICE = Person(name="odile", role=Role.BACK_OFFICE)
AUDITOR = Person(name="aude", role=Role.AUDITOR)
CUSTOMER = Person(name="S-1", role=Role.CUSTOMER, subscriber_ref="S-1")
HERS = About(technicians=frozenset({"tina", "tom"}), subscriber_ref="S-1")
OTHERS = About(technicians=frozenset({"tom"}), subscriber_ref="S-2", ticket_level=3)


@pytest.mark.parametrize(
    ("person", "right", "about", "expected"),
    [
        pytest.param(TINA, Right.SHEET_SIGN, HERS, True, id="a technician signs a sheet of hers"),
        pytest.param(TINA, Right.SHEET_SIGN, OTHERS, False, id="and nobody else's"),
        pytest.param(TINA, Right.SHEET_SIGN, NOTHING, False, id="nor one that is not there"),
        pytest.param(TINA, Right.SHEET_WAIVE, HERS, False, id="and waives nothing on hers"),
        pytest.param(HUGO, Right.TICKET_OPEN, NOTHING, True, id="customer service opens tickets"),
        pytest.param(HUGO, Right.SHEET_WAIVE, HERS, False, id="and waives nothing"),
        pytest.param(HEDI, Right.SHEET_WAIVE, OTHERS, True, id="technical support waives"),
        pytest.param(VERA, Right.TICKET_READ, OTHERS, False, id="the vendor reads no ticket"),
        pytest.param(
            VERA,
            Right.PACKAGE_READ_BARE,
            About(ticket_level=4),
            True,
            id="the vendor reads the package of a ticket raised to it",
        ),
        pytest.param(VERA, Right.PACKAGE_READ_BARE, OTHERS, False, id="and of no other"),
        pytest.param(NOC, Right.SUPPRESS, NOTHING, True, id="the NOC suppresses measuring"),
        pytest.param(NOC, Right.SHEET_PERSONAL, HERS, False, id="the NOC sees no names"),
        pytest.param(OFFICE, Right.SHEET_PREPARE, NOTHING, True, id="the back office prepares"),
        pytest.param(OFFICE, Right.SHEET_SIGN, HERS, False, id="and does not sign"),
        pytest.param(AUDITOR, Right.AUDIT_READ, NOTHING, True, id="the auditor reads the log"),
        pytest.param(AUDITOR, Right.SHEET_PERSONAL, HERS, False, id="the auditor sees no names"),
        pytest.param(CUSTOMER, Right.LINE_READ, HERS, True, id="a customer sees their line"),
        pytest.param(CUSTOMER, Right.LINE_READ, OTHERS, False, id="and no other"),
        pytest.param(CUSTOMER, Right.SHEET_ACCEPT, HERS, True, id="a customer accepts theirs"),
        pytest.param(OPERATOR, Right.PEOPLE, NOTHING, True, id="the operator keeps accounts"),
        pytest.param(OPERATOR, Right.SHEET_SIGN, HERS, False, id="and signs for nobody"),
        pytest.param(OPERATOR, Right.SHEET_ACCEPT, HERS, False, id="nor accepts for anybody"),
    ],
)
def test_who_may_do_what(person: Person, right: Right, about: About, expected: bool) -> None:  # noqa: FBT001 - a column
    assert may(person, right, about) is expected
    if expected:
        demand(person, right, about)
    else:
        assert why(lambda: demand(person, right, about)).code is Code.NOT_ALLOWED


def test_a_guessed_name_is_refused_in_the_same_words_as_anothers() -> None:
    guessed = why(lambda: demand(TINA, Right.SHEET_READ, NOTHING))
    others = why(lambda: demand(TINA, Right.SHEET_READ, OTHERS))
    assert str(guessed) == str(others)


def test_a_refusal_names_who_may() -> None:
    said = str(why(lambda: demand(HUGO, Right.SHEET_WAIVE)))
    assert said == "this needs helpdesk level 3 or administrator; an administrator gives roles"


def test_only_those_concerned_sign() -> None:
    for right in PERSONAL_ACTS:
        scopes = {rights.get(right) for rights in RIGHTS.values()} - {None}
        assert Scope.OWN in scopes
    assert posts_with(Right.SHEET_SIGN) == ["technician"]
    assert posts_with(Right.SHEET_ACCEPT) == ["customer"]


def test_only_administrators_keep_accounts() -> None:
    assert posts_with(Right.PEOPLE) == ["administrator"]


def test_every_right_is_somebodys_beside_the_administrators() -> None:
    lone = [right for right in Right if posts_with(right) in ([], ["administrator"])]
    assert lone == [Right.EXCHANGE, Right.PEOPLE]


def test_a_person_without_a_post_may_nothing() -> None:
    lost = Person(name="lost", role=Role.HELPDESK, level=None)
    assert [right for right in Right if scope_of(lost, right) is not None] == []


@pytest.mark.parametrize(
    ("role", "level"), [(role, level) for role, level in RIGHTS if role is not Role.CUSTOMER]
)
def test_every_post_of_the_matrix_can_be_given(role: Role, level: int | None) -> None:
    check_post(role, level)


@pytest.mark.parametrize(
    ("role", "level"),
    [
        pytest.param(Role.CUSTOMER, None, id="a customer has no account"),
        pytest.param(Role.HELPDESK, None, id="the helpdesk has a level"),
        pytest.param(Role.HELPDESK, 5, id="which is 4 at most"),
        pytest.param(Role.HELPDESK, 0, id="and 1 at least"),
        pytest.param(Role.TECHNICIAN, 2, id="nobody else has one"),
    ],
)
def test_other_posts_are_refused(role: Role, level: int | None) -> None:
    assert why(lambda: check_post(role, level)).code is Code.PERSON_UNFIT


def test_every_role_of_staff_has_a_post() -> None:
    assert {role for role, _ in RIGHTS} == {*STAFF, Role.CUSTOMER}


@pytest.mark.parametrize(
    ("person", "level"),
    [(OPERATOR, None), (HEDI, 3), (TINA, 2), (NOC, 3), (OFFICE, 1), (CUSTOMER, 1)],
)
def test_at_which_level_somebody_writes(person: Person, level: int | None) -> None:
    assert level_of(person) == level


def test_the_document_has_the_matrix_as_it_is() -> None:
    document = Path(__file__).parents[3] / "docs" / "people.md"
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", document.read_text("utf-8"), re.MULTILINE)
    assert dict(rows) == {right.value: ", ".join(_holders(right)) for right in Right}


def _holders(right: Right) -> list[str]:
    people = [Person(name="somebody", role=role, level=level) for role, level in RIGHTS]
    scopes = [(person, scope_of(person, right)) for person in people]
    return [
        post_name(person.role, person.level) + (" (own)" if scope is Scope.OWN else "")
        for person, scope in scopes
        if scope is not None
    ]
