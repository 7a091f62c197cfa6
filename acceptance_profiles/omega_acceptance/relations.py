"""What the fields of a profile must be to each other; the first mistake is shown to its author.

`profile.py` has checked each field by itself. Here: rates in order, criteria that can mean
something (the metric exists, in this unit, this way round, under a statistic made for it), limits
that some line can keep, and budgets that yield the samples and hold the octets that are asked for.
A mistake names a path inside the profile, so that its line can be found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from omega_acceptance.demand import demand, expected_bps, octets_at_most
from omega_acceptance.layers import ENCAPSULATIONS, Layer
from omega_acceptance.profile import (
    AcceptanceProfile,
    ContractShare,
    Criterion,
    Statistic,
)
from omega_acceptance.toml_content import Mistake
from omega_acceptance.toml_lines import Path
from omega_acceptance.windows import offer_bps, rate_in_question_bps
from omega_core import limits
from omega_core.limits import packet_count
from omega_core.metrics import METRICS, READINGS, Better, Direction, Quantity
from omega_core.units import NS_PER_S, NS_PER_US, PPM
from omega_core.verdict import Mode


class Reading(NamedTuple):
    """What a statistic is made for, and which optional fields of a criterion belong to it."""

    metrics: frozenset[str]
    needs: frozenset[str]
    allows: frozenset[str] = frozenset()


_OPTIONAL = (
    "n_min",
    "family",
    "confidence_ppm",
    "n_max",
    "n_fixed",
    "p0_ppm",
    "run_s",
    "steps_ppm",
    "window_days",
    "observed_min_ppm",
)


def _named(*beginnings: str) -> frozenset[str]:
    return frozenset(name for name in METRICS if name.startswith(beginnings))


_COUNTED = frozenset({"n_min"})
_SEQUENTIAL = _COUNTED | {"confidence_ppm"}
READINGS_OF_STATISTIC: dict[Statistic, Reading] = {
    Statistic.ALL: Reading(_named("reachable_"), _COUNTED, frozenset({"family"})),
    Statistic.PERCENTILE: Reading(
        _named("idle_rtt_us_p", "idle_pdv_us_p"), _SEQUENTIAL, frozenset({"family", "n_max"})
    ),
    Statistic.SHARE: Reading(_named("loss_"), _SEQUENTIAL, frozenset({"family", "n_max"})),
    Statistic.BLOCK: Reading(
        _named("working_rtt_us_p50_"), _SEQUENTIAL, frozenset({"family", "n_max"})
    ),
    Statistic.WINDOW: Reading(
        _named("qualified_"), _COUNTED, frozenset({"family", "n_max", "steps_ppm"})
    ),
    Statistic.MEAN_LOG: Reading(
        _named("goodput_"), _SEQUENTIAL | {"n_max", "run_s"}, frozenset({"family"})
    ),
    Statistic.SHARE_OF_RUNS: Reading(
        _named("goodput_", "capacity_", "qualified_"),
        _SEQUENTIAL | {"p0_ppm"},
        frozenset({"family", "n_max", "n_fixed", "run_s"}),
    ),
    Statistic.BOUNDS: Reading(
        _named("availability_"), frozenset({"window_days", "observed_min_ppm"})
    ),
    Statistic.READING: Reading(frozenset(READINGS), _COUNTED),
}

_WAITING_US = limits.WAITING_TIME_NS // NS_PER_US
_LIMIT_MAX = {
    "ppm": PPM,
    "us": _WAITING_US,
    "bps": limits.PLAN_RATE_BPS_MAX,
    "rpm": 60 * PPM,
    "dB": 100,
}
_PACKETS = frozenset({Statistic.PERCENTILE, Statistic.SHARE})


def mistakes(profile: AcceptanceProfile) -> Iterator[Mistake]:
    """Yield everything in the profile that can't be meant."""
    yield from _rates(profile)
    yield from _layer(profile)
    yield from _dates(profile)
    yield from _repeated(("plan_ids",), profile.plan_ids)
    yield from _repeated(("criteria",), tuple(each.id for each in profile.criteria), "id")
    for index, criterion in enumerate(profile.criteria):
        yield from _criterion(profile, criterion, ("criteria", index))
    yield from _budget(profile)


def _rates(profile: AcceptanceProfile) -> Iterator[Mistake]:
    rising = ("min_bps", "normal_bps", "max_bps", "advertised_bps")
    for direction in Direction:
        rates, path = profile.contracted.rates(direction), ("contracted", direction.value)
        pairs = [*pairwise(rising), ("max_bps", "provisioned_bps")]
        for lower, upper in pairs:
            if getattr(rates, lower) > getattr(rates, upper):
                what = f"{lower} {getattr(rates, lower)} is above {upper} {getattr(rates, upper)}"
                remedy = "min <= normal <= max <= advertised, and the network must let max through"
                yield Mistake((*path, lower), what, remedy)


def _layer(profile: AcceptanceProfile) -> Iterator[Mistake]:
    known = ENCAPSULATIONS.get(profile.layer, ())
    if profile.encapsulation in known or (profile.encapsulation is None and not known):
        return
    found = "no encapsulation" if profile.encapsulation is None else f"{profile.encapsulation}"
    remedy = f"give one of {', '.join(known)}" if known else "leave encapsulation out"
    yield Mistake(
        ("rate_layer",) if profile.encapsulation is None else ("encapsulation",),
        f"rate_layer {profile.rate_layer} with {found} is not a known way to count",
        remedy,
    )


def _dates(profile: AcceptanceProfile) -> Iterator[Mistake]:
    until = profile.effective_until
    if until is not None and until < profile.effective_from:
        what = f"{until} is before effective_from {profile.effective_from}"
        yield Mistake(("effective_until",), what, "give the last day on which it is in force")


def _repeated(path: Path, names: tuple[str, ...], key: str | None = None) -> Iterator[Mistake]:
    first_of: dict[str, int] = {}
    for index, name in enumerate(names):
        if first_of.setdefault(name, index) != index:
            where = (*path, index) if key is None else (*path, index, key)
            yield Mistake(where, f"{name} stands twice", "give each its own name")


def _criterion(profile: AcceptanceProfile, criterion: Criterion, path: Path) -> Iterator[Mistake]:
    quantity = METRICS.get(criterion.metric) or READINGS.get(criterion.metric)
    if quantity is None:
        what = f"no metric is called {criterion.metric!r}"
        yield Mistake((*path, "metric"), what, "docs/metrics.md lists the names")
        return
    yield from _meaning(criterion, quantity, path)
    yield from _fields(criterion, path)
    yield from _counts(criterion, path)
    yield from _limit(profile, criterion, quantity, path)
    yield from _modes(criterion, path)
    if criterion.statistic is Statistic.WINDOW and criterion.mandatory_in and criterion.direction:
        yield from _offer(profile, criterion, criterion.direction, path)


def _offer(
    profile: AcceptanceProfile, criterion: Criterion, direction: Direction, path: Path
) -> Iterator[Mistake]:
    """Refuse a rate that decides and that the network would not let be proved."""
    offered = offer_bps(profile, rate_in_question_bps(profile, criterion))
    through = expected_bps(profile, direction)
    if offered > through:
        what = f"its proof takes {offered} bps of IP, above the {through} that are let through"
        remedy = "ask for less, or give the provisioned_bps that the network is set to"
        yield Mistake((*path, "limit"), what, remedy)


def _meaning(criterion: Criterion, quantity: Quantity, path: Path) -> Iterator[Mistake]:
    if criterion.unit != quantity.unit:
        what = f"{criterion.metric} is in {quantity.unit}, not in {criterion.unit}"
        yield Mistake(
            (*path, "unit"), what, f'write unit = "{quantity.unit}" and convert the limit'
        )
    right = "at_least" if quantity.better is Better.HIGHER else "at_most"
    if criterion.op != right:
        what = f"{criterion.op} {criterion.metric} would reward a worse line"
        yield Mistake((*path, "op"), what, f'write op = "{right}"')
    fitting = READINGS_OF_STATISTIC[criterion.statistic].metrics
    if criterion.metric not in fitting:
        what = f"statistic {criterion.statistic} does not read {criterion.metric}"
        yield Mistake((*path, "statistic"), what, f"it reads {', '.join(sorted(fitting))}")


def _fields(criterion: Criterion, path: Path) -> Iterator[Mistake]:
    reading = READINGS_OF_STATISTIC[criterion.statistic]
    for name in _OPTIONAL:
        given = name in criterion.model_fields_set and getattr(criterion, name) is not None
        if name in reading.needs and not given:
            what = f"{name} is missing: statistic {criterion.statistic} needs it"
            yield Mistake(path, what, f"add {name}")
        if given and name not in reading.needs | reading.allows:
            what = f"statistic {criterion.statistic} has no use for {name}"
            yield Mistake((*path, name), what, "leave it out")


def _counts(criterion: Criterion, path: Path) -> Iterator[Mistake]:
    for name in ("n_max", "n_fixed"):
        bound = getattr(criterion, name)
        if bound is not None and criterion.n_min > bound:
            what = f"n_min {criterion.n_min} is above {name} {bound}"
            yield Mistake((*path, "n_min"), what, f"n_min <= {name}")
    runs_max = limits.GOODPUT_RUNS_MAX // len(Direction)
    if criterion.statistic is Statistic.MEAN_LOG and (criterion.n_max or 0) > runs_max:
        what = f"n_max {criterion.n_max} is above {runs_max}, the runs one session may hold"
        yield Mistake((*path, "n_max"), what, "ask for fewer runs")
    if criterion.statistic is Statistic.WINDOW:
        yield from _windows(criterion, path)


def _windows(criterion: Criterion, path: Path) -> Iterator[Mistake]:
    steps = criterion.steps_ppm or ()
    if any(later <= earlier for earlier, later in pairwise((0, *steps, PPM))):
        what = f"steps_ppm {', '.join(map(str, steps))} do not rise below {PPM}"
        yield Mistake((*path, "steps_ppm"), what, "write the lower shares first, and not the whole")
    held = len(steps) + criterion.n_min + 1  # the repeat
    held_max = limits.CAPACITY_RUNS_MAX // len(Direction)
    if held > held_max:
        what = f"{held} windows with the repeat are more than the {held_max} a session may hold"
        yield Mistake((*path, "n_min"), what, "ask for fewer windows or steps")


def _limit(
    profile: AcceptanceProfile, criterion: Criterion, quantity: Quantity, path: Path
) -> Iterator[Mistake]:
    limit, where = criterion.limit, (*path, "limit")
    if isinstance(limit, ContractShare):
        if criterion.unit != "bps" or criterion.direction is None:
            what = f"{criterion.metric} has no contracted rate to take a share of"
            yield Mistake(where, what, f"give a whole number in {quantity.unit}")
    else:
        yield from _figure(profile, criterion, limit, where)
    if criterion.statistic is Statistic.ALL and limit != PPM:
        what = f"statistic all asks for {PPM} ppm, not for less"
        yield Mistake(where, what, f"write limit = {PPM}")
    if criterion.metric.startswith("dsl_sync_") and profile.layer is not Layer.ATM:
        what = f"a synchronisation rate can't be compared with rates in layer {profile.rate_layer}"
        yield Mistake(where, what, 'it needs rate_layer = "atm"')


def _figure(
    profile: AcceptanceProfile, criterion: Criterion, limit: int, where: Path
) -> Iterator[Mistake]:
    most = _LIMIT_MAX[criterion.unit]
    if limit > most:
        what = f"{limit} {criterion.unit} is above {most}, which no line can show"
        yield Mistake(where, what, f"give a limit in {criterion.unit} of at most {most}")
    if limit == 0 and (criterion.op == "at_least" or criterion.unit == "us"):
        what = f"a limit of 0 {criterion.unit} is kept by every line or by none"
        yield Mistake(where, what, "give what the plan promises")
    if criterion.unit == "bps" and criterion.direction is not None:
        through = profile.contracted.rates(criterion.direction).provisioned_bps
        if through < limit <= most:
            what = f"{limit} bps is above the {through} bps that the network lets through"
            yield Mistake(where, what, "promise at most provisioned_bps")


def _modes(criterion: Criterion, path: Path) -> Iterator[Mistake]:
    where = (*path, "mandatory_in")
    if len(set(criterion.mandatory_in)) < len(criterion.mandatory_in):
        yield Mistake(where, "a mode stands twice", "name each mode once")
    if criterion.monitor_only and criterion.mandatory_in:
        what = f"{criterion.id} is judged over days and can't decide a session"
        yield Mistake(where, what, "write mandatory_in = []")
    if criterion.statistic is Statistic.BOUNDS and not criterion.monitor_only:
        yield Mistake(path, "bounds need days of observation", "add monitor_only = true")
    if criterion.statistic is Statistic.SHARE_OF_RUNS and set(criterion.mandatory_in) - {
        Mode.CAMPAIGN
    }:
        what = f"{criterion.id} is a share of the runs of a campaign"
        yield Mistake(where, what, 'it can be mandatory in "campaign" only')


def _budget(profile: AcceptanceProfile) -> Iterator[Mistake]:
    decided = Counter(mode for each in profile.criteria for mode in each.mandatory_in)
    for name, criteria in decided.items():
        if getattr(profile.budget, name) is None:
            what = f"{criteria} criteria are mandatory in {name}, which has no budget"
            yield Mistake(("budget",), what, f"add budget.{name}, or make them advisory")
    yield from _campaign(profile)
    for mode in (Mode.QUICK, Mode.STANDARD):
        if profile.budget.session(mode) is not None:
            yield from _yield_of_stream(profile, mode)
            yield from _octets(profile, mode)


def _campaign(profile: AcceptanceProfile) -> Iterator[Mistake]:
    """Refuse a run of a campaign that takes longer than calendars leave room for."""
    if profile.budget.campaign is None:
        return
    seconds = demand(profile, Mode.CAMPAIGN).seconds
    if seconds > limits.CAMPAIGN_RUN_S_MAX:
        what = f"a run takes up to {seconds} s, more than {limits.CAMPAIGN_RUN_S_MAX}"
        yield Mistake(("budget", "campaign"), what, "lower idle_s, run_s or the windows")


def _yield_of_stream(profile: AcceptanceProfile, mode: Mode) -> Iterator[Mistake]:
    """Refuse a mandatory criterion that waits for more packets than its mode ever sends."""
    session = profile.budget.session(mode)
    idle_s = session.idle_s if session else 0
    pps = profile.statistics.probe_pps
    packets = packet_count(idle_s * NS_PER_S, NS_PER_S // pps)
    for index, criterion in enumerate(profile.criteria):
        if criterion.statistic not in _PACKETS or not criterion.decides_in(mode):
            continue
        if criterion.n_min > packets:
            what = (
                f"n_min {criterion.n_min} is above the {packets} packets that {idle_s} s "
                f"at {pps} a second yield in {mode}"
            )
            remedy = f"lengthen budget.{mode}.idle_s, or ask for fewer packets"
            yield Mistake(("criteria", index, "n_min"), what, remedy)


def _octets(profile: AcceptanceProfile, mode: Mode) -> Iterator[Mistake]:
    """Refuse a budget that the session is sure to burst: the test point enforces it."""
    for direction in Direction:
        name = f"bytes_{direction}"
        allowed = getattr(profile.budget.session(mode), name)
        needed = octets_at_most(profile, mode, direction)
        if needed > allowed:
            what = f"{allowed} is less than the {needed} that {mode} takes at provisioned_bps"
            yield Mistake(("budget", mode.value, name), what, "raise it, or ask for fewer runs")
