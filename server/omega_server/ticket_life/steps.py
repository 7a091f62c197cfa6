"""Which entry may be written now: the table of states, and the guards with their remedies.

Guards are pure functions of what the log says so far, of the entry, and of nothing else. A step
that is refused says which guard stood in the way, why, and what to do about it. There is no guard
that time opens: a ticket is never closed by a timer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from omega_core.errors import ExitCode, OmegaError
from omega_server.ticket_life import entries as log
from omega_server.ticket_life.entries import Body
from omega_server.ticket_life.entry import Entry
from omega_server.ticket_life.life import ACTIVE, OPEN, Life, Status

WAIVER_LEVEL = 3
"""Who may answer for closing without a measurement: technical support, and nobody else."""
_ANY = frozenset(Status)
_LINE_IS_WORKED_ON = frozenset({Status.IN_PROGRESS, Status.PENDING, Status.HELD})
_WAITING = frozenset({Status.PENDING, Status.HELD})
_RESOLVED = frozenset({Status.RESOLVED})

ALLOWED: Mapping[type[Body], frozenset[Status]] = MappingProxyType(
    {
        log.Owned: OPEN,
        log.EtaSet: ACTIVE,
        log.EtaTold: ACTIVE,
        log.Started: frozenset({Status.ACKNOWLEDGED}),
        log.ZoneFound: OPEN,
        log.CriticalitySet: OPEN,
        log.Waiting: ACTIVE,
        log.Resumed: _WAITING,
        log.Note: _ANY,
        log.Dispatched: ACTIVE,
        log.Arrived: ACTIVE,
        log.Contacted: OPEN,
        log.Escalated: OPEN,
        log.Returned: OPEN,
        log.Linked: _ANY,
        log.Resolved: _LINE_IS_WORKED_ON,
        log.FaultReturned: _RESOLVED,
        log.Consent: _RESOLVED,
        log.Waiver: _RESOLVED,
        log.Closed: _RESOLVED,
        log.Cancelled: OPEN,
        log.Rejected: frozenset({Status.ACKNOWLEDGED, Status.IN_PROGRESS}),
    }
)
"""From which states each step can be taken."""


class StepRefusedError(OmegaError):
    """A step can't be taken now: `guard` is its name, `remedy` what would open it."""

    exit_code = ExitCode.USAGE

    def __init__(self, guard: str, reason: str, remedy: str) -> None:
        super().__init__(f"{guard}: {reason}; {remedy}")
        self.guard = guard
        self.reason = reason
        self.remedy = remedy
        self.who_acts = remedy


def check(life: Life, entry: Entry) -> None:
    """Raise StepRefusedError unless this entry may follow what the log says."""
    allowed = ALLOWED.get(type(entry.body))
    if allowed is None:
        raise StepRefusedError("kind", f"{entry.kind} is written by the product", "leave it")
    if life.status not in allowed:
        raise StepRefusedError("status", _where(life, entry), _way_on(life))
    for guard in _GUARDS.get(type(entry.body), ()):
        guard(life, entry)


def _where(life: Life, entry: Entry) -> str:
    last = life.history[-1]
    return f"{entry.kind} is not possible in {last.status}, where {last.by} brought it"


def _way_on(life: Life) -> str:
    if life.ended:
        return "open a new ticket that names this one as its predecessor"
    return f"from {life.status} there are: {', '.join(_possible(life.status))}"


def _possible(status: Status) -> tuple[str, ...]:
    return tuple(log.KIND_OF[body] for body, allowed in ALLOWED.items() if status in allowed)


def _owner(life: Life, _entry: Entry) -> None:
    if life.owner is None:
        raise StepRefusedError("owner", "nobody owns the ticket", "name an owner first")


def _first_eta(life: Life, _entry: Entry) -> None:
    if not life.etas:
        raise StepRefusedError("eta", "no estimated time is set", "set the first one")


def _future_eta(_life: Life, entry: Entry) -> None:
    if isinstance(entry.body, log.EtaSet) and entry.body.eta_unix_us <= entry.at_unix_us:
        raise StepRefusedError("eta", "the estimate is not in the future", "name a later one")


def _eta_to_tell(life: Life, _entry: Entry) -> None:
    if life.eta is None:
        raise StepRefusedError("eta", "there is no estimate to tell", "set one first")


def _zone(life: Life, _entry: Entry) -> None:
    if life.zone is None:
        raise StepRefusedError(
            "zone", "no zone is recorded", "diagnose, or record `unknown` with a reason"
        )


def _unknown_has_reason(_life: Life, entry: Entry) -> None:
    body = entry.body
    if isinstance(body, log.ZoneFound) and body.zone is log.ZoneCode.UNKNOWN and not body.reason:
        raise StepRefusedError("zone", "unknown without a reason", "say what was not observed")


def _remote_first(life: Life, entry: Entry) -> None:
    said = isinstance(entry.body, log.Dispatched) and entry.body.no_remote_reason is not None
    if not life.records and not said:
        raise StepRefusedError(
            "remote_result", "nothing was measured remotely", "diagnose, or say why it can't be"
        )


def _was_dispatched(life: Life, _entry: Entry) -> None:
    if not life.dispatched:
        raise StepRefusedError("dispatched", "nobody was sent", "dispatch somebody first")


def _higher(life: Life, entry: Entry) -> None:
    if isinstance(entry.body, log.Escalated) and entry.body.level <= life.level:
        raise StepRefusedError(
            "level", f"the ticket is at level {life.level}", "name a higher level, or return it"
        )


def _lower(life: Life, entry: Entry) -> None:
    if isinstance(entry.body, log.Returned) and entry.body.level >= life.level:
        raise StepRefusedError(
            "level", f"the ticket is at level {life.level}", "name a lower level, or escalate it"
        )


def _not_after_the_end(life: Life, entry: Entry) -> None:
    if isinstance(entry.body, log.Note) and entry.body.changes_line and life.ended:
        raise StepRefusedError(
            "status", f"the line of a ticket that is {life.status} is not worked on", _way_on(life)
        )


def _done_in_the_past(life: Life, entry: Entry) -> None:
    done = entry.body.done_unix_us if isinstance(entry.body, log.Resolved) else None
    if done is not None and not life.opened_unix_us <= done <= entry.at_unix_us:
        raise StepRefusedError(
            "remedy", "the remedy was not applied between opening and now", "correct its time"
        )


def _said_since(life: Life, entry: Entry) -> None:
    said = entry.body.said_unix_us if isinstance(entry.body, log.Consent) else None
    if said is not None and not (life.resolved_unix_us or 0) <= said <= entry.at_unix_us:
        raise StepRefusedError(
            "consent", "it was not said between the remedy and now", "ask the customer now"
        )


def _waiver_level(_life: Life, entry: Entry) -> None:
    if entry.actor is None or entry.actor.level != WAIVER_LEVEL:
        raise StepRefusedError(
            "waiver", "only level 3 waives the measurement", "escalate to technical support"
        )


def _proved_or_waived(life: Life, _entry: Entry) -> None:
    if life.proof is None and life.waiver is None:
        raise StepRefusedError(
            "proof",
            "no record measured after the last change passes what had failed",
            "measure again in mode standard, or let level 3 waive it with a reason",
        )


def _consented(life: Life, _entry: Entry) -> None:
    if life.consent is None:
        raise StepRefusedError(
            "consent",
            "the customer has not agreed",
            "ask, and record who agreed, when and by which channel; it can't be waived",
        )


Guard = Callable[[Life, Entry], None]
_LEAVING_ACKNOWLEDGED: tuple[Guard, ...] = (_owner, _first_eta)
_GUARDS: Mapping[type[Body], tuple[Guard, ...]] = MappingProxyType(
    {
        log.EtaSet: (_future_eta,),
        log.EtaTold: (_eta_to_tell,),
        log.Started: _LEAVING_ACKNOWLEDGED,
        log.ZoneFound: (_unknown_has_reason,),
        log.Waiting: _LEAVING_ACKNOWLEDGED,
        log.Note: (_not_after_the_end,),
        log.Dispatched: (*_LEAVING_ACKNOWLEDGED, _remote_first),
        log.Arrived: (_was_dispatched,),
        log.Escalated: (_zone, _higher),
        log.Returned: (_lower,),
        log.Resolved: (*_LEAVING_ACKNOWLEDGED, _zone, _done_in_the_past),
        log.Consent: (_said_since,),
        log.Waiver: (_waiver_level,),
        log.Closed: (_proved_or_waived, _consented),
    }
)
