"""Fixed-rate windows as a receiver would have counted them, evenly and to the octet."""

from __future__ import annotations

from omega_core.capacity import IdleLoss
from omega_core.evidence import CapacityRun, Ended, Family
from omega_core.metrics import Direction
from omega_core.qualification import DEFAULT, Allowance, offered_bps
from omega_core.units import BITS_PER_OCTET, US_PER_MS, US_PER_S

TICK_US = 50 * US_PER_MS
IP_OCTETS = 1_000


def window(
    received_bps: int,
    *,
    fixed_bps: int,
    span_us: int = 2_500_000,
    lost_ppm: int = 0,
    queue_us: int = 0,
    offered: int | None = None,
    allowance: Allowance = DEFAULT,
    direction: Direction = Direction.UP,
    family: Family = 4,
    started_us: int = 0,
    ended: Ended = Ended.COMPLETED,
    ip_octets: int = IP_OCTETS,
) -> CapacityRun:
    """Return a run received at a rate, of whose packets `lost_ppm` were lost.

    `queue_us` is by how much the delay grows in a second, `offered` what the sender was told where
    it is not what the question needs.
    """
    times = [*range(0, span_us, TICK_US), span_us]
    packets = [received_bps * at // (BITS_PER_OCTET * ip_octets * US_PER_S) for at in times]
    idle = IdleLoss(loss_ppm=0, packets=1_000)
    told = offered_bps(fixed_bps, idle, allowance) if offered is None else offered
    return CapacityRun(
        run=1,
        family=family,
        direction=direction,
        started_offset_us=started_us,
        base_rtt_us=20_000,
        ip_octets=ip_octets,
        idle_loss_ppm=0,
        idle_packets=1_000,
        fixed_bps=fixed_bps,
        at_us=tuple(times),
        octets=tuple(each * ip_octets for each in packets),
        packets=tuple(packets),
        highest=tuple(each * 1_000_000 // (1_000_000 - lost_ppm) for each in packets),
        delay_us_max=tuple(at * queue_us // US_PER_S for at in times),
        offered=((1, told, 0),),
        reordered=0,
        duplicates=0,
        host_drops=0,
        ended=ended,
    )
