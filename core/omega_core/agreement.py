"""Whether the two observers of a session agree.

Agent and test point each sign what they counted. The receiver's count is the truth of a direction;
the other end's count bounds it. Nothing here decides what follows: the Collector adds a fault, and
`omega verify` names the failed check.

    up      the test point reads:  its octets = those in the record, run by run
    down    the agent reads:       acknowledged <= octets in the record <= sent, retransmitted
                                   ones left out, as the test point's kernel counted them
    delay   the reflector counts:  its report = the one in the record, and what never reached it
                                   is what the record calls lost on the way up

A run that did not complete gives no rate (`omega_core.derive` leaves it out), so there the record
must only not claim more than the test point saw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from omega_core.control import Observation, RunCounts
from omega_core.evidence import Ended, Evidence, FlowCounts, GoodputRun, IdleStream, SequenceRange
from omega_core.metrics import Direction
from omega_core.units import PPM

AGREE_PPM = 1_000  # counts of the same octets by two programs; the rest is a defect or a lie


def disagreements(evidence: Evidence, observation: Observation) -> tuple[str, ...]:
    """Return one sentence for each thing the two observers tell differently; () when they agree."""
    counted = {(run.run, run.direction): run for run in observation.runs}
    found = [
        *_of_runs(evidence.goodput, counted),
        *_of_streams(evidence.idle, observation),
    ]
    return tuple(found)


def _of_runs(
    runs: Iterable[GoodputRun], counted: dict[tuple[int, Direction], RunCounts]
) -> Iterator[str]:
    for run in runs:
        stated = _octets(run.flows)
        theirs = counted.get((run.run, run.direction))
        if theirs is None:
            if stated:
                yield f"run {run.run}: the test point did not count it"
            continue
        missing = {flow.flow for flow in run.flows if flow.octets} - _flows_seen(theirs)
        if missing:
            yield f"run {run.run}: the test point did not see flow {min(missing)}"
            continue
        low, high = _bounds(theirs)
        if not _is_within(stated, low, high, completed=_counts(run)):
            yield f"run {run.run}: {stated} octets in the record, {low} to {high} at the test point"


def _counts(run: GoodputRun) -> bool:
    return run.ended in {Ended.COMPLETED, Ended.DECIDED}


def _is_within(stated: int, low: int, high: int, *, completed: bool) -> bool:
    """Say whether a count lies between two others, each side given 1,000 ppm."""
    not_too_much = stated * PPM <= high * (PPM + AGREE_PPM)
    not_too_little = stated * PPM >= low * (PPM - AGREE_PPM)
    return not_too_much and (not_too_little or not completed)


def _bounds(theirs: RunCounts) -> tuple[int, int]:
    """Return between what numbers of octets the receiver's count must lie, as the far end saw."""
    if theirs.direction is Direction.UP:
        read = _octets(theirs.flows)
        return read, read
    acknowledged = sum(sender.acked_octets for sender in theirs.senders)
    once = sum(sender.sent_octets - sender.retransmitted_octets for sender in theirs.senders)
    return acknowledged, max(acknowledged, once)


def _flows_seen(theirs: RunCounts) -> set[int]:
    ends = theirs.flows if theirs.direction is Direction.UP else theirs.senders
    return {end.flow for end in ends}


def _octets(flows: Iterable[FlowCounts]) -> int:
    return sum(flow.octets[-1] for flow in flows if flow.octets)


def _of_streams(streams: Iterable[IdleStream], observation: Observation) -> Iterator[str]:
    reports = Counter(counts.report for counts in observation.streams)
    for index, stream in enumerate(streams):
        if stream.report is None:
            continue
        if not reports[stream.report]:
            yield f"stream {index}: the reflector's report is not the one in the record"
            continue
        reports[stream.report] -= 1
        reached = _numbers(stream.report.received)
        lost_up = _numbers(stream.lost_up)
        if lost_up != set(range(len(stream.rtt_us))) - reached:
            yield f"stream {index}: what never reached the reflector is not what the record says"


def _numbers(ranges: Iterable[SequenceRange]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}
