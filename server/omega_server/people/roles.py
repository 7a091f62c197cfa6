"""Roles, rights, and which role has which right: data, and one question asked of it.

    may(person, right, about)      yes or no
    demand(person, right, about)   nothing, or a refusal that says who may or who can allow it

A right is held over everything (`Scope.ANY`), over what is one's own (`Scope.OWN`), or not at all.
What is one's own goes by the role: a technician's are the sheets assigned to them and the lines
these are about, a customer's the line their link was made for, the vendor's assistance centre's
(helpdesk level 4) the tickets raised to it. Helpdesk levels are no ladder: level 4 reads a package
and nothing else, so each level is a post of its own in the matrix.

What an unknown subject is one's own of is nobody's: a name that was guessed is refused in the same
words whether or not there is something under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from omega_server.refusals import Code, RefusalError

HELPDESK_LEVELS = (1, 2, 3, 4)
VENDOR_LEVEL = 4


class Role(StrEnum):
    """What somebody is at the operator; `customer` is whoever holds a private link to a line."""

    TECHNICIAN = "technician"
    HELPDESK = "helpdesk"
    NOC = "noc"
    BACK_OFFICE = "back_office"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    CUSTOMER = "customer"


STAFF = tuple(role for role in Role if role is not Role.CUSTOMER)
"""Roles that accounts have."""


class Right(StrEnum):
    """What can be allowed."""

    SHEET_READ = "sheet_read"
    SHEET_PERSONAL = "sheet_personal"
    SHEET_PREPARE = "sheet_prepare"
    SHEET_WORK = "sheet_work"
    SHEET_SIGN = "sheet_sign"
    SHEET_ACCEPT = "sheet_accept"
    SHEET_WAIVE = "sheet_waive"
    SHEET_IMPORT = "sheet_import"
    SHEET_EXPORT = "sheet_export"
    LINE_READ = "line_read"
    LINE_PLACE = "line_place"
    RECORD_READ = "record_read"
    MEASURE = "measure"
    MEASURE_WITHDRAW = "measure_withdraw"
    SELF_TEST = "self_test"
    TICKET_READ = "ticket_read"
    TICKET_OPEN = "ticket_open"
    TICKET_WORK = "ticket_work"
    TICKET_CONSENT = "ticket_consent"
    PACKAGE_READ = "package_read"
    PACKAGE_READ_BARE = "package_read_bare"
    LINK_MAKE = "link_make"
    NETWORK_READ = "network_read"
    AGENTS_READ = "agents_read"
    AGENTS_TAG = "agents_tag"
    SCHEDULES_READ = "schedules_read"
    SCHEDULES_CHANGE = "schedules_change"
    SUPPRESS = "suppress"
    METRICS_READ = "metrics_read"
    EXCHANGE = "exchange"
    PEOPLE = "people"
    AUDIT_READ = "audit_read"


class Scope(StrEnum):
    """Over what a right is held."""

    ANY = "any"
    OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who has come in. A customer is known by their line, never by a name.

    `level` is of the helpdesk only; `account_id` is None for a customer and for the holder of the
    operator's token.
    """

    name: str
    role: Role
    level: int | None = None
    subscriber_ref: str | None = None
    account_id: str | None = None
    language: str = "fr"


OPERATOR = Person(name="operator", role=Role.ADMINISTRATOR)
"""Whoever holds the operator's token, or may read the data folder; nobody's account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and from which address; the machine itself has none."""

    person: Person
    address: str = ""


CONSOLE = Caller(person=OPERATOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is to be done something with, as far as it decides whose it is; None is not known.

    `technicians` are those to whom its sheet, or a sheet of its line, is assigned.
    """

    technicians: frozenset[str] = frozenset()
    subscriber_ref: str | None = None
    ticket_level: int | None = None


NOTHING = About()
Post: TypeAlias = tuple[Role, int | None]
Rights: TypeAlias = Mapping[Right, Scope]


def _over(scope: Scope, rights: Iterable[Right]) -> dict[Right, Scope]:
    return dict.fromkeys(rights, scope)


_LOOKING = frozenset(
    {
        Right.SHEET_READ,
        Right.LINE_READ,
        Right.RECORD_READ,
        Right.TICKET_READ,
        Right.NETWORK_READ,
        Right.AGENTS_READ,
        Right.SCHEDULES_READ,
    }
)
_CALLING = frozenset(
    {
        Right.SHEET_READ,
        Right.SHEET_PERSONAL,
        Right.LINE_READ,
        Right.RECORD_READ,
        Right.MEASURE,
        Right.MEASURE_WITHDRAW,
        Right.TICKET_READ,
        Right.TICKET_OPEN,
        Right.TICKET_WORK,
        Right.TICKET_CONSENT,
        Right.PACKAGE_READ,
        Right.PACKAGE_READ_BARE,
        Right.LINK_MAKE,
        Right.AGENTS_READ,
    }
)
_RESOLVING = _CALLING | {Right.SHEET_WAIVE, Right.NETWORK_READ, Right.SCHEDULES_READ}

RIGHTS: Mapping[Post, Rights] = MappingProxyType(
    {
        (Role.TECHNICIAN, None): {
            **_over(Scope.ANY, {Right.AGENTS_READ}),
            **_over(
                Scope.OWN,
                {
                    Right.SHEET_READ,
                    Right.SHEET_PERSONAL,
                    Right.SHEET_WORK,
                    Right.SHEET_SIGN,
                    Right.LINE_READ,
                    Right.LINE_PLACE,
                    Right.RECORD_READ,
                    Right.MEASURE,
                    Right.MEASURE_WITHDRAW,
                    Right.TICKET_READ,
                    Right.TICKET_WORK,
                },
            ),
        },
        (Role.HELPDESK, 1): _over(Scope.ANY, _CALLING),
        (Role.HELPDESK, 2): _over(Scope.ANY, _CALLING | {Right.LINE_PLACE}),
        (Role.HELPDESK, 3): _over(Scope.ANY, _RESOLVING | {Right.LINE_PLACE}),
        (Role.HELPDESK, VENDOR_LEVEL): _over(Scope.OWN, {Right.PACKAGE_READ_BARE}),
        (Role.NOC, None): _over(
            Scope.ANY,
            _LOOKING
            | {
                Right.MEASURE,
                Right.MEASURE_WITHDRAW,
                Right.TICKET_OPEN,
                Right.TICKET_WORK,
                Right.PACKAGE_READ_BARE,
                Right.AGENTS_TAG,
                Right.SCHEDULES_CHANGE,
                Right.SUPPRESS,
                Right.METRICS_READ,
            },
        ),
        (Role.BACK_OFFICE, None): _over(
            Scope.ANY,
            {
                Right.SHEET_READ,
                Right.SHEET_PERSONAL,
                Right.SHEET_PREPARE,
                Right.SHEET_IMPORT,
                Right.SHEET_EXPORT,
                Right.LINE_READ,
                Right.LINE_PLACE,
                Right.RECORD_READ,
                Right.TICKET_READ,
                Right.TICKET_OPEN,
                Right.LINK_MAKE,
                Right.AGENTS_READ,
            },
        ),
        (Role.ADMINISTRATOR, None): _over(Scope.ANY, Right),
        (Role.AUDITOR, None): _over(
            Scope.ANY, _LOOKING | {Right.PACKAGE_READ_BARE, Right.AUDIT_READ}
        ),
        (Role.CUSTOMER, None): _over(
            Scope.OWN,
            {
                Right.SHEET_READ,
                Right.SHEET_PERSONAL,
                Right.SHEET_ACCEPT,
                Right.LINE_READ,
                Right.RECORD_READ,
                Right.SELF_TEST,
                Right.TICKET_OPEN,
                Right.TICKET_CONSENT,
            },
        ),
    }
)
"""Every post with its rights. The administrator signs nothing for others: see `PERSONAL_ACTS`."""

PERSONAL_ACTS = frozenset({Right.SHEET_SIGN, Right.SHEET_ACCEPT})
"""Done by whom it concerns, or by nobody: no role has them over everything."""


def check_post(role: Role, level: int | None) -> None:
    """Raise RefusalError `person_unfit` for what no account can be."""
    if role is Role.CUSTOMER:
        detail = "customers have no account: give them a private link to their line"
        raise RefusalError(Code.PERSON_UNFIT, detail)
    if (role, level) not in RIGHTS:
        needs = "a level from 1 to 4" if role is Role.HELPDESK else "no level"
        raise RefusalError(Code.PERSON_UNFIT, f"the role {role.value} has {needs}")


def scope_of(person: Person, right: Right) -> Scope | None:
    """Return over what somebody holds a right; None where not at all."""
    held = RIGHTS.get((person.role, person.level), {}).get(right)
    if held is Scope.ANY and right in PERSONAL_ACTS:
        return None
    return held


def may(person: Person, right: Right, about: About = NOTHING) -> bool:
    """Say whether somebody may do something with something."""
    match scope_of(person, right):
        case Scope.ANY:
            return True
        case Scope.OWN:
            return is_own(person, about)
        case None:
            return False


def is_own(person: Person, about: About) -> bool:
    """Say whether something is somebody's own."""
    match person.role:
        case Role.CUSTOMER:
            mine = person.subscriber_ref
            return mine is not None and mine == about.subscriber_ref
        case Role.TECHNICIAN:
            return person.name in about.technicians
        case Role.HELPDESK:
            return person.level is not None and person.level == about.ticket_level
        case _:
            return False


def level_of(person: Person) -> int | None:
    """Return at which level somebody writes to tickets; None for one who may name any."""
    match person.role:
        case Role.ADMINISTRATOR:
            return None
        case Role.HELPDESK:
            return person.level
        case Role.TECHNICIAN:
            return 2
        case Role.NOC:
            return 3
        case _:
            return 1


def demand(person: Person, right: Right, about: About = NOTHING) -> None:
    """Raise RefusalError `not_allowed` unless somebody may do something with something."""
    if may(person, right, about):
        return
    if scope_of(person, right) is Scope.OWN:
        raise RefusalError(Code.NOT_ALLOWED, _NOT_OWN[person.role])
    holders = " or ".join(posts_with(right))
    raise RefusalError(Code.NOT_ALLOWED, f"this needs {holders}; an administrator gives roles")


_NOT_OWN: Mapping[Role, str] = {
    Role.TECHNICIAN: "not a sheet, ticket or line of yours; the back office assigns sheets",
    Role.HELPDESK: "not a ticket raised to your level; the helpdesk raises tickets",
    Role.CUSTOMER: "not of your line; the helpdesk gives links to a line",
}


def posts_with(right: Right) -> list[str]:
    """Return who holds a right, in words, in the order of the matrix."""
    return [
        post_name(role, level)
        for (role, level), rights in RIGHTS.items()
        if right in rights and not (rights[right] is Scope.ANY and right in PERSONAL_ACTS)
    ]


def post_name(role: Role, level: int | None) -> str:
    """Return a role in words."""
    words = role.value.replace("_", " ")
    return words if level is None else f"{words} level {level}"
