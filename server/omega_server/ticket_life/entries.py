"""The entries of a ticket's log: typed, each with who wrote it and when.

    opened, record, diagnosis          written by the product: a number given, a record posted, a
                                       step of an agent that was told to measure
    connected, delivered, delivery_stopped    by the product too: its number in a system of the
                                       operator, and what became of a record on the way there
    owned, eta, eta_told, started      who answers for it, and until when
    zone, criticality                  what was found, and how grave it is
    waiting, resumed                   for whom it waits, and that this is over
    note, dispatched, arrived, contacted, escalated, returned, linked
    resolved, fault_returned, consent, waiver, closed, cancelled, rejected

`omega_server.ticket_life.entry` puts them into the store. The names are stored and never change; a
field that is added later has a default, so that older logs are read for ever. A body says only what
was said; what follows from it is in `omega_server.ticket_life.life`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from omega_core.facts import Fact
from omega_core.limits import (
    REASON_CHARS_MAX,
    SECTOR_LINES_MAX,
    TICKET_NAME_CHARS_MAX,
    TICKET_PARTS_MAX,
    TICKET_TEXT_CHARS_MAX,
)
from omega_core.models import Digest, Id, UnixUs

Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=TICKET_TEXT_CHARS_MAX)]
PersonName: TypeAlias = Annotated[str, Field(min_length=1, max_length=TICKET_NAME_CHARS_MAX)]
Level: TypeAlias = Annotated[int, Field(ge=1, le=4)]
_Lines: TypeAlias = Annotated[int, Field(ge=0, le=SECTOR_LINES_MAX)]
_Names: TypeAlias = Annotated[tuple[Id, ...], Field(max_length=TICKET_PARTS_MAX)]
_Digests: TypeAlias = Annotated[tuple[Digest, ...], Field(max_length=TICKET_PARTS_MAX)]


class Channel(StrEnum):
    """How somebody was told, or told us."""

    PHONE = "phone"
    MAIL = "mail"
    MESSAGE = "message"
    LETTER = "letter"
    IN_PERSON = "in_person"
    WEB = "web"


class Criticality(StrEnum):
    """How grave a fault is for its customer."""

    BLOCKING = "blocking"
    DEGRADED = "degraded"
    MINOR = "minor"


class ZoneCode(StrEnum):
    """Where the fault is, walking from the device outwards; `none` where nothing is wrong."""

    HOME = "Z0"
    CPE = "Z1"
    ACCESS = "Z2"
    CORE = "Z3"
    BEYOND = "Z4"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor(Fact):
    """Who wrote an entry, and at which level of the operator: 1 customer service to 4 vendor."""

    name: PersonName
    level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalId(Fact):
    """What another system calls the ticket."""

    id: PersonName
    owner: PersonName | None = None
    type: PersonName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Fact):
    """The number was given. `recurs`: the fault of `predecessor` came back within days."""

    channel: Channel = Channel.PHONE
    severity: PersonName | None = None
    ticket_type: PersonName | None = None
    predecessor: Id | None = None
    recurs: bool = False
    external: Annotated[tuple[ExternalId, ...], Field(max_length=TICKET_PARTS_MAX)] = ()
    rules: Id | None = None
    """The version of the priority rules that the ticket keeps; None of one older than the rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPosted(Fact):
    """A record came in for the ticket, as the server judged it.

    `asked_unix_us` is when its session was granted, by the server's clock: the line was as it was
    then, or later. None of what an older program wrote, or where no session could be had.
    """

    digest: Digest
    verdict: PersonName | None
    mode: PersonName | None = None
    granted: bool | None = None
    asked_unix_us: UnixUs | None = None
    passed: tuple[PersonName, ...] = ()
    failed: tuple[PersonName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Fact):
    """An agent was told to measure the line, or says what became of that.

    `by` is who wanted it, or wants it no more; `code` and `detail` say why it waits or ended
    otherwise than with a record. It moves no ticket: the record does.
    """

    step: Literal["asked", "waits", "begun", "refused", "done", "failed", "cancelled"]
    instruction: Id
    agent: Id
    by: Id | None = None
    code: PersonName | None = None
    detail: Annotated[str, Field(max_length=REASON_CHARS_MAX)] | None = None
    record: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(Fact):
    """The ticket has a number in a system of the operator: its records are delivered there."""

    system: Id
    external_id: PersonName


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Fact):
    """A record of this ticket can be seen in that system."""

    system: Id
    external_id: PersonName
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStopped(Fact):
    """A record did not get there, and will not before somebody acts: `code` says why."""

    system: Id
    external_id: PersonName
    digest: Digest
    code: PersonName
    detail: Annotated[str, Field(max_length=REASON_CHARS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned(Fact):
    """Somebody answers for the ticket from now on."""

    owner: PersonName


@dataclass(frozen=True, slots=True, kw_only=True)
class EtaSet(Fact):
    """When it will be mended, as was promised; an extension where there is one already.

    `told_by` says how the customer was told in the same moment.
    """

    eta_unix_us: UnixUs
    reason: Text
    told_by: Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EtaTold(Fact):
    """The customer was told the present estimate."""

    channel: Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Fact):
    """Localising the fault has begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFound(Fact):
    """Where the fault is, or that this is not known and why.

    `sentences` are codes to be rendered for each audience, `evidence` the records it rests on,
    `finding` everything else that whoever localised the fault wants kept, as JSON.
    """

    zone: ZoneCode
    confidence_ppm: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    reason: Text | None = None
    lines_alike: _Lines | None = None
    sentences: _Names = ()
    evidence: _Digests = ()
    finding: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalitySet(Fact):
    """Somebody says how grave it is, whatever the verdict says."""

    criticality: Criticality
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Fact):
    """The ticket waits: `pending` for the customer, `held` for a third party or for stock."""

    status: Literal["pending", "held"]
    party: PersonName
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Fact):
    """What was waited for has come."""

    event: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Fact):
    """Work, test, dialogue, measure taken, or notice. `changes_line`: older records are history."""

    about: Literal["work", "test", "dialogue", "measure", "notice"] = "work"
    text: Text
    changes_line: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched(Fact):
    """Somebody goes there. `no_remote_reason` says why nothing was measured before."""

    to: PersonName
    reason: Text
    no_remote_reason: Text | None = None
    spares: Annotated[tuple[PersonName, ...], Field(max_length=TICKET_PARTS_MAX)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived(Fact):
    """They are on site."""

    place: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacted(Fact):
    """An attempt to reach the customer, dated; a notice where it reached them."""

    channel: Channel
    reached: bool
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated(Fact):
    """A higher level takes over, and is asked something."""

    level: Level
    reason: Text
    question: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned(Fact):
    """A higher level gives the ticket back, with what it found."""

    level: Level
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked(Fact):
    """Another ticket belongs with this one."""

    ticket_id: Id
    relation: Literal["same_fault", "same_sector", "successor", "related"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved(Fact):
    """The remedy; `done_unix_us` when it was applied, if that was earlier than its entry."""

    remedy: Text
    done_unix_us: UnixUs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultReturned(Fact):
    """The same fault came back before the ticket was closed."""

    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(Fact):
    """What the customer says of closing: who, when, and how. A no begins the work again."""

    person: PersonName
    channel: Channel
    agrees: bool
    said_unix_us: UnixUs
    text: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver(Fact):
    """Level 3 answers for closing without a measurement after the remedy."""

    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Fact):
    """Measured or waived, and the customer agrees."""

    text: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Fact):
    """The customer withdraws it: who said so, and how."""

    reason: Text
    person: PersonName
    channel: Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Fact):
    """Not ours, and where to turn instead."""

    reason: Text
    turn_to: Text


Body: TypeAlias = (
    Opened
    | RecordPosted
    | Diagnosis
    | Connected
    | Delivered
    | DeliveryStopped
    | Owned
    | EtaSet
    | EtaTold
    | Started
    | ZoneFound
    | CriticalitySet
    | Waiting
    | Resumed
    | Note
    | Dispatched
    | Arrived
    | Contacted
    | Escalated
    | Returned
    | Linked
    | Resolved
    | FaultReturned
    | Consent
    | Waiver
    | Closed
    | Cancelled
    | Rejected
)

KINDS: Mapping[str, type[Body]] = MappingProxyType(
    {
        "opened": Opened,
        "record": RecordPosted,
        "diagnosis": Diagnosis,
        "connected": Connected,
        "delivered": Delivered,
        "delivery_stopped": DeliveryStopped,
        "owned": Owned,
        "eta": EtaSet,
        "eta_told": EtaTold,
        "started": Started,
        "zone": ZoneFound,
        "criticality": CriticalitySet,
        "waiting": Waiting,
        "resumed": Resumed,
        "note": Note,
        "dispatched": Dispatched,
        "arrived": Arrived,
        "contacted": Contacted,
        "escalated": Escalated,
        "returned": Returned,
        "linked": Linked,
        "resolved": Resolved,
        "fault_returned": FaultReturned,
        "consent": Consent,
        "waiver": Waiver,
        "closed": Closed,
        "cancelled": Cancelled,
        "rejected": Rejected,
    }
)
KIND_OF: Mapping[type[Body], str] = MappingProxyType({body: kind for kind, body in KINDS.items()})
BY_PRODUCT = frozenset(
    {"opened", "record", "diagnosis", "connected", "delivered", "delivery_stopped"}
)
STEPS: tuple[str, ...] = tuple(kind for kind in KINDS if kind not in BY_PRODUCT)
"""What people can do to a ticket that is open; the others are written by the product."""
