"""Do the two observers of a session agree? One pure rule, for the Collector and the verifier.

The agent states its evidence, the test point signs its own counts. In each direction the receiver's
count is the truth, and what the other end knows must fit to it:

    delay stream    the report in the evidence is the one the test point signed; every packet the
                    agent saw answered had reached the test point, none it calls lost upwards had
    upward run      the test point received: its counters stand unchanged in the evidence
    downward run    the agent received: what it read lies between what the test point's kernel saw
                    acknowledged and what it sent
    upward load     the test point received: its reports stand unchanged in the evidence
    downward load   the agent received: no more packets than the test point sent

A run is cut while octets are on their way, and the two ends are not read in the same instant. So
what was sent bounds the agent's claim to have read it tightly: 1,000 ppm of the run, whatever the
line. Two differences are weighed more loosely, by `CUT_US` of the run. The reader may have less
than was acknowledged: so long may octets have waited at the host, acknowledged and not yet read,
when it stopped. And the test point may have read more than the agent knows to have sent: a kernel
goes on sending between the last look at its figures and the reset. Differences of flows are added
up and never cancel; a flow or a run that one end does not know at all is never within tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omega_core.control import CapacityCounts, Observation, RunCounts
from omega_core.evidence import (
    CapacityRun,
    Evidence,
    FlowCounts,
    GoodputRun,
    IdleStream,
    SequenceRange,
    StreamReport,
)
from omega_core.load import LoadCounts
from omega_core.metrics import Direction
from omega_core.units import PPM

APART_PPM_MAX = 1_000
CUT_US = 100_000  # a thread is a tick late at most; the other end goes on till told
CUT_OCTETS = 64 << 10  # one joined segment, on lines that carry less than that in `CUT_US`


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where the two observers differ, and by what; a sentence fragment for people."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def disagreements(evidence: Evidence, observation: Observation) -> tuple[Disagreement, ...]:
    """Return every point on which the two observers of one session differ; none is agreement.

    Whether both speak of the same session is the caller's to check first.
    """
    return (
        *_streams(
            (*evidence.idle, *evidence.working), [each.report for each in observation.streams]
        ),
        *_runs(evidence.goodput, observation.runs),
        *_loads(evidence.capacity, observation.capacity),
    )


def _streams(
    streams: Sequence[IdleStream], reports: Sequence[StreamReport]
) -> Iterator[Disagreement]:
    """Compare the streams; the test point also knows those that only tried connectivity."""
    unclaimed = list(reports)
    for index, stream in enumerate(streams):
        where = f"stream {index}"
        if stream.report is None:
            continue  # it never arrived: the evidence then claims nothing from it
        if stream.report not in unclaimed:
            yield Disagreement(where, "the test point signed no such report")
            continue
        unclaimed.remove(stream.report)
        if not _fates_fit(stream, stream.report):
            yield Disagreement(where, "the agent's lost packets are not those of the report")


def _fates_fit(stream: IdleStream, report: StreamReport) -> bool:
    """Say whether what the agent says of each packet is possible with what the reflector saw."""
    arrived = _numbers(report.received, below=len(stream.rtt_us))
    answered = {number for number, rtt_us in enumerate(stream.rtt_us) if rtt_us is not None}
    lost_up = _numbers(stream.lost_up, below=len(stream.rtt_us))
    return (
        answered <= arrived and not lost_up & arrived and stream.replies_received <= report.replies
    )


def _numbers(ranges: Sequence[SequenceRange], *, below: int) -> set[int]:
    """Return the numbers of the ranges; `below` bounds the work, whatever a range claims."""
    return {number for first, last in ranges for number in range(first, min(last + 1, below))}


def _runs(runs: Sequence[GoodputRun], counts: Sequence[RunCounts]) -> Iterator[Disagreement]:
    counted = {each.run: each for each in counts}
    for run in runs:
        where = f"run {run.run} {run.direction}"
        count = counted.pop(run.run, None)
        if count is None:
            if any(flow.octets and flow.octets[-1] for flow in run.flows):
                yield Disagreement(where, "the test point knows no such run")
        elif count.direction is not run.direction:
            yield Disagreement(where, "the test point saw it in the other direction")
        else:
            yield from _run(where, run, count)
    for count in counted.values():
        if _octets(count.flows) or any(sender.sent_octets for sender in count.senders):
            yield Disagreement(f"run {count.run} {count.direction}", "not in the evidence")


def _loads(runs: Sequence[CapacityRun], counts: Sequence[CapacityCounts]) -> Iterator[Disagreement]:
    counted = {each.run: each for each in counts}
    for run in runs:
        where = f"load {run.run} {run.direction}"
        count = counted.pop(run.run, None)
        if count is None:
            if run.packets and run.packets[-1]:
                yield Disagreement(where, "the test point knows no such load")
        elif (count.direction, count.ip_octets) != (run.direction, run.ip_octets):
            yield Disagreement(where, "the test point saw another one under this number")
        elif run.direction is Direction.UP:
            if _reports(run) != _reports(count.counts):
                yield Disagreement(where, "the receiver's reports are not the test point's")
        elif run.highest and run.highest[-1] > count.counts.sent_packets:
            yield Disagreement(where, "more packets were numbered than the test point sent")
    for count in counted.values():
        if count.counts.sent_packets or count.counts.packets:
            yield Disagreement(f"load {count.run} {count.direction}", "not in the evidence")


def _reports(counted: CapacityRun | LoadCounts) -> tuple[tuple[int, ...], ...]:
    return (
        counted.at_us,
        counted.octets,
        counted.packets,
        counted.highest,
        counted.delay_us_max,
        (counted.host_drops,),
    )


def _run(where: str, run: GoodputRun, count: RunCounts) -> Iterator[Disagreement]:
    if run.direction is Direction.UP:
        if run.flows != count.flows:
            yield Disagreement(where, "the receiver's counters are not the test point's")
            return
    elif run.senders != count.senders:
        yield Disagreement(where, "the sender's figures are not the test point's")
        return
    yield from _carried(where, run)


def _carried(where: str, run: GoodputRun) -> Iterator[Disagreement]:
    """Compare what one end read with what the other sent, flow by flow."""
    flows, senders = run.flows, run.senders
    if len({flow.flow for flow in flows}) < len(flows):
        yield Disagreement(where, "a flow is counted twice")
        return
    read = {flow.flow: _octets([flow]) for flow in flows}
    sent = {sender.flow: sender for sender in senders}
    unknown = {flow for flow in read.keys() - sent.keys() if read[flow]}
    unread = {flow for flow in sent.keys() - read.keys() if sent[flow].sent_octets}
    for flow in sorted(unknown | unread):
        yield Disagreement(where, f"flow {flow} is known to one end only")
    both = read.keys() & sent.keys()
    more = sum(max(read[flow] - sent[flow].sent_octets, 0) for flow in both)
    less = sum(max(sent[flow].acked_octets - read[flow], 0) for flow in both)
    total = sum(read.values())
    share = total * APART_PPM_MAX // PPM
    cut = max(share, CUT_OCTETS, _carried_in(CUT_US, total, flows))
    over = cut if run.direction is Direction.UP else share
    if more > over:
        yield Disagreement(where, f"{more} octets more were read than sent, {over} may be")
    if less > cut:
        yield Disagreement(where, f"{less} octets fewer were read than acknowledged, {cut} may be")


def _carried_in(span_us: int, total: int, flows: Sequence[FlowCounts]) -> int:
    """Return what the run carried in such a span, by its mean rate."""
    run_us = max((flow.at_us[-1] for flow in flows if flow.at_us), default=0)
    return total * span_us // run_us if run_us else 0


def _octets(flows: Sequence[FlowCounts]) -> int:
    return sum(flow.octets[-1] for flow in flows if flow.octets)
