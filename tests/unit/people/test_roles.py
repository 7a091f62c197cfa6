"""Who may do what."""

from __future__ import annotations

import pytest

from omega_server.people.roles import RIGHTS, Person, Right, Role, check_level
from omega_server.refusals import Code, RefusalError


def person(role: Role, level: int = 0) -> Person:
    return Person(name="claire", role=role, level=level, language=None)


def test_every_role_has_its_rights_and_every_right_somebody() -> None:
    assert set(RIGHTS) == set(Role)
    assert frozenset[Right]().union(*RIGHTS.values()) == set(Right)


@pytest.mark.parametrize(
    ("role", "right", "may"),
    [
        (Role.HELPDESK, Right.TICKETS_WORK, True),
        (Role.HELPDESK, Right.SHEETS_SIGN, False),
        (Role.TECHNICIAN, Right.SHEETS_SIGN, True),
        (Role.NOC, Right.TICKETS_WORK, False),
        (Role.AUDITOR, Right.AUDIT_READ, True),
        (Role.ADMINISTRATOR, Right.SHEETS_SIGN, False),
        (Role.ADMINISTRATOR, Right.PEOPLE, True),
        (Role.BACK_OFFICE, Right.TICKETS_READ, False),
    ],
)
def test_the_table(role: Role, right: Right, *, may: bool) -> None:
    assert person(role).may(right) is may
    if may:
        person(role).check(right)
        return
    with pytest.raises(RefusalError, match=role) as refused:
        person(role).check(right)
    assert refused.value.code is Code.NOT_PERMITTED


def test_an_auditor_changes_nothing() -> None:
    assert all(right.value.endswith("_read") for right in RIGHTS[Role.AUDITOR])


@pytest.mark.parametrize(
    ("role", "level", "is_right"),
    [
        (Role.HELPDESK, 1, True),
        (Role.HELPDESK, 4, True),
        (Role.HELPDESK, 0, False),
        (Role.TECHNICIAN, 2, True),
        (Role.TECHNICIAN, 3, False),
        (Role.NOC, 0, True),
        (Role.NOC, 1, False),
    ],
)
def test_levels_are_of_the_helpdesk(role: Role, level: int, *, is_right: bool) -> None:
    if is_right:
        check_level(role, level)
        return
    with pytest.raises(RefusalError):
        check_level(role, level)
