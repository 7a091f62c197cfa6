"""Whether a plan's mandatory criteria can be proved in their modes, so that a sheet can be decided.

A promise that no sample of the mode could ever prove would leave every sheet undecided, however
good the line. Each mandatory criterion must therefore fit what its mode yields:

    percentile, share   N0(p0) x (2b - 1) packets without an event, b being the assumed burst
    block               the same in seconds of load
    share_of_runs       N0(p0) runs of the campaign, or the one look at `n_fixed`
    mean_log            three runs; in mode quick the one it takes
    all of them         seconds and confidence that go with the rest of the profile

This is asked of a file whose author can still mend it, not of a profile that was released and
received: what can't be proved comes out undecided there, never wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from omega_acceptance.decision.bursts import assumed_burst_ppm, design_effect_ppm, period_of
from omega_acceptance.decision.runs import RUNS_MAX, RUNS_MIN
from omega_acceptance.decision.shares import ShareTest, one_look, share_test
from omega_acceptance.demand import CAMPAIGN_IDLE_S, demand
from omega_acceptance.profile import AcceptanceProfile, Criterion, Statistic
from omega_acceptance.toml_content import Mistake
from omega_acceptance.toml_lines import Path
from omega_core.limits import packet_count
from omega_core.units import NS_PER_S, PPM
from omega_core.verdict import Mode, Outcome

_PACKETS = frozenset({Statistic.PERCENTILE, Statistic.SHARE})
_SESSIONS = (Mode.QUICK, Mode.STANDARD)


def unprovable(profile: AcceptanceProfile) -> Iterator[Mistake]:
    """Yield every mandatory criterion and budget with which a good line could not pass."""
    for index, criterion in enumerate(profile.criteria):
        path: Path = ("criteria", index)
        yield from _confidence(profile, criterion, path)
        for name in criterion.mandatory_in:
            mode = Mode(name)
            if criterion.statistic in _PACKETS:
                yield from _packets(profile, criterion, mode, path)
            elif criterion.statistic is Statistic.BLOCK:
                yield from _blocks(profile, criterion, mode, path)
            elif criterion.statistic is Statistic.MEAN_LOG:
                yield from _runs(criterion, mode, path)
            elif criterion.statistic is Statistic.SHARE_OF_RUNS:
                yield from _share_of_runs(profile, criterion, path)
    for mode in _SESSIONS:
        yield from _seconds(profile, mode)


def share_limit_ppm(criterion: Criterion) -> int:
    """Return the share of events that a criterion on packets or blocks allows."""
    match criterion.statistic:
        case Statistic.PERCENTILE:
            return PPM - int(criterion.metric.rpartition("_p")[2]) * PPM // 100
        case Statistic.SHARE if isinstance(criterion.limit, int):
            return criterion.limit
        case _:
            return PPM // 2


def samples_to_prove(profile: AcceptanceProfile, criterion: Criterion) -> int:
    """Return how many packets or blocks without an event prove a criterion, bursts as assumed.

    Of a criterion that allows some events, and not any number of them.
    """
    assumed = profile.statistics
    burst_ppm = assumed.block_burst_s * PPM
    if criterion.statistic in _PACKETS:
        period_us = period_of(assumed.probe_pps)
        burst_ppm = assumed_burst_ppm(assumed.loss_burst_us, period_us=period_us)
    test = _test_of(profile, criterion, share_limit_ppm(criterion))
    return -(-test.samples_to_pass() * design_effect_ppm(burst_ppm) // PPM)


def packets_of(profile: AcceptanceProfile, mode: Mode) -> int:
    """Return how many packets the idle stream of one session has; none where there is no mode."""
    session = profile.budget.session(mode)
    idle_s = session.idle_s if session else 0
    if mode is Mode.CAMPAIGN and profile.budget.campaign:
        idle_s = CAMPAIGN_IDLE_S
    if not idle_s:
        return 0
    return packet_count(idle_s * NS_PER_S, NS_PER_S // profile.statistics.probe_pps)


def _test_of(profile: AcceptanceProfile, criterion: Criterion, limit_ppm: int) -> ShareTest:
    assumed, confidence_ppm = profile.statistics, criterion.confidence_ppm
    false_pass_ppm = assumed.false_pass_max_ppm if confidence_ppm is None else PPM - confidence_ppm
    return share_test(limit_ppm, false_pass_ppm, assumed.false_fail_max_ppm)


def _confidence(profile: AcceptanceProfile, criterion: Criterion, path: Path) -> Iterator[Mistake]:
    allowed_ppm = profile.statistics.false_pass_max_ppm
    confidence_ppm = criterion.confidence_ppm
    if confidence_ppm is not None and PPM - confidence_ppm > allowed_ppm:
        what = (
            f"confidence_ppm {confidence_ppm} lets a bad line pass with {PPM - confidence_ppm} "
            f"ppm, above false_pass_max_ppm {allowed_ppm}"
        )
        yield Mistake((*path, "confidence_ppm"), what, f"write at least {PPM - allowed_ppm}")


def _packets(
    profile: AcceptanceProfile, criterion: Criterion, mode: Mode, path: Path
) -> Iterator[Mistake]:
    limit_ppm = share_limit_ppm(criterion)
    if limit_ppm in {0, PPM}:
        what = f"a loss of {limit_ppm} ppm is never proved, or kept by every line"
        yield Mistake((*path, "limit"), what, "allow some, or write mandatory_in = []")
        return
    needed, campaign = samples_to_prove(profile, criterion), profile.budget.campaign
    sessions = campaign.runs if campaign and mode is Mode.CAMPAIGN else 1
    there = min(sessions * packets_of(profile, mode), criterion.n_max or needed)
    if needed > there:
        pps = profile.statistics.probe_pps
        what = (
            f"{criterion.id} takes {needed} packets without an event to prove in {mode}, "
            f"{needed / pps:.2f} s at {pps} a second, and there are {there}"
        )
        bound = " and n_max to match" if criterion.n_max else ""
        remedy = (
            f"write budget.{mode}.idle_s = {-(-needed // pps)}{bound}, allow more, "
            "or write mandatory_in = []"
        )
        yield Mistake((*path, "limit"), what, remedy)


def _blocks(
    profile: AcceptanceProfile, criterion: Criterion, mode: Mode, path: Path
) -> Iterator[Mistake]:
    needed = max(samples_to_prove(profile, criterion), criterion.n_min)
    there = sum(
        run.duration_ns // NS_PER_S
        for run in demand(profile, mode).goodput
        if run.direction is criterion.direction
    )
    if needed > there:
        what = f"{criterion.id} takes {needed} s of load to prove, and {mode} has {there}"
        yield Mistake(path, what, "ask for more or longer runs, or write mandatory_in = []")


def _runs(criterion: Criterion, mode: Mode, path: Path) -> Iterator[Mistake]:
    n_max = criterion.n_max or 0
    if mode is Mode.QUICK and criterion.n_min > 1:
        what = f"{criterion.id} waits for {criterion.n_min} runs, and quick takes one"
        remedy = 'take "quick" out, or write n_min = 1; a window (statistic window) answers sooner'
        yield Mistake((*path, "n_min"), what, remedy)
    if mode is Mode.STANDARD and min(criterion.n_min, n_max) < RUNS_MIN:
        what = f"{criterion.n_min} to {n_max} runs decide nothing: their spread is not known"
        yield Mistake((*path, "n_min"), what, f"ask for at least {RUNS_MIN}")
    if n_max > RUNS_MAX:
        what = f"n_max {n_max} is above {RUNS_MAX}, to which the error rates hold"
        yield Mistake((*path, "n_max"), what, f"write n_max = {RUNS_MAX} at most")


def _share_of_runs(
    profile: AcceptanceProfile, criterion: Criterion, path: Path
) -> Iterator[Mistake]:
    campaign = profile.budget.campaign
    test = _test_of(profile, criterion, criterion.p0_ppm or 0)
    there = campaign.runs if campaign else 0
    fixed = criterion.n_fixed
    if fixed is not None and one_look(test, 0, fixed).outcome is not Outcome.PASS:
        what = f"a single look at {fixed} runs proves nothing, were all of them good"
        yield Mistake((*path, "n_fixed"), what, "look at more of them")
    needed = test.samples_to_pass() if fixed is None else fixed
    if needed > there:
        what = f"{criterion.id} takes {needed} good runs to prove, and the campaign has {there}"
        yield Mistake(path, what, f"write budget.campaign.runs = {needed}, or make it advisory")


def _seconds(profile: AcceptanceProfile, mode: Mode) -> Iterator[Mistake]:
    session = profile.budget.session(mode)
    if session is None:
        return
    wanted = demand(profile, mode)
    busy_ns = wanted.idle_look_ns + wanted.idle_duration_ns
    busy_ns += sum(run.duration_ns for run in wanted.goodput)
    busy_ns += sum(each.duration_ns for each in wanted.capacity if not each.repeat)
    busy_s = -(-busy_ns // NS_PER_S)
    if busy_s > session.s:
        what = f"stream, windows and runs of {mode} take {busy_s} s, more than its {session.s}"
        yield Mistake(("budget", mode.value, "s"), what, f"write s = {busy_s} and some to spare")
