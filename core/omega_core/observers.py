"""Do the two observers of a session agree? One pure rule, for the Collector and the verifier.

The agent states its evidence, the test point signs its own counts. In each direction the receiver's
count is the truth, and what the other end knows must fit to it:

    delay stream    the report in the evidence is the one the test point signed; every packet the
                    agent saw answered had reached the test point, none it calls lost upwards had
    upward run      the test point received: its counters stand unchanged in the evidence
    downward run    the agent received: what it read lies between what the test point's kernel saw
                    acknowledged and what it sent

A run is cut while octets are still on the way, or acknowledged and not yet read, and the ends are
not read in the same instant. So the sum over a run's flows may be off by 1,000 ppm of what it
carried, or by `IN_FLIGHT_OCTETS` where that is more. A flow or a run that one end does not know at
all is never within tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omega_core.control import Observation, RunCounts
from omega_core.evidence import (
    Evidence,
    FlowCounts,
    GoodputRun,
    IdleStream,
    SenderCounts,
    SequenceRange,
    StreamReport,
)
from omega_core.metrics import Direction
from omega_core.units import PPM

APART_PPM_MAX = 1_000
IN_FLIGHT_OCTETS = 4 << 20  # windows that were full when the run was cut: 300 Mbit/s at 110 ms


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
        *_streams(evidence.idle, [each.report for each in observation.streams]),
        *_runs(evidence.goodput, observation.runs),
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


def _run(where: str, run: GoodputRun, count: RunCounts) -> Iterator[Disagreement]:
    if run.direction is Direction.UP:
        if run.flows != count.flows:
            yield Disagreement(where, "the receiver's counters are not the test point's")
            return
    elif run.senders != count.senders:
        yield Disagreement(where, "the sender's figures are not the test point's")
        return
    yield from _carried(where, run.flows, run.senders)


def _carried(
    where: str, flows: Sequence[FlowCounts], senders: Sequence[SenderCounts]
) -> Iterator[Disagreement]:
    """Compare what one end read with what the other sent, flow by flow."""
    if len({flow.flow for flow in flows}) < len(flows):
        yield Disagreement(where, "a flow is counted twice")
        return
    read = {flow.flow: _octets([flow]) for flow in flows}
    sent = {sender.flow: sender for sender in senders}
    unknown = {flow for flow in read.keys() - sent.keys() if read[flow]}
    unread = {flow for flow in sent.keys() - read.keys() if sent[flow].sent_octets}
    for flow in sorted(unknown | unread):
        yield Disagreement(where, f"flow {flow} is known to one end only")
    apart = sum(
        max(sent[flow].acked_octets - read[flow], read[flow] - sent[flow].sent_octets, 0)
        for flow in read.keys() & sent.keys()
    )
    allowed = max(IN_FLIGHT_OCTETS, sum(read.values()) * APART_PPM_MAX // PPM)
    if apart > allowed:
        yield Disagreement(where, f"{apart} octets apart, {allowed} may be on their way")


def _octets(flows: Sequence[FlowCounts]) -> int:
    return sum(flow.octets[-1] for flow in flows if flow.octets)
