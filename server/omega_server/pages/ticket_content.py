"""What a ticket's page says, from the views that the API answers with: nothing is judged here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from omega_acceptance.explain import metric_name
from omega_acceptance.zone.edge import ZoneReport
from omega_acceptance.zone.telling import Audience, told
from omega_server.api.services import Services
from omega_server.pages.ticket_steps import STEP_FORMS, StepForm
from omega_server.pages.wording import Wording, later
from omega_server.ticket_life import entries as log
from omega_server.ticket_life.life import Status
from omega_server.ticket_life.steps import ALLOWED
from omega_server.ticket_views import ComparedView, TicketLifeView
from omega_server.ticket_views import shown as shown_life

_SAID_BY_THE_LOG = (
    later("opened"),
    later("the same fault again"),
    later("a record was posted"),
    later("localising has begun"),
    later("the customer agrees"),
    later("no session could be had"),
    later("no connectivity"),
    later("a mandatory criterion fails"),
    later("no criterion fails"),
    later("not measured yet"),
)
"""What a ticket's life says by itself, in English, named so that the catalogue has it."""
_STATES: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.ACKNOWLEDGED: later("new"),
        Status.IN_PROGRESS: later("being worked on"),
        Status.PENDING: later("waits for the customer"),
        Status.HELD: later("waits for somebody else"),
        Status.RESOLVED: later("mended, to be confirmed"),
        Status.CLOSED: later("closed"),
        Status.CANCELLED: later("withdrawn"),
        Status.REJECTED: later("not ours"),
    }
)
_DIAGNOSIS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "asked": later("The device on the line is being asked."),
        "waits": later("The device waits: %(why)s."),
        "begun": later("The line is being measured."),
        "refused": later("The device does not do it: %(why)s."),
        "done": later("The line has been measured."),
        "failed": later("It came to nothing: %(why)s."),
        "cancelled": later("It was called off."),
    }
)
_UNDER_WAY: Final = frozenset({"asked", "waits", "begun"})


@dataclass(frozen=True, slots=True)
class DiagnosisLine:
    """How far the last diagnosis is, in words."""

    instruction: str
    step: str
    said: str
    at_unix_us: int

    @property
    def is_under_way(self) -> bool:
        """Whether something is still to come."""
        return self.step in _UNDER_WAY


@dataclass(frozen=True, slots=True)
class ComparedLine:
    """One metric of the line, on the day it was accepted and now."""

    name: str
    then: str
    now: str
    worse: str
    is_worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Everything on the page."""

    ticket: TicketLifeView
    state: str
    diagnosis: DiagnosisLine | None
    to_clerk: Sequence[str]
    to_caller: Sequence[str]
    to_engineer: Sequence[str]
    compared: Sequence[ComparedLine]
    steps: Mapping[str, StepForm]


def shown_ticket(services: Services, ticket_id: str, wording: Wording, now_unix_us: int) -> Shown:
    """Return what the page of a ticket says; raises RefusalError `ticket_unknown`. Blocks."""
    ticket = shown_life(services.store, ticket_id, now_unix_us)
    finding = _finding(ticket)
    said = (
        {audience: told(finding, audience, wording.language) for audience in Audience}
        if finding
        else {}
    )
    return Shown(
        ticket=ticket,
        state=said_state(wording, Status(ticket.state)),
        diagnosis=_diagnosis(ticket, wording),
        to_clerk=said.get(Audience.CLERK, ()),
        to_caller=said.get(Audience.CUSTOMER, ()),
        to_engineer=said.get(Audience.ENGINEER, ()),
        compared=_compared(ticket, wording),
        steps=steps_from(Status(ticket.state)),
    )


def progress_of(shown: Shown) -> dict[str, Any]:
    """Return what a page that is open asks for again and again."""
    diagnosis = shown.diagnosis
    return {
        "step": diagnosis.step if diagnosis else None,
        "said": diagnosis.said if diagnosis else "",
        "is_under_way": diagnosis.is_under_way if diagnosis else False,
        "places": shown.ticket.places,
    }


def said_state(wording: Wording, state: Status) -> str:
    """Return a state in words."""
    return wording.say(_STATES[state])


def states(wording: Wording) -> list[tuple[str, str]]:
    """Return every state, as a list to choose from."""
    return [(state.value, said_state(wording, state)) for state in _STATES]


def steps_from(status: Status) -> dict[str, StepForm]:
    """Return the steps that can be taken from a state, in the order of the table."""
    return {
        kind: form
        for kind, form in STEP_FORMS.items()
        if status in ALLOWED.get(log.KINDS[kind], frozenset())
    }


def _finding(ticket: TicketLifeView) -> Any:  # noqa: ANN401 - a ZoneFinding, or nothing
    kept = None if ticket.zone is None else ticket.zone.get("finding")
    return None if not kept else ZoneReport.model_validate(kept).finding


def _diagnosis(ticket: TicketLifeView, wording: Wording) -> DiagnosisLine | None:
    for event in reversed(ticket.events):
        if event.kind == "diagnosis":
            step = str(event.content["step"])
            why = event.content.get("detail") or event.content.get("code") or "-"
            return DiagnosisLine(
                instruction=str(event.content["instruction"]),
                step=step,
                said=wording.say(_DIAGNOSIS[step], why=why),
                at_unix_us=event.at_unix_us,
            )
    return None


def _compared(ticket: TicketLifeView, wording: Wording) -> list[ComparedLine]:
    if ticket.baseline is None:
        return []
    return [_compared_line(each, wording) for each in ticket.baseline.metrics]


def _compared_line(found: ComparedView, wording: Wording) -> ComparedLine:
    worse_ppm = found.worse_by_ppm
    return ComparedLine(
        name=metric_name(found.metric, wording.language),
        then=figure(wording, found.then, found.unit),
        now=figure(wording, found.now, found.unit),
        worse=wording.share(worse_ppm) if worse_ppm and worse_ppm > 0 else "",
        is_worse=bool(worse_ppm and worse_ppm > 0),
    )


def figure(wording: Wording, value: int | None, unit: str) -> str:
    """Return a metric's value as people write it."""
    if unit == "bps":
        return wording.rate(value)
    if unit == "us":
        return wording.delay(value)
    if unit == "ppm":
        return wording.share(value)
    return wording.count(value)
