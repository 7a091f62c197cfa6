"""What limited a rate: the network, or one of the ends that measured it.

Theory of operation. A rate is the line's only if the line was what held it back. The sending
kernel keeps account of why it did not send (TCP_INFO): it had nothing to send, the receiver's
window was full, its own buffer was full; the rest is the congestion window, which is what the
network allows. The shares are of the time that the flows of a run were open, all flows together,
and the first that is too large names the cause:

    the grant's octets held the sender back       GRANT         the line carries at least this
    nothing to send, or its own buffer full       the sender    PROBE_HOST up, TEST_POINT down
    the receiver's window full                    the receiver  PROBE_HOST down, TEST_POINT up
    the host's own link is no faster than this    LAN           not the access line
    the network for most of the time              PATH
    none of these                                 UNKNOWN

A UDP load has no such account; there the network shows itself. In the sub-interval that the
capacity is of, in this order:

    this host, or the test point, dropped packets as receiver    the receiver
    a queue grew, packets were dropped, or the buffer was full   PATH, or LAN as above
    the octets of the grant were used up before                  GRANT
    more was told to be sent than arrived, and nothing lost      the sender
    none of these                                                UNKNOWN

`busy` of the kernel includes the two others. Its times advance in jiffies, so a run of less than a
second tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from omega_core.capacity import capacity_of
from omega_core.environment import Interface
from omega_core.evidence import CapacityRun, Ended, Evidence, GoodputRun
from omega_core.metrics import Direction, LimitCause, MetricValue
from omega_core.units import PPM, US_PER_MS, US_PER_S

IDLE_PPM_MAX: Final = 100_000  # of the time without anything to send
WINDOW_PPM_MAX: Final = 200_000  # of the time stopped by the receiver's window, or the own buffer
NETWORK_PPM_MIN: Final = 800_000  # of the time the network decided: what a valid run looks like
LAN_SHARE_PPM: Final = 930_000  # TCP payload of an Ethernet link, 94.1 %, less what a run may miss
LAN_IP_SHARE_PPM: Final = 960_000  # IP packets of an Ethernet link, 97.5 %, less the same
QUEUE_US_MIN: Final = 3 * US_PER_MS  # more than two hosts' timestamps and pauses vary by
DROPS_PPM_MAX: Final = 1_000
TOLD_PPM: Final = 30_000  # above what arrived: no margin of the search is that large
SPAN_US_MIN: Final = US_PER_S
_FINISHED: Final = {Ended.COMPLETED, Ended.DECIDED}


@dataclass(frozen=True, slots=True)
class _Shares:
    """Of the time that all flows of all runs were open, in ppm."""

    idle_ppm: int
    receive_window_ppm: int
    send_buffer_ppm: int

    @property
    def network_ppm(self) -> int:
        return PPM - self.idle_ppm - self.receive_window_ppm - self.send_buffer_ppm


def with_limit_causes(
    metrics: Mapping[str, MetricValue], evidence: Evidence, interface: Interface | None
) -> dict[str, MetricValue]:
    """Return the metrics, each rate with what limited it."""
    found = {**metrics}
    for direction in Direction:
        name = f"goodput_bps_{direction}"
        rate_bps = metrics[name].value
        cause = limit_cause(evidence.goodput, direction, rate_bps=rate_bps, interface=interface)
        found[name] = replace(metrics[name], limited_by=cause)
        name = f"capacity_bps_{direction}"
        if metrics[name].value is not None:
            cause = load_limit_cause(evidence.capacity, direction, interface=interface)
            found[name] = replace(metrics[name], limited_by=cause)
    return found


def limit_cause(
    runs: Sequence[GoodputRun],
    direction: Direction,
    *,
    rate_bps: int | None,
    interface: Interface | None,
) -> LimitCause | None:
    """Return what limited the goodput of one direction; None where there is no rate to explain."""
    mine = [run for run in runs if run.direction is direction and run.ended in _FINISHED]
    if rate_bps is None or not mine:
        return None
    if any(run.held_back for run in mine):
        return LimitCause.GRANT
    shares = _shares(mine)
    if shares is None:
        return LimitCause.UNKNOWN
    sender, receiver = LimitCause.PROBE_HOST, LimitCause.TEST_POINT
    if direction is Direction.DOWN:
        sender, receiver = receiver, sender
    if shares.idle_ppm > IDLE_PPM_MAX or shares.send_buffer_ppm > WINDOW_PPM_MAX:
        return sender
    if shares.receive_window_ppm > WINDOW_PPM_MAX:
        return receiver
    if interface is not None and _is_the_lan(interface, rate_bps):
        return LimitCause.LAN
    return LimitCause.PATH if shares.network_ppm >= NETWORK_PPM_MIN else LimitCause.UNKNOWN


def load_limit_cause(
    runs: Sequence[CapacityRun], direction: Direction, *, interface: Interface | None
) -> LimitCause:
    """Return what limited the capacity of one direction."""
    searches = [run for run in runs if run.direction is direction and run.fixed_bps is None]
    shown = [(run, best) for run in searches if (best := capacity_of(run).maximum) is not None]
    if not shown:
        return LimitCause.UNKNOWN
    run, best = max(shown, key=lambda each: each[1].rate_bps)
    sender, receiver = LimitCause.PROBE_HOST, LimitCause.TEST_POINT
    if direction is Direction.DOWN:
        sender, receiver = receiver, sender
    if run.host_drops * PPM > best.sent_packets * DROPS_PPM_MAX:
        return receiver
    dropped = best.loss_ppm > (run.idle_loss_ppm or 0) + DROPS_PPM_MAX
    if run.filled or dropped or best.delay_us_max >= QUEUE_US_MIN:
        is_lan = interface is not None and _is_the_lan(interface, best.rate_bps, LAN_IP_SHARE_PPM)
        return LimitCause.LAN if is_lan else LimitCause.PATH
    if run.ended is Ended.BUDGET:
        return LimitCause.GRANT
    told_bps = best.offered_bps or 0
    return sender if told_bps * PPM > best.rate_bps * (PPM + TOLD_PPM) else LimitCause.UNKNOWN


def _is_the_lan(interface: Interface, rate_bps: int, share_ppm: int = LAN_SHARE_PPM) -> bool:
    link_bps = interface.link_rate_bps
    return link_bps is not None and rate_bps * PPM >= link_bps * share_ppm


def _shares(runs: Sequence[GoodputRun]) -> _Shares | None:
    """Sum up over flows; None where the kernel told nothing, or not for long enough."""
    open_us = busy_us = window_us = buffer_us = 0
    for run in runs:
        spans = {flow.flow: flow.at_us[-1] - flow.at_us[0] for flow in run.flows if flow.at_us}
        for sender in run.senders:
            span_us = spans.get(sender.flow, 0)
            if span_us < SPAN_US_MIN:
                continue
            open_us += span_us
            busy_us += min(sender.busy_us, span_us)
            window_us += min(sender.receive_window_limited_us, span_us)
            buffer_us += min(sender.send_buffer_limited_us, span_us)
    if not open_us or not busy_us:
        return None
    return _Shares(
        idle_ppm=(open_us - busy_us) * PPM // open_us,
        receive_window_ppm=window_us * PPM // open_us,
        send_buffer_ppm=buffer_us * PPM // open_us,
    )
