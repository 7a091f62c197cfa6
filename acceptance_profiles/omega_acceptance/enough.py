"""When a session knows enough: which of its questions are answered, and which a task could answer.

    idle stream   until every mandatory criterion on it is decided, and every advisory one that the
                  rest of the stream could prove; a mandatory one is pursued to the stream's end
    TCP runs      `n_min`, then one at a time while a mandatory criterion is open and more runs like
                  those so far would decide it

Theory of operation. The judges of the verdict are asked, with what there is so far. A sample is
read once a second, and while it grows nowhere else, for the record will be read there and at its
own end: so what they call decided after n packets is decided in the record, too. But for delay
variation, which counts from the least delay of the whole stream: where a plan makes that mandatory
the stream goes on to its end. The judges also say how many samples without an event would pass,
which is when it is worth asking again: a look costs milliseconds.

Error probabilities hold however often one looks. To stop because no number of runs like these would
decide (they are too near to the limit) changes no outcome into another; who has the time and wants
to know says `until_decided`, and goes on to what the budget allows.

`saved` is what a session that ended early would have taken besides. Pure: no clock, no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from omega_acceptance.decision.runs import RUNS_MAX
from omega_acceptance.demand import PROBE_IP_OCTETS, demand
from omega_acceptance.evaluate import cases, judge
from omega_acceptance.judges.runs import finished_runs, test_of
from omega_acceptance.profile import AcceptanceProfile, Criterion, Statistic
from omega_acceptance.provable import samples_to_prove, share_limit_ppm
from omega_core.derive import NOT_NEEDED, derive
from omega_core.evidence import Ended, Evidence, GoodputRun
from omega_core.limits import packet_count
from omega_core.metrics import Direction
from omega_core.units import NS_PER_US, PPM
from omega_core.verdict import Mode, Outcome

_ON_PACKETS: Final = frozenset({Statistic.PERCENTILE, Statistic.SHARE})


def packets_needed(profile: AcceptanceProfile, mode: Mode, evidence: Evidence) -> int:
    """Return how many packets of the idle stream may answer what it is asked.

    No more than there are in `evidence` says that it is answered. Before there are any: the fewest
    that can prove what is mandatory.
    """
    asking = [
        each
        for each in profile.criteria
        if each.statistic in _ON_PACKETS and each.is_measured_in(mode)
    ]
    look = profile.statistics.probe_pps  # a sample is read once a second
    planned = packet_count(*_stream_ns(profile, mode))
    if not evidence.idle:
        least = (_least(profile, each) for each in asking if each.decides_in(mode))
        return _rounded_up(max(least, default=planned), look)
    size = len(evidence.idle[0].rtt_us)
    needed = size if asking else planned
    for case in cases(profile, asking, mode, evidence, derive(evidence), grows=True):
        found = judge(case)
        if found.outcome is not Outcome.INCONCLUSIVE:
            if "_pdv_" in case.criterion.metric and case.criterion.decides_in(mode):
                needed = max(needed, planned)  # a lesser delay would change what is late
            continue
        if found.decision is not None and found.decision.more_needed is None:
            continue  # no more of the sample is read
        enough = _rounded_up(max(found.samples_needed, size + 1), look)
        if case.criterion.decides_in(mode) or enough <= planned:
            needed = max(needed, enough)
    return needed


def _least(profile: AcceptanceProfile, criterion: Criterion) -> int:
    """Return how many packets without an event decide a criterion."""
    if share_limit_ppm(criterion) in {0, PPM}:  # one event decides the first, nothing the second
        return criterion.n_min
    return max(criterion.n_min, samples_to_prove(profile, criterion))


def runs_answered(
    profile: AcceptanceProfile,
    mode: Mode,
    direction: Direction,
    evidence: Evidence,
    *,
    until_decided: bool = False,
) -> bool:
    """Say whether the TCP runs of a direction have answered what is asked of them, or can't."""
    asked = profile.criteria_by(Statistic.MEAN_LOG, direction)
    asking = [each for each in asked if each.decides_in(mode)]
    for case in cases(profile, asking, mode, evidence, derive(evidence)):
        runs, test = finished_runs(case), test_of(case)
        n_min, n_max = case.criterion.n_min, case.criterion.n_max or RUNS_MAX
        found = test.read(runs.rates_bps, case.limit(runs.family), n_min=n_min, n_max=n_max)
        if found is None:
            return False
        if found.outcome is not Outcome.INCONCLUSIVE:
            continue
        ways = (test.runs_to_pass(found, n_max=n_max), test.runs_to_fail(found, n_max=n_max))
        if until_decided or any(count is not None for count in ways):
            return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a session did not take because it knew enough; octets of the IP layer, estimated."""

    duration_us: int
    octets_down: int
    octets_up: int


def saved(profile: AcceptanceProfile, mode: Mode, evidence: Evidence) -> Saved | None:
    """Return what the plan would have taken besides; None of a session that ended nothing early.

    Seconds of the stream and of the runs that were left out; a run would have taken what those of
    its direction took on average.
    """
    duration_ns, period_ns = _stream_ns(profile, mode)
    packets = 0
    if any(end.task == "idle" and end.ended is Ended.DECIDED for end in evidence.tasks):
        packets = max(packet_count(duration_ns, period_ns) - len(evidence.idle[0].rtt_us), 0)
    octets = dict.fromkeys(Direction, packets * PROBE_IP_OCTETS)
    duration_us = packets * period_ns // NS_PER_US
    of_run_ns = {run.direction: run.duration_ns for run in demand(profile, mode).goodput}
    for way, run_ns in of_run_ns.items():
        left_out = sum(
            end.task == f"goodput_{way}" and end.detail == NOT_NEEDED for end in evidence.tasks
        )
        held = [_octets(run) for run in evidence.goodput if run.direction is way]
        duration_us += left_out * run_ns // NS_PER_US
        octets[way] += left_out * sum(held) // max(len(held), 1)
    if not duration_us:
        return None
    return Saved(
        duration_us=duration_us,
        octets_down=octets[Direction.DOWN],
        octets_up=octets[Direction.UP],
    )


def _octets(run: GoodputRun) -> int:
    """Return about how many IP octets a run has moved: its payload, with a header each segment."""
    payload = sum(flow.octets[-1] for flow in run.flows if flow.octets)
    return payload + payload * run.ip_header_octets // max(run.segment_octets, 1)


def _stream_ns(profile: AcceptanceProfile, mode: Mode) -> tuple[int, int]:
    wanted = demand(profile, mode)
    return wanted.idle_duration_ns, wanted.idle_period_ns


def _rounded_up(packets: int, to: int) -> int:
    return -(-packets // to) * to
