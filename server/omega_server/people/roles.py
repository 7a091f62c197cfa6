"""Who may do what: roles, rights, and the table between them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from omega_server.refusals import Code, RefusalError


class Role(StrEnum):
    """What somebody is at the operator's."""

    TECHNICIAN = "technician"
    HELPDESK = "helpdesk"
    NOC = "noc"
    BACK_OFFICE = "back_office"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Right(StrEnum):
    """One thing that one may do, or see."""

    SHEETS_READ = "sheets_read"
    SHEETS_WORK = "sheets_work"
    SHEETS_MEASURE = "sheets_measure"
    SHEETS_SIGN = "sheets_sign"
    TICKETS_READ = "tickets_read"
    TICKETS_WORK = "tickets_work"
    DIAGNOSE = "diagnose"
    RECORDS_READ = "records_read"
    FLEET_READ = "fleet_read"
    IMPORT = "import"
    PEOPLE = "people"
    AUDIT_READ = "audit_read"


RIGHTS: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.TECHNICIAN: frozenset(
            {
                Right.SHEETS_READ,
                Right.SHEETS_MEASURE,
                Right.SHEETS_SIGN,
                Right.TICKETS_READ,
                Right.TICKETS_WORK,
                Right.DIAGNOSE,
                Right.RECORDS_READ,
            }
        ),
        Role.HELPDESK: frozenset(
            {Right.TICKETS_READ, Right.TICKETS_WORK, Right.DIAGNOSE, Right.RECORDS_READ}
        ),
        Role.NOC: frozenset(
            {Right.FLEET_READ, Right.RECORDS_READ, Right.TICKETS_READ, Right.DIAGNOSE}
        ),
        Role.BACK_OFFICE: frozenset(
            {Right.SHEETS_READ, Right.SHEETS_WORK, Right.RECORDS_READ, Right.IMPORT}
        ),
        # Whoever gives rights signs nothing in the name of those who have them.
        Role.ADMINISTRATOR: frozenset(Right) - {Right.SHEETS_SIGN},
        Role.AUDITOR: frozenset(
            {
                Right.SHEETS_READ,
                Right.TICKETS_READ,
                Right.RECORDS_READ,
                Right.FLEET_READ,
                Right.AUDIT_READ,
            }
        ),
    }
)
LEVELS: Final[Mapping[Role, frozenset[int]]] = MappingProxyType(
    {
        Role.TECHNICIAN: frozenset({2}),
        Role.HELPDESK: frozenset({1, 2, 3, 4}),
    }
)
"""At which levels of the helpdesk a role stands; at none where it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is logged in. `level` is the helpdesk's, 0 of those who are not of it."""

    name: str
    role: Role
    level: int
    language: str | None

    def may(self, right: Right) -> bool:
        """Say whether they have a right."""
        return right in RIGHTS[self.role]

    def check(self, right: Right) -> None:
        """Raise RefusalError `not_permitted` where they have not."""
        if not self.may(right):
            able = ", ".join(role for role in Role if right in RIGHTS[role])
            raise RefusalError(
                Code.NOT_PERMITTED, f"{self.role} may not do that ({right}); these may: {able}"
            )


def check_level(role: Role, level: int) -> None:
    """Raise RefusalError `schema_invalid` where a role has no such level."""
    allowed = LEVELS.get(role, frozenset({0}))
    if level not in allowed:
        told = ", ".join(map(str, sorted(allowed)))
        raise RefusalError(Code.SCHEMA_INVALID, f"the level of a {role} is one of: {told}")
