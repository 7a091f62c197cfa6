"""What must be measured so that a profile can be judged in a mode, and what that may cost.

The agent turns a `Demand` into the probe's plan, the Controller into the limits of the grant: both
from the same profile, so they agree without a word. A mode measures what its mandatory criteria
need; *standard* also what is advisory everywhere, because there the time is taken anyway.

Runs of the two directions alternate, so that a change of the line does not meet one of them alone.
Standard has as many as a criterion needs at least, and then up to its `n_max` those that are held
only while it is open (`omega_acceptance.enough`). There a short look and the windows come first, so
that the answer of mode quick is there as soon as in mode quick.

A session without a profile (`omega measure`, a self-test of an unknown plan) is bounded by its
seconds; its octets are what an unusually fast line carries in them, so only a broken sender
meets that bound. Fixed-rate windows are held in every mode whose criteria ask for them:
`omega_acceptance.windows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from omega_acceptance.decision.runs import RUNS_MAX
from omega_acceptance.errors import ModeUnknownError
from omega_acceptance.layers import Layer, ratio
from omega_acceptance.profile import AcceptanceProfile, Criterion, Statistic
from omega_acceptance.windows import allowance_of, octets_of, windows
from omega_core.evidence import Family
from omega_core.limits import STREAM_DURATION_NS_MAX, packet_count
from omega_core.metrics import Direction
from omega_core.qualification import DEFAULT, HOLD_US, Allowance
from omega_core.units import BITS_PER_OCTET, NS_PER_MS, NS_PER_S, NS_PER_US
from omega_core.verdict import Mode

CONNECTIVITY_ATTEMPTS = 3  # of each kind in one round
QUICK_RUN_S = 3  # one look at each direction, so that the answer is there within 15 s
PRECHECK_S = 2  # of listening before anything is sent
MEASURE_RUN_S = 8  # a run ends by itself once it has reached the capacity found, after 1.5 s mostly
CAPACITY_S = 10  # a search and its load end by themselves after 3 to 4 s, behind a satellite 7
LOOK_PERIOD_NS = {Mode.MEASURE: 8 * NS_PER_MS, Mode.QUICK: 5 * NS_PER_MS}
"""Where seconds count: 7 and 12 % of a line of 1 Mbit/s."""
LOOKS_NS = {Mode.MEASURE: 1_200 * NS_PER_MS, Mode.QUICK: 500 * NS_PER_MS}
"""On the quiet line: 151 and 101 packets, for a percentile of 95."""
LISTENING_NS = {Mode.MEASURE: 300 * NS_PER_MS, Mode.QUICK: 0}
"""Before anything is sent; the idle stream goes on listening, and is all that does in a hurry."""
CAMPAIGN_IDLE_S = 60  # loss is judged over at least a minute, unless the budget says otherwise
CAMPAIGN_RUN_S = 10  # where no criterion names the length of its runs
WINDOW_S = 3  # what a fixed-rate window takes at most
OVERHEAD_S = 30  # attempts that wait in vain, set-up and closing of the runs, the last replies
UNKNOWN_LINE_BPS = 100_000_000_000  # faster than any access line, and than loopback in Python
PROBE_IP_OCTETS = 92  # a STAMP packet of 44 octets over IPv6


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodputDemand:
    """One TCP run; with `until_known` it may end when it reaches the capacity found before."""

    direction: Direction
    duration_ns: int
    until_known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityDemand:
    """One search for the IP-layer capacity, or with `fixed_bps` the question whether it is carried.

    A search `holds` the load for working latency after it. A `repeat` is held only where the window
    before it was short. `mtu_bytes` is the plan's.
    """

    direction: Direction
    duration_ns: int
    quick: bool = False
    holds: bool = False
    fixed_bps: int | None = None
    allowance: Allowance = DEFAULT
    mtu_bytes: int | None = None
    repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one session measures, and its bounds.

    `families` are those the profile names: they are tried even where the session has none; empty
    means whichever the session has. `goodput` is in the order of the runs, `goodput_if_open` those
    after them that are held only while a criterion is open. `expected_bps_*` is
    what the network lets through at the IP layer, None without a profile. With `idle_look_ns` a
    stream of that length and the windows come before the idle stream. `skipped` names the tasks
    that the mode leaves out, `idle_hurried` says that late replies are not waited for. `seconds`,
    `bytes_down` and `bytes_up` (IP octets) are bounds of the whole session.
    """

    mode: Mode
    families: tuple[Family, ...]
    connectivity_attempts: int
    idle_duration_ns: int
    idle_period_ns: int
    goodput: tuple[GoodputDemand, ...]
    capacity: tuple[CapacityDemand, ...]
    expected_bps_down: int | None
    expected_bps_up: int | None
    seconds: int
    bytes_down: int
    bytes_up: int
    precheck_ns: int = PRECHECK_S * NS_PER_S
    goodput_if_open: tuple[GoodputDemand, ...] = ()
    idle_look_ns: int = 0
    skipped: tuple[str, ...] = ()
    idle_hurried: bool = False


def demand(profile: AcceptanceProfile, mode: Mode, *, until_decided: bool = False) -> Demand:
    """Return what a session of `mode` measures for this profile.

    With `until_decided` the idle stream may go on for what seconds the mode's budget has beyond all
    runs, and only questions that are still open make it. The bounds of the session are the same.
    Raises ModeUnknownError when the profile has no budget for the mode. Mode `measure` judges
    nothing, so it needs nothing of the profile but the rates to expect.
    """
    if mode is Mode.MEASURE:
        return _bounded_by_seconds(mode, profile)
    session, campaign = profile.budget.session(mode), profile.budget.campaign
    runs, if_open = _runs(profile, mode)
    if session is not None:
        seconds, idle_s = session.s, session.idle_s
        bytes_down, bytes_up = session.bytes_down, session.bytes_up
    elif mode is Mode.CAMPAIGN and campaign is not None:
        held_s = WINDOW_S * len(windows(profile, mode))
        idle_s = campaign.idle_s or CAMPAIGN_IDLE_S
        runs_s = sum(run.duration_ns for run in runs) // NS_PER_S
        seconds = idle_s + runs_s + held_s + OVERHEAD_S
        bytes_down = campaign.bytes_down // campaign.runs
        bytes_up = campaign.bytes_up // campaign.runs
    else:
        raise ModeUnknownError(
            f"profile {profile.id} version {profile.version} has no budget for mode {mode}"
        )
    if until_decided:
        held_s = sum(run.duration_ns for run in (*runs, *if_open)) // NS_PER_S
        held_s += WINDOW_S * len(windows(profile, mode)) + OVERHEAD_S
        longest_s = min(seconds - held_s, STREAM_DURATION_NS_MAX // NS_PER_S)
        idle_s = max(idle_s, longest_s)
    return Demand(
        mode=mode,
        families=_families(profile, mode),
        connectivity_attempts=_attempts(profile),
        idle_duration_ns=idle_s * NS_PER_S,
        idle_period_ns=NS_PER_S // profile.statistics.probe_pps,
        idle_look_ns=_look_ns(profile, mode),
        goodput=runs,
        goodput_if_open=if_open,
        capacity=_windows(profile, mode),
        expected_bps_down=expected_bps(profile, Direction.DOWN),
        expected_bps_up=expected_bps(profile, Direction.UP),
        seconds=seconds,
        bytes_down=bytes_down,
        bytes_up=bytes_up,
    )


def demand_without_profile(mode: Mode) -> Demand:
    """Return what a session that nobody judges measures: mode `measure`, or its `quick` form.

    Raises ModeUnknownError for the modes that exist only to judge.
    """
    if mode not in {Mode.MEASURE, Mode.QUICK}:
        raise ModeUnknownError(f"mode {mode} needs a plan: without one there is nothing to judge")
    return _bounded_by_seconds(mode, None)


def expected_bps(profile: AcceptanceProfile, direction: Direction) -> int:
    """Return what the network lets through in one direction, in bit/s at the IP layer."""
    provisioned = profile.contracted.rates(direction).provisioned_bps
    return int(provisioned * ratio(profile.packet(), of=profile.layer, into=Layer.IP))


def octets_at_most(profile: AcceptanceProfile, mode: Mode, direction: Direction) -> int:
    """Return the IP octets that a session of `mode` takes when every criterion uses `n_max` runs.

    Quick takes one run whatever the criterion says. Every fixed-rate window is held to its end; a
    repeat and the short look live on what the runs leave, for no session takes `n_max` of them.
    Raises ModeUnknownError as `demand` does.
    """
    wanted = demand(profile, mode)
    packets = packet_count(wanted.idle_duration_ns, wanted.idle_period_ns)
    criterion = _goodput_criterion(profile, mode, direction)
    run_ns = sum(run.duration_ns for run in wanted.goodput if run.direction is direction)
    if mode is Mode.STANDARD and criterion is not None:
        run_ns = (criterion.n_max or criterion.n_min) * _run_s(criterion) * NS_PER_S
    rate_bps = expected_bps(profile, direction)
    held = sum(
        octets_of(profile, each)
        for each in windows(profile, mode)
        if each.direction is direction and not each.repeat
    )
    return packets * PROBE_IP_OCTETS + run_ns * rate_bps // (BITS_PER_OCTET * NS_PER_S) + held


def _bounded_by_seconds(mode: Mode, profile: AcceptanceProfile | None) -> Demand:
    """Return one pass of everything; the quick form leaves out what TCP makes of the line.

    The capacity answers the same question in a third of the time and of the octets.
    """
    quick = mode is Mode.QUICK
    run_s = 0 if quick else MEASURE_RUN_S
    octets = 2 * (run_s + CAPACITY_S) * UNKNOWN_LINE_BPS // BITS_PER_OCTET
    runs = tuple(
        GoodputDemand(direction=each, duration_ns=run_s * NS_PER_S, until_known=True)
        for each in Direction
    )
    return Demand(
        mode=mode,
        families=(),
        connectivity_attempts=CONNECTIVITY_ATTEMPTS,
        idle_duration_ns=LOOKS_NS[mode],
        idle_period_ns=LOOK_PERIOD_NS[mode],
        goodput=() if quick else runs,
        capacity=tuple(
            CapacityDemand(
                direction=each, duration_ns=CAPACITY_S * NS_PER_S, quick=quick, holds=not quick
            )
            for each in Direction
        ),
        expected_bps_down=None if profile is None else expected_bps(profile, Direction.DOWN),
        expected_bps_up=None if profile is None else expected_bps(profile, Direction.UP),
        seconds=2 * (run_s + CAPACITY_S) + OVERHEAD_S,
        bytes_down=octets,
        bytes_up=octets,
        precheck_ns=LISTENING_NS[mode],
        idle_hurried=True,
        skipped=tuple(f"goodput_{each}" for each in Direction) if quick else (),
    )


def _families(profile: AcceptanceProfile, mode: Mode) -> tuple[Family, ...]:
    named: set[Family] = {
        each.family
        for each in profile.criteria
        if each.family is not None and each.is_measured_in(mode)
    }
    return tuple(sorted(named))


def _attempts(profile: AcceptanceProfile) -> int:
    """Return how many attempts of each kind a round has: what the criteria need, or three."""
    needed = (each.n_min for each in profile.criteria if each.statistic is Statistic.ALL)
    return max(needed, default=CONNECTIVITY_ATTEMPTS)


def _runs(
    profile: AcceptanceProfile, mode: Mode
) -> tuple[tuple[GoodputDemand, ...], tuple[GoodputDemand, ...]]:
    """Return the runs in their order, and those that may follow while a criterion is open.

    One down, one up, and so on while a direction has some.
    """
    needed, if_open = [], []
    for direction in Direction:
        least, most, run_s = _counts_and_seconds(profile, mode, direction)
        run = GoodputDemand(direction=direction, duration_ns=run_s * NS_PER_S)
        needed.append([run] * least)
        if_open.append([run] * (most - least))
    return _in_turn(needed), _in_turn(if_open)


def _in_turn(each_way: Sequence[Sequence[GoodputDemand]]) -> tuple[GoodputDemand, ...]:
    return tuple(run for pair in zip_longest(*each_way) for run in pair if run is not None)


def _windows(profile: AcceptanceProfile, mode: Mode) -> tuple[CapacityDemand, ...]:
    """Return the fixed-rate windows; the probe holds them before the runs, the repeats after."""
    allowance = allowance_of(profile)
    return tuple(
        CapacityDemand(
            direction=each.direction,
            duration_ns=HOLD_US * NS_PER_US,
            fixed_bps=each.fixed_bps,
            allowance=allowance,
            mtu_bytes=profile.mtu_bytes,
            repeat=each.repeat,
        )
        for each in windows(profile, mode)
    )


def _goodput_criterion(
    profile: AcceptanceProfile, mode: Mode, direction: Direction
) -> Criterion | None:
    """Return the criterion that asks for the most runs in one direction; None where none does."""
    wanted = Statistic.SHARE_OF_RUNS if mode is Mode.CAMPAIGN else Statistic.MEAN_LOG
    asking = [
        each
        for each in profile.criteria_by(wanted, direction)
        if each.metric == f"goodput_bps_{direction}" and each.is_measured_in(mode)
    ]
    return max(asking, key=lambda each: each.n_min * _run_s(each), default=None)


def _counts_and_seconds(
    profile: AcceptanceProfile, mode: Mode, direction: Direction
) -> tuple[int, int, int]:
    """Return how many runs a session has in a direction, at least and at most, of what seconds.

    More than the least only where that decides the verdict, and no more than are ever read.
    """
    criterion = _goodput_criterion(profile, mode, direction)
    if mode is Mode.CAMPAIGN:  # regulators' rules read both directions, whatever the profile asks
        return 1, 1, CAMPAIGN_RUN_S if criterion is None else _run_s(criterion)
    if criterion is None:
        return 0, 0, 0
    if mode is Mode.QUICK:
        return 1, 1, QUICK_RUN_S
    least, most = criterion.n_min, criterion.n_min
    if criterion.decides_in(mode):
        most = max(least, min(criterion.n_max or least, RUNS_MAX))
    return least, most, _run_s(criterion)


def _look_ns(profile: AcceptanceProfile, mode: Mode) -> int:
    """Return how long standard looks at the quiet line before its windows: as long as quick."""
    quick = profile.budget.quick
    if mode is not Mode.STANDARD or quick is None or not windows(profile, mode):
        return 0
    return quick.idle_s * NS_PER_S


def _run_s(criterion: Criterion) -> int:
    return CAMPAIGN_RUN_S if criterion.run_s is None else criterion.run_s
