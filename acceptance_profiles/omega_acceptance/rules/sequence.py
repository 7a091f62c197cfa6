"""A rule that waits for events in their order: certificate, complaint, days, certificate. Pure.

Events are looked at once, in the order of their days. One that is of another kind than the next
step, or comes before the step is open, or does not meet its condition, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from omega_acceptance.rules.codes import RuleOutcome
from omega_acceptance.rules.force import NotKnownError, why_not
from omega_acceptance.rules.point import condition_met
from omega_acceptance.rules.results import SequenceResult, Situation
from omega_acceptance.rules.rule import Rule, Step
from omega_core.metrics import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened on a day; `down_bps` is what a run found."""

    kind: str
    day: date
    down_bps: int | None = None


def evaluate_sequence(
    rule: Rule, events: Sequence[Event], known: Situation, *, on: date
) -> SequenceResult:
    """Return how far the events have come; `on` is the day of asking."""
    if because := why_not(rule, on):
        return SequenceResult(rule=rule.ref, outcome=RuleOutcome.NOT_EVALUATED, because=because)
    reached: dict[str, date] = {}
    steps = list(rule.sequence)
    try:
        for event in sorted(events, key=lambda each: each.day):
            if steps and _is_step(rule, steps[0], event, reached, known):
                reached[steps.pop(0).id] = event.day
    except NotKnownError as unknown:
        return SequenceResult(
            rule=rule.ref, outcome=RuleOutcome.NOT_EVALUATED, because=unknown.because
        )
    days = tuple(reached.items())
    if not steps:
        return SequenceResult(
            rule=rule.ref,
            outcome=RuleOutcome.REACHED,
            reached=days,
            consequence=rule.sequence[-1].outcome,
        )
    return SequenceResult(
        rule=rule.ref,
        outcome=RuleOutcome.NOT_REACHED,
        reached=days,
        waits_for=steps[0].id,
        not_before=_opens(steps[0], reached),
    )


def _is_step(
    rule: Rule, step: Step, event: Event, reached: dict[str, date], known: Situation
) -> bool:
    opens = _opens(step, reached)
    if event.kind != step.event or (opens is not None and event.day < opens):
        return False
    if step.run is None:
        return True
    if event.down_bps is None:
        return False
    return condition_met(rule, step.run, event.down_bps, Direction.DOWN, known)


def _opens(step: Step, reached: dict[str, date]) -> date | None:
    """Return the first day on which a step counts; None for one that may come at once."""
    waits = step.not_before
    if waits is None:
        return None
    later = 0 if waits.opens == "on_that_day" else 1
    return reached[waits.since] + timedelta(days=waits.days + later)
