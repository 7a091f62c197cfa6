"""What a link of the lab logged, as the benches compare it: the idle stream's packets, by fate."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

from lab.link import Fate
from lab.truth import DirectionTruth, PacketTruth
from omega_core.units import NS_PER_US

LONG_STREAM_PACKETS = 60  # of a hundred, what a lossy line leaves; connectivity has nine


def idle_packets(truth: DirectionTruth) -> list[PacketTruth]:
    """Return the packets of the first long stream that the link logged.

    Connectivity's before it are short, and those after it stand beside a load.
    """
    streams: dict[tuple[int, int], list[PacketTruth]] = {}
    for packet in truth.packets:
        streams.setdefault((packet.source_port, packet.destination_port), []).append(packet)
    long = [packets for packets in streams.values() if len(packets) >= LONG_STREAM_PACKETS]
    return min(long, key=lambda packets: min(each.arrived_ns for each in packets), default=[])


def round_trips_us(down: DirectionTruth, up: DirectionTruth) -> Iterator[int]:
    """Yield what the link itself took for each packet of the idle stream that came back.

    The reflector numbers its replies itself: each request that came out of the link is paired with
    the first reply since that is not another's. Where delays vary, requests come out in bunches.
    """
    replies = iter(sorted(idle_packets(down), key=lambda packet: packet.arrived_ns))
    reply = next(replies, None)
    for request in sorted(idle_packets(up), key=lambda packet: packet.arrived_ns):
        if request.departed_ns is None:
            continue
        while reply is not None and reply.arrived_ns < request.departed_ns:
            reply = next(replies, None)
        if reply is None:
            return
        paired, reply = reply, next(replies, None)
        if request.delay_ns is not None and paired.delay_ns is not None:
            yield (request.delay_ns + paired.delay_ns) // NS_PER_US


def lost(packets: list[PacketTruth]) -> int:
    """Return how many of them did not come out of the link."""
    return sum(packet.fate is not Fate.DELIVERED for packet in packets)


def binomial_interval(count: int, share: float, tail: float = 0.005) -> tuple[int, int]:
    """Return the central 99 % interval of a binomial count."""
    below, low, high = 0.0, 0, count
    for successes in range(count + 1):
        chance = comb(count, successes) * share**successes * (1 - share) ** (count - successes)
        below += chance
        if below < tail:
            low = successes + 1
        if below >= 1 - tail:
            high = successes
            break
    return low, high
