"""A ticket's life for tests: entries by hand, and a desk on a rig whose clock is moved by hand.

life = told(owned(), eta())
story = TicketStory(rig); story.do("owned", owner="Ana"); story.measured(good_evidence())
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.evaluate import evaluate
from omega_acceptance.schema import profile_from_content
from omega_core.derive import derive
from omega_core.evidence import Evidence
from omega_core.metrics import Direction
from omega_core.units import NS_PER_S, US_PER_S
from omega_core.verdict import Mode
from omega_server.envelopes import content
from omega_server.ticket_desk import NewTicket, TicketDesk, step_model
from omega_server.ticket_life import entries as log
from omega_server.ticket_life.entries import Actor, Body, Channel
from omega_server.ticket_life.entry import Entry
from omega_server.ticket_life.life import Life, life_of
from omega_server.tickets import Ticket, load
from support.builders import goodput_run
from support.facts import evidence
from support.profiles import carried
from support.server_rig import Device, Rig, digest_of, record_in

OPENED_UNIX_US = 1_795_000_000_000_000
MINUTE_US = 60 * US_PER_S
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
ANA = Actor(name="Ana", level=1)
TESSA = Actor(name="Tessa", level=3)


def at(minutes: int, body: Body, actor: Actor | None = ANA) -> Entry:
    """Return an entry so many minutes after the opening."""
    place = None if actor is None else minutes
    return Entry(
        at_unix_us=OPENED_UNIX_US + minutes * MINUTE_US, actor=actor, body=body, place=place
    )


def written(*bodies: Body) -> tuple[Entry, ...]:
    """Return a log: opened, then each body a minute after the other, by whoever may."""
    opened = at(0, log.Opened(), None)
    entries = [
        at(
            number,
            body,
            None
            if isinstance(body, log.RecordPosted)
            else TESSA
            if isinstance(body, log.Waiver)
            else ANA,
        )
        for number, body in enumerate(bodies, 1)
    ]
    return (opened, *entries)


def told(*bodies: Body) -> Life:
    return life_of(written(*bodies))


def owned() -> log.Owned:
    return log.Owned(owner="Ana")


def eta(minutes: int = 600, **changes: Any) -> log.EtaSet:  # noqa: ANN401 - fields of the entry
    entry = log.EtaSet(eta_unix_us=OPENED_UNIX_US + minutes * MINUTE_US, reason="a visit is due")
    return replace(entry, **changes)


def zone(code: log.ZoneCode = log.ZoneCode.ACCESS, **changes: Any) -> log.ZoneFound:  # noqa: ANN401 - fields
    return replace(log.ZoneFound(zone=code), **changes)


def consent(minutes: int, *, agrees: bool = True) -> log.Consent:
    return log.Consent(
        person="Mme Roux",
        channel=Channel.PHONE,
        agrees=agrees,
        said_unix_us=OPENED_UNIX_US + minutes * MINUTE_US,
    )


def record(asked_minutes: int | None, verdict: str | None, **changes: Any) -> log.RecordPosted:  # noqa: ANN401 - fields
    asked = None if asked_minutes is None else OPENED_UNIX_US + asked_minutes * MINUTE_US
    posted = log.RecordPosted(
        digest="a" * 64,
        verdict=verdict,
        mode="standard",
        granted=asked is not None,
        asked_unix_us=asked,
    )
    return replace(posted, **changes)


READY: tuple[Body, ...] = (owned(), eta(), zone(), log.Started())
"""Everything that is needed before a remedy can be recorded."""
RESOLVED: tuple[Body, ...] = (*READY, log.Resolved(remedy="another connector"))


def good_evidence() -> Evidence:
    """Return evidence in which every standard criterion of the plan passes."""
    rates = [(Direction.DOWN, 289_600_000), (Direction.UP, 96_500_000)] * 3
    runs = [
        goodput_run(direction, rate_bps=rate, run=number)
        for number, (direction, rate) in enumerate(rates)
    ]
    plan = Catalogue.builtin().for_plan("FTTH-300-100", date(2026, 12, 1))
    held = tuple(replace(each, run=10 + number) for number, each in enumerate(carried(plan)))
    return evidence(goodput=tuple(runs), capacity=held)


def bad_evidence() -> Evidence:
    """Return evidence of a line that gives half of what was sold."""
    good = good_evidence()
    halved = tuple(
        goodput_run(run.direction, rate_bps=150_000_000, run=run.run)
        if run.direction is Direction.DOWN
        else run
        for run in good.goodput
    )
    return replace(good, goodput=halved)


@dataclass
class TicketStory:
    """One ticket at the desk of a rig."""

    rig: Rig
    actor: Actor = ANA
    ticket_id: str = ""
    subscriber_ref: str = ""
    _device: list[Device] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desk = TicketDesk(self.rig.store, self.rig.clock)
        if not self.subscriber_ref:
            self.subscriber_ref = self.rig.subscriber().subscriber_ref
        self.ticket_id = self.open().row.ticket_id

    def open(self, **changes: Any) -> Ticket:  # noqa: ANN401 - fields of the request
        fields = {"subscriber_ref": self.subscriber_ref, "description": "it is slow", **changes}
        return self.desk.open(NewTicket(actor=self.actor, **fields))

    def do(
        self,
        kind: str,
        *,
        by: Actor | None = None,
        seen: int | None = None,
        **entry: Any,  # noqa: ANN401 - fields
    ) -> Ticket:
        """Write an entry a minute later, by way of its JSON."""
        self.pass_s(60)
        actor = by or self.actor
        asked = {
            "actor": {"name": actor.name, "level": actor.level},
            "entry": entry,
            "seen": seen,
        }
        step: Any = content(step_model(kind), json.dumps(asked).encode())
        return self.desk.act(self.ticket_id, step)

    def ready(self) -> None:
        """Name an owner, an estimate and a zone, and begin."""
        self.do("owned", owner="Ana")
        self.do("eta", eta_unix_us=self.now + DAY_US, reason="a visit", told_by="phone")
        self.do("zone", zone="Z2")
        if self.ticket.state == "acknowledged":
            self.do("started")

    def consented(self) -> Ticket:
        self.pass_s(60)
        return self.do(
            "consent", person="Mme Roux", channel="phone", agrees=True, said_unix_us=self.now
        )

    def measured(
        self, of: Evidence, mode: Mode = Mode.STANDARD, *, sheet_id: str | None = None
    ) -> str:
        """Measure the line for the ticket, or for a sheet; return the record's digest."""
        self.pass_s(60)
        if not self._device:
            self._device.append(self.rig.enrolled())
        place = {"purpose": "ticket", "ticket_id": self.ticket_id}
        if sheet_id is not None:
            place = {"purpose": "install", "sheet_id": sheet_id}
        granted = self.rig.granted(self._device[0], mode=mode, **place)
        times = {
            "started_unix_us": granted.grant.issued_unix_us,
            "ended_unix_us": granted.grant.issued_unix_us + MINUTE_US,
        }
        observation = self.rig.observation(granted, of, **times)
        seen, _ = self.rig.services.collector.observe(observation)
        judged = profile_from_content(granted.profile or {})
        record = record_in(self.rig.record(granted, of))
        preview = evaluate(
            judged, mode, evidence=of, environment=record.environment, faults=(), derived=derive(of)
        )
        envelope = self.rig.record(granted, of, observation_digest=seen, preview=preview)
        self.rig.post(envelope)
        return digest_of(envelope)

    def pass_s(self, seconds: int) -> None:
        self.rig.clock.pass_ns(seconds * NS_PER_S)

    @property
    def now(self) -> int:
        return self.rig.clock.unix_us()

    @property
    def ticket(self) -> Ticket:
        return load(self.rig.store, self.ticket_id)
