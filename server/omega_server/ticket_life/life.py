"""What a ticket's log says: where it stands, who owns it, what was promised, found and agreed.

    acknowledged --> inProgress <--> pending | held
                         |  ^
                         v  |  the customer says no; a record after the remedy fails;
                      resolved   the fault comes back
                         |
                         v
                       closed          cancelled, rejected: from any state before

Theory of operation. `life_of` folds the entries in their order into one frozen value and refuses
nothing: what stands in the log has happened. Whether a further entry may be written is asked of
`omega_server.ticket_life.steps` before it is. States are those of TMF621, and nothing here is ever
stored. No timer moves a ticket: without an entry it stays where it is.

A change of the line makes older measurements history. What proves a remedy is the newest valid
record asked for after the last change: its criteria that had failed must pass, in mode standard; in
mode quick too where nothing but connectivity had failed, because that is all that quick proves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from omega_core.verdict import Mode, Verdict
from omega_server.ticket_life import entries as log
from omega_server.ticket_life.entry import Entry

CONNECTIVITY = frozenset({"reachable_ppm"})
PRODUCT = "omega"
"""Who acts where the product does by itself."""


class Status(StrEnum):
    """Where a ticket stands: the TMF621 status."""

    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "inProgress"
    PENDING = "pending"
    HELD = "held"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


ENDED = frozenset({Status.CLOSED, Status.CANCELLED, Status.REJECTED})
ACTIVE = frozenset({Status.ACKNOWLEDGED, Status.IN_PROGRESS, Status.PENDING, Status.HELD})
OPEN = ACTIVE | {Status.RESOLVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """When a ticket came to stand where, by whom and why."""

    status: Status
    at_unix_us: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """An estimate, and when the customer was told it; None while they were not."""

    eta_unix_us: int
    set_at_unix_us: int
    reason: str
    notified_at_unix_us: int | None = None
    channel: log.Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Everything that follows from a log."""

    opened_unix_us: int
    opened: log.Opened
    history: tuple[StatusChange, ...]
    owner: str | None = None
    level: int = 1
    etas: tuple[Eta, ...] = ()
    zone: log.ZoneFound | None = None
    criticality: log.CriticalitySet | None = None
    waiting: log.Waiting | None = None
    records: tuple[log.RecordPosted, ...] = ()
    changed_unix_us: int | None = None
    """When something on the line was last changed, as far as it was told."""
    dispatched: bool = False
    remedy: log.Resolved | None = None
    resolved_unix_us: int | None = None
    consent: log.Consent | None = None
    waiver: log.Waiver | None = None
    unreached: tuple[int, ...] = ()
    """When the customer was sought in vain, since the remedy."""
    question: str | None = None
    links: tuple[log.Linked, ...] = ()
    places: int = 0
    """How many entries people have written: who writes next takes the place after."""

    @property
    def status(self) -> Status:
        """Where the ticket stands."""
        return self.history[-1].status

    @property
    def ended(self) -> bool:
        """Say whether nothing more is done under this number."""
        return self.status in ENDED

    @property
    def eta(self) -> Eta | None:
        """The estimate that holds."""
        return self.etas[-1] if self.etas else None

    @property
    def failed_before(self) -> frozenset[str]:
        """The criteria that failed before the last change."""
        found: set[str] = set()
        for record in self.records:
            if not _is_after(record, self.changed_unix_us):
                found |= set(record.failed) if record.granted else CONNECTIVITY
        return frozenset(found)

    @property
    def proof(self) -> log.RecordPosted | None:
        """The record that proves the remedy; None while there is none."""
        since = self.changed_unix_us
        after = [each for each in self.records if _is_valid(each) and _is_after(each, since)]
        if since is None or not after:
            return None
        return after[-1] if _proves(after[-1], self.failed_before) else None


def life_of(entries: Iterable[Entry]) -> Life:
    """Return what a log says; it begins with `opened`."""
    life: Life | None = None
    for entry in entries:
        life = _begun(entry) if life is None else _next(life, entry)
    if life is None:
        raise ValueError("a ticket's log begins with its opening")
    return life


def _begun(entry: Entry) -> Life:
    if not isinstance(entry.body, log.Opened):
        raise TypeError("a ticket's log begins with its opening")
    status = Status.IN_PROGRESS if entry.body.recurs else Status.ACKNOWLEDGED
    reason = "the same fault again" if entry.body.recurs else "opened"
    return Life(
        opened_unix_us=entry.at_unix_us,
        opened=entry.body,
        history=(_change(entry, status, reason),),
        places=entry.place or 0,
    )


def _next(life: Life, entry: Entry) -> Life:
    after = _applied(life, entry)
    return replace(after, places=max(life.places, entry.place or 0))


def _applied(life: Life, entry: Entry) -> Life:  # noqa: C901 - one arm for each kind
    """Return the life with one more entry. Arms that change the status end in `_to`."""
    match entry.body:
        case log.RecordPosted():
            return _with_record(life, entry, entry.body)
        case log.Owned(owner=owner):
            return replace(life, owner=owner)
        case log.EtaSet():
            return replace(life, etas=(*life.etas, _eta(entry, entry.body)))
        case log.EtaTold(channel=channel):
            return _told(life, channel, entry.at_unix_us)
        case log.Started():
            return _to(life, entry, Status.IN_PROGRESS, "localising has begun")
        case log.ZoneFound():
            return replace(life, zone=entry.body)
        case log.CriticalitySet():
            return replace(life, criticality=entry.body)
        case log.Waiting(status=status, party=party, reason=reason):
            waiting = replace(life, waiting=entry.body)
            return _to(waiting, entry, Status(status), f"waits for {party}: {reason}")
        case log.Resumed(event=event):
            return _to(replace(life, waiting=None), entry, Status.IN_PROGRESS, event)
        case log.Note(changes_line=True):
            return _changed(life, entry.at_unix_us)
        case log.Dispatched(reason=reason):
            sent = replace(life, dispatched=True)
            if life.status is not Status.ACKNOWLEDGED:
                return sent
            return _to(sent, entry, Status.IN_PROGRESS, reason)
        case log.Contacted(reached=False) if life.status is Status.RESOLVED:
            return replace(life, unreached=(*life.unreached, entry.at_unix_us))
        case log.Escalated(level=level, question=question):
            return replace(life, level=level, question=question)
        case log.Returned(level=level):
            return replace(life, level=level)
        case log.Linked():
            return replace(life, links=(*life.links, entry.body))
        case _:
            return _concluded(life, entry)


def _concluded(life: Life, entry: Entry) -> Life:
    """Return the life after an entry that has to do with its end."""
    match entry.body:
        case log.Resolved(remedy=remedy):
            return _to(_remedied(life, entry, entry.body), entry, Status.RESOLVED, remedy)
        case log.FaultReturned(reason=reason):
            return _again(life, entry, reason)
        case log.Consent(agrees=False, person=person):
            return _again(life, entry, f"{person} does not agree")
        case log.Consent():
            return replace(life, consent=entry.body)
        case log.Waiver():
            return replace(life, waiver=entry.body)
        case log.Closed():
            return _to(life, entry, Status.CLOSED, "the customer agrees")
        case log.Cancelled(reason=reason):
            return _to(life, entry, Status.CANCELLED, reason)
        case log.Rejected(reason=reason):
            return _to(life, entry, Status.REJECTED, reason)
        case _:
            return life  # said and kept; nothing follows from it


def _with_record(life: Life, entry: Entry, record: log.RecordPosted) -> Life:
    posted = replace(life, records=(*life.records, record))
    if life.status is Status.ACKNOWLEDGED:
        return _to(posted, entry, Status.IN_PROGRESS, "a record was posted")
    after_remedy = _is_after(record, life.changed_unix_us)
    if life.status is Status.RESOLVED and after_remedy and record.verdict == Verdict.FAIL:
        return _again(posted, entry, "the record after the remedy fails")
    return posted


def _remedied(life: Life, entry: Entry, remedy: log.Resolved) -> Life:
    done_unix_us = entry.at_unix_us if remedy.done_unix_us is None else remedy.done_unix_us
    return replace(
        life,
        remedy=remedy,
        resolved_unix_us=entry.at_unix_us,
        changed_unix_us=_later(life.changed_unix_us, done_unix_us),
        waiting=None,
    )


def _changed(life: Life, at_unix_us: int) -> Life:
    """Return the life of a line that was changed: consent and waiver were about the one before."""
    changed_unix_us = _later(life.changed_unix_us, at_unix_us)
    return replace(life, changed_unix_us=changed_unix_us, consent=None, waiver=None)


def _again(life: Life, entry: Entry, reason: str) -> Life:
    """Return the life with the work begun again: what was agreed was agreed to something else."""
    reset = replace(
        life, remedy=None, resolved_unix_us=None, consent=None, waiver=None, unreached=()
    )
    return _to(reset, entry, Status.IN_PROGRESS, reason)


def _to(life: Life, entry: Entry, status: Status, reason: str) -> Life:
    return replace(life, history=(*life.history, _change(entry, status, reason)))


def _change(entry: Entry, status: Status, reason: str) -> StatusChange:
    by = PRODUCT if entry.actor is None else entry.actor.name
    return StatusChange(status=status, at_unix_us=entry.at_unix_us, by=by, reason=reason)


def _eta(entry: Entry, body: log.EtaSet) -> Eta:
    return Eta(
        eta_unix_us=body.eta_unix_us,
        set_at_unix_us=entry.at_unix_us,
        reason=body.reason,
        notified_at_unix_us=None if body.told_by is None else entry.at_unix_us,
        channel=body.told_by,
    )


def _told(life: Life, channel: log.Channel, at_unix_us: int) -> Life:
    """Return the life with its last estimate told; the first time it was told counts."""
    if not life.etas or life.etas[-1].notified_at_unix_us is not None:
        return life
    told = replace(life.etas[-1], notified_at_unix_us=at_unix_us, channel=channel)
    return replace(life, etas=(*life.etas[:-1], told))


def _later(one: int | None, other: int) -> int:
    return other if one is None else max(one, other)


def _is_valid(record: log.RecordPosted) -> bool:
    return record.verdict not in {None, Verdict.INVALID}


def _is_after(record: log.RecordPosted, changed_unix_us: int | None) -> bool:
    """Say whether a record is of the line as it is; by the server's clock, not the device's.

    One without a grant has no such time, and is never after anything.
    """
    if changed_unix_us is None:
        return False
    return record.asked_unix_us is not None and record.asked_unix_us > changed_unix_us


def _proves(record: log.RecordPosted, failed: frozenset[str]) -> bool:
    if record.failed:
        return False
    if failed and failed <= CONNECTIVITY and record.mode in {Mode.QUICK, Mode.STANDARD}:
        return set(record.passed) >= CONNECTIVITY
    if record.mode != Mode.STANDARD:
        return False
    return record.verdict == Verdict.PASS or (bool(failed) and failed <= set(record.passed))
