"""A ticket as TMF621 v5 `TroubleTicket`, and what a client of that interface may ask for.

Read. `status` and its history are the ticket's own; `expectedResolutionDate` is the estimate that
holds, `resolutionDate` when the remedy was recorded. Each record is a `relatedEntity` of role
`diagnostics` that refers to a `ServiceTest`; zone and verdict are characteristics.

Create. `description`, `severity` and `ticketType` are required there, and here the subscriber too:
a `relatedEntity` of role `subscriber`.

Change. A JSON Patch that adds to `/note/-`, and a change of `status`, which is the step of our own
that leads there, with all its guards. A merge patch that holds `note` is refused: it would replace
the whole list, and the log only grows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from omega_core.canonical import NotPlainJsonError, parse_plain
from omega_core.limits import DESCRIPTION_CHARS_MAX, TICKET_PARTS_MAX
from omega_core.models import Id
from omega_server.refusals import Code, RefusalError
from omega_server.ticket_desk import NewTicket
from omega_server.ticket_life import entries as log
from omega_server.ticket_life.entries import Actor, Body, Channel
from omega_server.ticket_life.life import Life, Status
from omega_server.ticket_views import PriorityView
from omega_server.tickets import Ticket
from omega_server.tmf.words import Json, moment

BASE = "/tmf-api/troubleTicket/v5/troubleTicket"
TEST_BASE = "/tmf-api/serviceTestManagement/v4/serviceTest"
CLIENT = Actor(name="tmf621", level=1)
"""Who acts where the interface names nobody."""
_SEVERITY = {1: "Critical", 2: "Major", 3: "Minor", 4: "Minor"}


class _Asked(BaseModel):
    """What other systems send may hold more than we know: it is theirs, and ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _EntityRef(_Asked):
    id: Id


class _RelatedEntity(_Asked):
    role: log.PersonName
    entity: _EntityRef


class _ExternalIdentifier(_Asked):
    id: log.PersonName
    owner: log.PersonName | None = None
    externalIdentifierType: log.PersonName | None = None  # noqa: N815 - TM Forum's name


class TroubleTicketCreate(_Asked):
    """`TroubleTicket_FVO`, as far as it is kept."""

    description: Annotated[str, Field(min_length=1, max_length=DESCRIPTION_CHARS_MAX)]
    severity: log.PersonName
    ticketType: log.PersonName  # noqa: N815 - TM Forum's name
    type_: Annotated[Literal["TroubleTicket"], Field(alias="@type")]
    relatedEntity: Annotated[  # noqa: N815 - TM Forum's name
        tuple[_RelatedEntity, ...], Field(max_length=TICKET_PARTS_MAX)
    ]
    externalIdentifier: Annotated[  # noqa: N815 - TM Forum's name
        tuple[_ExternalIdentifier, ...], Field(max_length=TICKET_PARTS_MAX)
    ] = ()


class _Note(_Asked):
    text: log.Text
    author: log.PersonName | None = None


class TroubleTicketUpdate(_Asked):
    """`TroubleTicket_MVO`, as far as it can be changed."""

    status: Status | None = None
    statusChangeReason: log.Text | None = None  # noqa: N815 - TM Forum's name
    note: Any = None


class _Operation(_Asked):
    op: Literal["add", "replace", "test"]
    path: log.PersonName
    value: Any = None


_OPERATIONS = TypeAdapter(Annotated[tuple[_Operation, ...], Field(max_length=TICKET_PARTS_MAX)])
_NOTE = TypeAdapter(_Note)
_UPDATE = TypeAdapter(TroubleTicketUpdate)
_CREATE = TypeAdapter(TroubleTicketCreate)
StepAsked: TypeAlias = tuple[Actor, Body]


def trouble_ticket(ticket: Ticket, priority: PriorityView) -> Json:
    """Return a ticket as `TroubleTicket`."""
    life = ticket.life
    content: Json = {
        "@type": "TroubleTicket",
        "id": ticket.row.ticket_id,
        "href": f"{BASE}/{ticket.row.ticket_id}",
        "description": ticket.row.description,
        "severity": life.opened.severity or _SEVERITY[priority.priority],
        "ticketType": life.opened.ticket_type or "fault",
        "priority": str(priority.priority),
        "creationDate": moment(life.opened_unix_us),
        "lastUpdate": moment(ticket.entries[-1].at_unix_us),
        "status": life.status.value,
        "statusChangeDate": moment(life.history[-1].at_unix_us),
        "statusChangeReason": life.history[-1].reason,
        "statusChangeHistory": [
            {
                "@type": "StatusChange",
                "status": change.status.value,
                "statusChangeDate": moment(change.at_unix_us),
                "statusChangeReason": change.reason,
            }
            for change in life.history
        ],
        "note": list(_notes(ticket)),
        "relatedEntity": list(_related(ticket)),
        "troubleTicketCharacteristic": list(_characteristics(life)),
        "troubleTicketRelationship": list(_relationships(life)),
        "externalIdentifier": [
            {"@type": "ExternalIdentifier", **_stated(each)} for each in life.opened.external
        ],
    }
    if life.eta is not None:
        content["expectedResolutionDate"] = moment(life.eta.eta_unix_us)
    if life.resolved_unix_us is not None:
        content["resolutionDate"] = moment(life.resolved_unix_us)
    return content


def new_ticket(data: bytes) -> NewTicket:
    """Return what a create asks for; raises RefusalError `schema_invalid`."""
    asked: TroubleTicketCreate = _parsed(_CREATE, data)
    whose = [each.entity.id for each in asked.relatedEntity if each.role == "subscriber"]
    if len(whose) != 1:
        raise RefusalError(
            Code.SCHEMA_INVALID, "one relatedEntity of role subscriber says whose ticket it is"
        )
    return NewTicket(
        subscriber_ref=whose[0],
        description=asked.description,
        actor=CLIENT,
        channel=Channel.WEB,
        severity=asked.severity,
        ticket_type=asked.ticketType,
        external=tuple(
            log.ExternalId(id=each.id, owner=each.owner, type=each.externalIdentifierType)
            for each in asked.externalIdentifier
        ),
    )


def steps_of_merge(data: bytes, life: Life) -> list[StepAsked]:
    """Return the steps that a merge patch asks for; raises RefusalError."""
    asked: TroubleTicketUpdate = _parsed(_UPDATE, data)
    if asked.note is not None:
        raise RefusalError(
            Code.SCHEMA_INVALID, "a merge patch would replace all notes: add to /note/- instead"
        )
    if asked.status is None:
        raise RefusalError(Code.SCHEMA_INVALID, "status is what can be changed this way")
    return [(CLIENT, _step_to(asked.status, asked.statusChangeReason, life))]


def steps_of_operations(data: bytes, life: Life) -> list[StepAsked]:
    """Return the steps that a JSON Patch asks for, the change of status first.

    First, because it may be refused, and then nothing of the patch is done. Raises RefusalError.
    """
    operations = _parsed(_OPERATIONS, data)
    fields: Json = {}
    notes: list[StepAsked] = []
    for operation in operations:
        match operation.op, operation.path:
            case "add", "/note/-":
                notes.append(_note(operation.value))
            case (("add" | "replace"), ("/status" | "/statusChangeReason")):
                fields[operation.path[1:]] = operation.value
            case _:
                detail = "add to /note/-, and replace /status or /statusChangeReason"
                raise RefusalError(Code.SCHEMA_INVALID, detail)
    if not fields:
        return notes
    try:
        asked = TroubleTicketUpdate.model_validate(fields, strict=False)
    except ValidationError as error:
        raise _wrong(error) from error
    if asked.status is None:
        raise RefusalError(Code.SCHEMA_INVALID, "a reason needs a status")
    return [(CLIENT, _step_to(asked.status, asked.statusChangeReason, life)), *notes]


def _step_to(status: Status, reason: str | None, life: Life) -> Body:
    """Return the step of ours that leads to a status. Whether it may be taken is asked later."""
    if status is Status.CLOSED:
        return log.Closed(text=reason)
    if status is Status.IN_PROGRESS and life.status is Status.ACKNOWLEDGED:
        return log.Started()
    if reason is None:
        raise RefusalError(Code.SCHEMA_INVALID, f"{status} needs a statusChangeReason")
    match status:
        case Status.IN_PROGRESS if life.status is Status.RESOLVED:
            return log.FaultReturned(reason=reason)
        case Status.IN_PROGRESS:
            return log.Resumed(event=reason)
        case Status.PENDING:
            return log.Waiting(status="pending", party="customer", reason=reason)
        case Status.HELD:
            return log.Waiting(status="held", party="third party", reason=reason)
        case Status.RESOLVED:
            return log.Resolved(remedy=reason)
        case Status.CANCELLED:
            return log.Cancelled(reason=reason, person=CLIENT.name, channel=Channel.WEB)
        case Status.REJECTED:
            return log.Rejected(reason=reason, turn_to=reason)
        case _:
            raise RefusalError(Code.TICKET_STEP, "status: no step leads back to acknowledged")


def _note(value: object) -> StepAsked:
    try:
        note = _NOTE.validate_python(value)
    except ValidationError as error:
        raise _wrong(error) from error
    actor = CLIENT if note.author is None else Actor(name=note.author, level=CLIENT.level)
    return actor, log.Note(about="dialogue", text=note.text)


def _parsed(adapter: TypeAdapter[Any], data: bytes) -> Any:  # noqa: ANN401 - the adapter's type
    try:
        parse_plain(data)
        return adapter.validate_json(data)
    except NotPlainJsonError as error:
        raise RefusalError(Code.SCHEMA_INVALID, str(error)) from error
    except ValidationError as error:
        raise _wrong(error) from error


def _wrong(error: ValidationError) -> RefusalError:
    kind = error.errors(include_url=False, include_input=False, include_context=False)[0]["type"]
    return RefusalError(Code.SCHEMA_INVALID, f"{error.error_count()} faults, first {kind}")


def _notes(ticket: Ticket) -> Iterator[Json]:
    for number, entry in enumerate(ticket.entries, 1):
        if isinstance(entry.body, log.Note) and entry.actor is not None:
            yield {
                "@type": "Note",
                "id": str(number),
                "author": entry.actor.name,
                "date": moment(entry.at_unix_us),
                "text": entry.body.text,
            }


def _related(ticket: Ticket) -> Iterator[Json]:
    yield _entity("subscriber", "Subscriber", ticket.row.subscriber_ref, None)
    for posting in ticket.postings:
        href = f"{TEST_BASE}/{posting.digest}"
        yield _entity("diagnostics", "ServiceTest", posting.digest, href)


def _entity(role: str, kind: str, name: str, href: str | None) -> Json:
    entity = {"@type": "EntityRef", "@referredType": kind, "id": name}
    if href is not None:
        entity["href"] = href
    return {"@type": "RelatedEntity", "role": role, "entity": entity}


def _characteristics(life: Life) -> Iterator[Json]:
    zone = None if life.zone is None else life.zone.zone.value
    verdict = life.records[-1].verdict if life.records else None
    marks: Sequence[tuple[str, str | None]] = (
        ("zone", zone),
        ("verdict", verdict),
        ("level", str(life.level)),
    )
    for name, value in marks:
        if value is not None:
            yield {
                "@type": "StringCharacteristic",
                "name": name,
                "valueType": "string",
                "value": value,
            }


def _relationships(life: Life) -> Iterator[Json]:
    linked: list[tuple[str, str]] = [(each.ticket_id, each.relation) for each in life.links]
    if life.opened.predecessor is not None:
        linked.insert(0, (life.opened.predecessor, "predecessor"))
    for ticket_id, relation in linked:
        yield {
            "@type": "TroubleTicketRelationship",
            "id": ticket_id,
            "href": f"{BASE}/{ticket_id}",
            "relationshipType": relation,
        }


def _stated(external: log.ExternalId) -> Json:
    named = {
        "id": external.id,
        "owner": external.owner,
        "externalIdentifierType": external.type,
    }
    return {name: value for name, value in named.items() if value is not None}
