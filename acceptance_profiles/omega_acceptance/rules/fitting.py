"""How the fields of a rule must fit each other; every mistake with its place and its remedy.

`rule.py` has checked each field by itself. Here: the parts that a kind of decision needs and no
others, predicates that can be held, campaigns that can be completed, sequences whose days lead back
to a step before.
"""

from __future__ import annotations

from collections.abc import Iterator

from omega_acceptance.rules.codes import Decision
from omega_acceptance.rules.rule import (
    CampaignShape,
    Predicate,
    Rule,
    RunCondition,
    Stat,
    Status,
    is_bare_fraction,
)
from omega_acceptance.toml_content import Mistake
from omega_acceptance.toml_lines import Path

_PARTS = ("deviation_if_any", "compliant_if_all", "sequence", "requires", "campaign", "directions")
_PARTS_OF: dict[Decision, frozenset[str]] = {
    Decision.POINT: frozenset({"deviation_if_any", "compliant_if_all", "campaign", "directions"}),
    Decision.FACTS: frozenset({"campaign"}),
    Decision.SEQUENCE: frozenset({"sequence"}),
    Decision.COMPLETENESS: frozenset({"requires"}),
}
_FIELDS_OF_SHAPE: dict[str, frozenset[str]] = {
    "runs": frozenset({"n", "days", "per_day"}),
    "cycles": frozenset({"cycles", "distinct_days", "span_days_max", "cycle_s_min", "interval_s"}),
    "week": frozenset({"days", "per"}),
}
_ALLOWED_IN_SHAPE: dict[str, frozenset[str]] = {
    "runs": frozenset({"day_gap_min", "gap_s_min", "long_gap", "span_days_max"})
}
_DAY_S = 86_400


def mistakes(rule: Rule) -> Iterator[Mistake]:
    """Yield everything in the rule that can't be meant."""
    yield from _status(rule)
    yield from _dates(rule)
    yield from _parts(rule)
    if rule.campaign is not None:
        yield from _shape(rule.campaign)
    for name in ("deviation_if_any", "compliant_if_all"):
        for index, predicate in enumerate(getattr(rule, name)):
            yield from _predicate(rule, predicate, (name, index))
    yield from _sequence(rule)


def _status(rule: Rule) -> Iterator[Mistake]:
    if rule.status is Status.DRAFT and not rule.unconfirmed:
        remedy = "name in `unconfirmed` what keeps it a draft, or make it active"
        yield Mistake(("status",), "a draft, and nothing in it is unconfirmed", remedy)
    if rule.source.read == "original" and rule.source.text_sha256 is None:
        what = "the original was read, and no digest says which text that was"
        yield Mistake(("source",), what, "add text_sha256 of the archived copy")


def _dates(rule: Rule) -> Iterator[Mistake]:
    begin, end = rule.effective_from, rule.effective_until
    if begin is not None and end is not None and end < begin:
        what = f"{end} is before effective_from {begin}"
        yield Mistake(("effective_until",), what, "give the last day on which it is in force")


def _parts(rule: Rule) -> Iterator[Mistake]:
    wanted = _PARTS_OF[rule.decision]
    for name in _PARTS:
        if getattr(rule, name) and name not in wanted:
            what = f"decision {rule.decision} has no use for {name}"
            yield Mistake((name,), what, "leave it out")
    missing = {
        Decision.POINT: not rule.predicates,
        Decision.FACTS: rule.campaign is None,
        Decision.SEQUENCE: not rule.sequence,
        Decision.COMPLETENESS: rule.requires is None,
    }
    if missing[rule.decision]:
        what = f"decision {rule.decision} has nothing to decide by"
        yield Mistake(("decision",), what, f"add one of {', '.join(sorted(wanted))}")
    if rule.deviation_if_any and rule.compliant_if_all:
        what = "a rule finds deviations or compliance, not both"
        yield Mistake(("compliant_if_all",), what, "keep one of the two")
    if rule.decision is Decision.POINT and not rule.directions:
        yield Mistake(("decision",), "no direction is judged", 'add directions = ["down", "up"]')


def _shape(shape: CampaignShape) -> Iterator[Mistake]:
    path: Path = ("campaign",)
    needed = _FIELDS_OF_SHAPE[shape.shape]
    known = needed | _ALLOWED_IN_SHAPE.get(shape.shape, frozenset()) | {"shape"}
    for name in sorted(needed):
        if getattr(shape, name) is None:
            yield Mistake(path, f"{name} is missing: shape {shape.shape} needs it", f"add {name}")
    for name in sorted(shape.model_fields_set - known):
        what = f"shape {shape.shape} has no use for {name}"
        yield Mistake((*path, name), what, "leave it out")
    if shape.n is not None and shape.n != (shape.days or 0) * (shape.per_day or 0):
        what = f"n {shape.n} is not {shape.days} days of {shape.per_day} runs"
        yield Mistake((*path, "n"), what, "n = days x per_day")
    if shape.cycles != shape.distinct_days:
        what = f"{shape.cycles} cycles on {shape.distinct_days} days"
        yield Mistake((*path, "cycles"), what, "one cycle a day is what can be planned")
    yield from _room(shape, path)


def _room(shape: CampaignShape, path: Path) -> Iterator[Mistake]:
    """Refuse a campaign that nobody could complete."""
    days = shape.days or shape.distinct_days or 1
    span = 1 + (days - 1) * (1 + (shape.day_gap_min or 0))
    if shape.span_days_max is not None and span > shape.span_days_max:
        what = f"{days} days with their gaps take {span} days, more than {shape.span_days_max}"
        yield Mistake((*path, "span_days_max"), what, "give it more days, or ask for fewer")
    gap = shape.long_gap
    if gap is not None and (gap.before != gap.after + 1 or gap.after >= (shape.per_day or 0)):
        what = f"no pause lies between run {gap.after} and run {gap.before} of a day"
        yield Mistake((*path, "long_gap"), what, "name two runs of a day that follow each other")
    pauses_s = ((shape.per_day or 1) - 1) * (shape.gap_s_min or 0) + (gap.s_min if gap else 0)
    if max(pauses_s, shape.cycle_s_min or 0) >= _DAY_S:
        yield Mistake(path, "what one day takes does not fit into it", "shorten the pauses")


def _predicate(rule: Rule, predicate: Predicate, path: Path) -> Iterator[Mistake]:
    of_days = predicate.stat is Stat.DAYS_WITH_ANY
    needed, other = ("days", "share") if of_days else ("share", "days")
    if getattr(predicate, needed) is None:
        what = f"{needed} is missing: stat {predicate.stat} is held against it"
        yield Mistake(path, what, f"add {needed}")
    if getattr(predicate, other) is not None:
        what = f"stat {predicate.stat} has no use for {other}"
        yield Mistake((*path, other), what, "leave it out")
    yield from _condition(rule, predicate.run, (*path, "run"))
    if (predicate.stat is Stat.SHARE_OF_DELAY_TESTS) != (predicate.run.us is not None):
        what = f"stat {predicate.stat} does not count this kind of run"
        yield Mistake((*path, "run"), what, "a delay has us, a rate has share and base")


def _condition(rule: Rule, run: RunCondition, path: Path) -> Iterator[Mistake]:
    rate = run.share is not None and run.base is not None
    half = (run.share is None) != (run.base is None)
    if half or rate == (run.us is not None):
        yield Mistake(path, "neither a rate nor a delay", "give share and base, or us")
    if run.share is not None and not is_bare_fraction(run.share) and not rule.share_by_households:
        what = "no share_by_households says what the share of a cell is"
        yield Mistake((*path, "share"), what, "add share_by_households, or give a fraction")


def _sequence(rule: Rule) -> Iterator[Mistake]:
    before: set[str] = set()
    for index, step in enumerate(rule.sequence):
        path: Path = ("sequence", index)
        if step.id in before:
            yield Mistake((*path, "id"), f"{step.id} stands twice", "give each its own name")
        if step.run is not None:
            yield from _condition(rule, step.run, (*path, "run"))
        if step.not_before is not None and step.not_before.since not in before:
            what = f"{step.not_before.since} is no earlier step"
            yield Mistake((*path, "not_before"), what, "count the days from a step before")
        before.add(step.id)
    if rule.sequence and rule.sequence[-1].outcome is None:
        yield Mistake(("sequence",), "it leads nowhere", "give the last step its outcome")
