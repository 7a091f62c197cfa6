"""One delay stream of a session: opened, sent, closed by the reflector's report.

Shared by the idle task and by connectivity over UDP; a stream beside a load is one more caller, and
runs in a thread of its own. The control connection is watched while a stream runs, so a test point
that dies ends it at once, while a line that is cut only shows as loss: the stream goes on, for the
line may come back. When the last packets went unanswered, the report is not waited for longer than
a packet is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Final, NamedTuple

from omega_core import limits
from omega_core.evidence import Ended, Family, IdleStream, StreamReport
from omega_core.samples import Way
from omega_core.units import NS_PER_S, NS_PER_US
from omega_core.wire.testpoint import CloseStream, OpenStream
from omega_probe.attempts import reason_of
from omega_probe.errors import TestPointLostError, TestPointRefusedError
from omega_probe.loss_ways import lost_ways, ranges_of
from omega_probe.own_traffic import OwnTrafficMeter, of_datagrams
from omega_probe.round_trip import StampSender, StreamOutcome
from omega_probe.stream import StreamDriver
from omega_probe.test_point_client import TestPointClient
from omega_probe.validity import OwnTraffic
from omega_probe.waiting import Waiter

LIMIT: Final = "limit"


class AtTestPoint(NamedTuple):
    """An open session, and what its tasks share."""

    client: TestPointClient
    waiter: Waiter
    meter: OwnTrafficMeter


class StreamPlan(NamedTuple):
    """One stream: how many packets, how far apart, to whom."""

    stream: int
    address: str
    family: Family
    packets: int
    period_ns: int
    phase_ns: int
    key: bytes | None = None
    octets_max: int | None = None
    """What the test point is asked to set aside for it; its own share where nothing is said."""
    hurried: bool = False
    """Whether what is missing at its end is waited for only shortly."""


class HeldStream(NamedTuple):
    """What a stream came to; `outcome` is None when it could not even be opened."""

    ended: Ended
    detail: str = ""
    outcome: StreamOutcome | None = None
    report: StreamReport | None = None
    failure: str | None = None
    ip_octets: int = 0
    timestamps: str = ""
    host_drops: int = 0
    started_ns: int = 0
    first_sent_ns: int | None = None
    timestamp_uncertainty_us: int | None = None
    spacings_us: tuple[tuple[int, int], ...] = ()
    unreported: bool = False
    """Whether the report was asked for and not waited for."""


class OpenedStream(NamedTuple):
    """A stream that the reflector answers, and the socket for it."""

    ssid: int
    driver: StreamDriver


def random_phase_ns(period_ns: int) -> int:
    """Return when the first packet leaves: streams of many probes must not march in step."""
    return int.from_bytes(os.urandom(8), "big") % period_ns


def ended_of(error: TestPointLostError | TestPointRefusedError) -> Ended:
    """Return how a task ends that met this error."""
    if isinstance(error, TestPointLostError):
        return error.ended
    return Ended.BUDGET if error.code == LIMIT else Ended.REFUSED


def hold_stream(
    plan: StreamPlan,
    at: AtTestPoint,
    *,
    progress: Callable[[StampSender], None] | None = None,
    over: Callable[[], None] = lambda: None,
    late: bool = False,
) -> HeldStream:
    """Open, run and close a stream; raises nothing for what the network does.

    `over` is called when only replies are still to come. If `late` is allowed, the report is not
    waited for where every packet was answered, for it could not tell anything new: the stream then
    is `unreported`, and `close_stream` fetches the report later.
    """
    opened = open_stream(plan, at)
    if isinstance(opened, HeldStream):
        return opened
    held = run_stream(plan, at, opened, progress=progress, all_sent=over)
    return end_stream(plan, at, held, late=late)


def end_stream(plan: StreamPlan, at: AtTestPoint, held: HeldStream, *, late: bool) -> HeldStream:
    """Close a stream that has run; `late`: see `hold_stream`."""
    close = close_late if late and _is_whole(held) else close_stream
    return close(plan, at, held)


def _is_whole(held: HeldStream) -> bool:
    outcome = held.outcome
    return held.ended is Ended.COMPLETED and outcome is not None and None not in outcome.rtt_us


def opening_of(plan: StreamPlan) -> OpenStream:
    """Return what the test point is asked for; it may be asked ahead."""
    authenticated = plan.key is not None
    return OpenStream(stream=plan.stream, authenticated=authenticated, octets_max=plan.octets_max)


def open_stream(plan: StreamPlan, at: AtTestPoint) -> OpenedStream | HeldStream:
    """Let the stream be answered; return what it came to when it can't even begin."""
    try:
        ready = at.client.request(opening_of(plan))
        driver = StreamDriver(plan.address, ready.udp_port, plan.family, at.waiter.clock)
    except (TestPointLostError, TestPointRefusedError) as error:
        return HeldStream(ended=ended_of(error), detail=str(error))
    except OSError as error:
        return HeldStream(ended=Ended.LINK_LOST, failure=reason_of(error), detail="no route")
    return OpenedStream(ssid=ready.ssid, driver=driver)


def run_stream(
    plan: StreamPlan,
    at: AtTestPoint,
    opened: OpenedStream,
    *,
    progress: Callable[[StampSender], None] | None = None,
    all_sent: Callable[[], None] = lambda: None,
    watches: bool = True,
    until: threading.Event | None = None,
    made: Callable[[StampSender], None] | None = None,
) -> HeldStream:
    """Send and receive, with no word to the test point.

    Streams may run side by side; one of them watches the control connection. With `until` a stream
    ends when that is set, whatever else happens in the session. `made` is given the machine before
    it begins.
    """
    driver = opened.driver
    machine = StampSender(
        count=plan.packets,
        period_ns=plan.period_ns,
        ssid=opened.ssid,
        key=plan.key,
        phase_ns=plan.phase_ns,
        hurried=plan.hurried,
    )
    if made is not None:
        made(machine)
    started_ns = at.waiter.clock.monotonic_ns()
    ended, detail = Ended.COMPLETED, ""
    watched = at.client if watches else None

    def traffic() -> OwnTraffic:
        return of_datagrams(
            sent=driver.sent,
            received=driver.received,
            payload_octets=machine.packet_octets,
            family=plan.family,
        )

    try:
        with closing(driver), at.meter.counted(traffic):
            driver.run(
                machine,
                stop=at.waiter.stop if until is None else until,
                watched=watched,
                progress=progress,
                all_sent=all_sent,
            )
    except (TestPointLostError, TestPointRefusedError) as error:
        ended, detail = ended_of(error), str(error)
    return HeldStream(
        ended=ended,
        detail=detail,
        outcome=machine.outcome(),
        failure=driver.failure,
        ip_octets=driver.ip_octets(machine.packet_octets),
        timestamps=driver.timestamps,
        host_drops=driver.host_drops,
        started_ns=started_ns,
        first_sent_ns=machine.first_sent_ns,
        timestamp_uncertainty_us=driver.timestamp_uncertainty_us,
        spacings_us=machine.spacings_us,
    )


def close_stream(plan: StreamPlan, at: AtTestPoint, held: HeldStream) -> HeldStream:
    """Ask for the reflector's report, unless the test point is gone."""
    if held.outcome is None or held.ended is not Ended.COMPLETED:
        return held
    report, ended, detail = _report(plan, at, held.outcome)
    return held._replace(report=report, ended=ended, detail=detail, unreported=False)


def close_late(plan: StreamPlan, at: AtTestPoint, held: HeldStream) -> HeldStream:
    """Ask for the reflector's report without waiting for it: `close_stream` fetches it later.

    On a line that seems silent it is waited for: then that is how the silence is found; and so is a
    stop.
    """
    outcome, stopped = held.outcome, at.waiter.stop.is_set()
    if outcome is None or stopped or outcome.is_silent_at_the_end(plan.period_ns):
        return close_stream(plan, at, held)
    if held.ended is not Ended.COMPLETED:
        return held
    at.client.ask_ahead(CloseStream(stream=plan.stream))
    return held._replace(unreported=True)


def _report(
    plan: StreamPlan, at: AtTestPoint, outcome: StreamOutcome
) -> tuple[StreamReport | None, Ended, str]:
    """Close the stream; return what the reflector counted, and how the task ends."""
    stopped = at.waiter.stop.is_set()
    timeout_s: float = limits.CONTROL_TIMEOUT_S
    if outcome.is_silent_at_the_end(plan.period_ns):
        timeout_s = limits.WAITING_TIME_NS / NS_PER_S
    try:
        report = at.client.request(CloseStream(stream=plan.stream), timeout_s).report
    except (TestPointLostError, TestPointRefusedError) as error:
        return None, Ended.INTERRUPTED if stopped else ended_of(error), str(error)
    return report, Ended.INTERRUPTED if stopped else Ended.COMPLETED, ""


def idle_stream_of(
    held: HeldStream, plan: StreamPlan, *, session_started_ns: int
) -> IdleStream | None:
    """Return what the record keeps of a stream; None when not one packet was sent."""
    outcome = held.outcome
    if outcome is None or not outcome.rtt_us:
        return None
    answered = {n for n, rtt_us in enumerate(outcome.rtt_us) if rtt_us is not None}
    ways = lost_ways(answered, len(outcome.rtt_us), outcome.reflected, held.report)
    return IdleStream(
        family=plan.family,
        ip_octets=held.ip_octets,
        period_us=plan.period_ns // NS_PER_US,
        waiting_time_us=outcome.waiting_time_us,
        authenticated=plan.key is not None,
        started_offset_us=max(0, held.started_ns - session_started_ns) // NS_PER_US,
        rtt_us=outcome.rtt_us,
        lost_up=ranges_of(n for n, way in ways.items() if way is Way.UP),
        lost_down=ranges_of(n for n, way in ways.items() if way is Way.DOWN),
        replies_received=outcome.replies_received,
        duplicates_down=outcome.duplicates_down,
        reordered_down=outcome.reordered_down,
        late_sends=outcome.late_sends,
        host_drops=held.host_drops,
        timestamps=held.timestamps,
        report=held.report,
        timestamp_uncertainty_us=held.timestamp_uncertainty_us,
    )
