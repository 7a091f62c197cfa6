"""Whatever a kernel may write into its files, and whatever an interface may count."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from omega_core.units import US_PER_S
from omega_probe.proc import (
    cpu_load,
    parse_net_dev,
    parse_routes_v4,
    parse_routes_v6,
    parse_stat,
)
from omega_probe.validity import Allowance, Carried, OwnTraffic, Span, traffic_check
from support.facts import interface_counts

WORD = st.one_of(
    st.text("0123456789abcdef", min_size=1, max_size=32),
    st.integers(-5, 2**70).map(str),
    st.sampled_from(["cpu0", "cpu1", "eth0:", "lo", "00000000", "0" * 32, "00", "²"]),
)
TEXT = st.lists(st.lists(WORD, max_size=20).map(" ".join), max_size=5).map("\n".join)


@given(st.one_of(st.text(), TEXT))
def test_no_text_breaks_a_reader(text: str) -> None:
    parse_net_dev(text)
    parse_routes_v4("header\n" + text)
    parse_routes_v6(text)
    times = parse_stat(text)
    cpu_load("idle", times, times)


@given(TEXT, TEXT)
def test_a_load_is_a_share(before: str, after: str) -> None:
    load = cpu_load("idle", parse_stat(before), parse_stat(after))
    if load is not None:
        assert load.steal_ppm >= 0
        assert 0 <= load.busy_ppm <= load.busiest_core_ppm


COUNT = st.integers(0, 10**12)
PACKETS = st.integers(0, 10**7)
ZERO = interface_counts()


@given(
    octets=COUNT,
    packets=PACKETS,
    more=COUNT,
    more_packets=PACKETS,
    payload=COUNT,
    own_packets=PACKETS,
)
def test_more_of_somebody_elses_traffic_never_makes_a_run_valid(
    *, octets: int, packets: int, more: int, more_packets: int, payload: int, own_packets: int
) -> None:
    own = OwnTraffic(rx=Carried(payload, own_packets * 52, own_packets))

    def exceeded(rx_octets: int, rx_packets: int) -> bool:
        after = replace(ZERO, offset_us=US_PER_S, rx_octets=rx_octets, rx_packets=rx_packets)
        span = Span(phase="idle", before=ZERO, after=after, own=own)
        return traffic_check(
            span, link_header_octets=14, allowance=Allowance(100_000, 100_000)
        ).exceeded

    # Somebody else's packets have 20 octets at least, and the link's header.
    others = more + more_packets * 80
    if exceeded(octets, max(packets, own_packets)):
        assert exceeded(octets + others, max(packets, own_packets) + more_packets)


@given(payload=COUNT, own_packets=PACKETS, joined=st.integers(1, 64))
def test_the_probe_alone_is_always_valid(payload: int, own_packets: int, joined: int) -> None:
    """However many segments its interface joins."""
    counted_packets = -(-own_packets // joined)
    counted = payload + counted_packets * (52 + 14)
    after = replace(ZERO, offset_us=US_PER_S, rx_octets=counted, rx_packets=counted_packets)
    own = OwnTraffic(rx=Carried(payload, own_packets * 52, own_packets))
    span = Span(phase="goodput_down", before=ZERO, after=after, own=own)
    allowance = Allowance(rx_bps=8, tx_bps=8)
    assert not traffic_check(span, link_header_octets=14, allowance=allowance).exceeded
