"""Any order of packets, any octets on the port: counted as the definitions say, and no crash."""

from __future__ import annotations

from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from omega_core.load import LoadCounter, LoadRate, LoadTick, Pacer
from omega_core.units import NS_PER_S
from omega_core.wire.load import (
    LoadKeys,
    decode_feedback,
    decode_load,
    decode_rate,
    encode_feedback,
    encode_rate,
    prefix_of,
)

KEYS = LoadKeys.of(b"k" * 32, session_id="s-1", run=0, stream=1)
COUNTS = st.integers(0, 2**53 - 1)
RATES = st.builds(
    LoadRate,
    number=st.integers(1, 2**32 - 1),
    rate_bps=st.integers(0, 10**11),
    train_packets=st.integers(0, 2**20),
)
TICKS = st.builds(LoadTick, **dict.fromkeys(LoadTick.__slots__, COUNTS))
BATCHES = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 140)), max_size=30)


@given(BATCHES)
def test_a_counter_agrees_with_a_set(batches: list[tuple[int, int]]) -> None:
    """All numbers stay within the window here, so a set of those seen knows everything."""
    counter = LoadCounter(window=512)
    seen: set[int] = set()
    reordered = duplicates = highest = 0
    for time, (first, count) in enumerate(batches):
        counter.received(first, count, ip_octets=500, command=1, sent_ns=time, arrival_ns=time)
        for number in range(first, first + count):
            if number in seen:
                duplicates += 1
            elif number < highest:
                reordered += 1
            seen.add(number)
            highest = max(highest, number + 1)
    tick = counter.tick()
    assert (tick.packets, tick.highest) == (len(seen), highest)
    assert (tick.reordered, tick.duplicates) == (reordered, duplicates)
    assert tick.octets == 500 * len(seen)


@given(BATCHES, st.integers(1, 100))
def test_nothing_is_counted_twice_however_small_the_window(
    batches: list[tuple[int, int]], window: int
) -> None:
    counter = LoadCounter(window=window)
    for time, (first, count) in enumerate(batches):
        counter.received(first, count, ip_octets=1, command=1, sent_ns=time, arrival_ns=time)
    tick = counter.tick()
    different = len({number for first, count in batches for number in range(first, first + count)})
    assert tick.packets <= different
    assert tick.packets + tick.duplicates == sum(count for _, count in batches)
    assert all(number >= 0 for number in astuple(tick))


@given(RATES, st.integers(1, 2**32 - 1))
def test_rates_arrive(rate: LoadRate, serial: int) -> None:
    assert decode_rate(encode_rate(rate, KEYS, serial=serial), KEYS) == (serial, rate)


@given(TICKS)
def test_ticks_arrive(tick: LoadTick) -> None:
    assert decode_feedback(encode_feedback(tick, KEYS), KEYS) == tick


@given(st.binary(max_size=200) | st.binary(max_size=40).map(lambda data: prefix_of(KEYS) + data))
def test_any_octets_are_a_datagram_or_none(data: bytes) -> None:
    decode_load(data, prefix_of(KEYS))
    assert decode_rate(data, KEYS) is None
    assert decode_feedback(data, KEYS) is None


@given(RATES, st.integers(0, 43), st.integers(1, 255))
def test_no_octet_of_a_rate_may_change(rate: LoadRate, place: int, change: int) -> None:
    data = bytearray(encode_rate(rate, KEYS, serial=1))
    data[place] ^= change
    assert decode_rate(bytes(data), KEYS) is None


@given(
    st.integers(1, 10**10),
    st.lists(st.integers(0, 30_000_000), min_size=1, max_size=60),
    st.integers(0, 50),
)
def test_a_pacer_never_sends_faster_than_told(
    rate_bps: int, waits_ns: list[int], train: int
) -> None:
    """Whenever it is asked: at no time more than the rate has allowed since the start."""
    pacer = Pacer(1_000)
    pacer.order(LoadRate(number=1, rate_bps=rate_bps, train_packets=train), 0)
    now_ns = packets = 0
    for wait_ns in waits_ns:
        now_ns += wait_ns
        count = pacer.due(now_ns)
        packets += count
        pacer.sent(count, now_ns)
        assert packets <= now_ns * rate_bps // (8_000 * NS_PER_S) + 1
        assert not train or packets <= train
