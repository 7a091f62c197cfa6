"""When the probe tells a rate, and when it stops repeating it."""

from __future__ import annotations

import pytest

from omega_core.load import LoadRate
from omega_core.units import NS_PER_S
from omega_core.wire.load import LoadKeys, decode_rate
from omega_probe.load_telling import ALIVE_NS, KNOCK, REPEAT_NS, RateTeller

KEYS = LoadKeys.of(b"k" * 32, session_id="s-1", run=0, stream=1)
START = 3 * NS_PER_S


def rate(number: int) -> LoadRate:
    return LoadRate(number=number, rate_bps=1_000_000, train_packets=0)


def told(teller: RateTeller, now_ns: int) -> tuple[int, int] | None:
    """Return serial number and command of what is sent now."""
    data = teller.datagram(now_ns)
    if data is None:
        return None
    decoded = decode_rate(data, KEYS)
    assert decoded is not None
    return decoded[0], decoded[1].number


def test_nothing_is_told_before_there_is_an_order() -> None:
    assert told(RateTeller(KEYS), START) is None


def test_an_order_goes_out_at_once_and_again_until_it_has_arrived() -> None:
    teller = RateTeller(KEYS)
    teller.order(rate(1), START)
    assert told(teller, START) == (1, 1)
    assert told(teller, START + REPEAT_NS - 1) is None
    assert told(teller, START + REPEAT_NS) == (2, 1)
    teller.arrived(1)
    now_ns = START + 2 * REPEAT_NS
    assert told(teller, now_ns) == (3, 1)
    assert teller.wakeup_ns() == now_ns + ALIVE_NS
    assert told(teller, now_ns + ALIVE_NS) == (4, 1)
    assert teller.told == 4


def test_a_new_order_does_not_wait_and_an_old_arrival_does_not_answer_it() -> None:
    teller = RateTeller(KEYS)
    teller.order(rate(1), START)
    told(teller, START)
    teller.arrived(1)
    teller.order(rate(2), START + 1)
    teller.arrived(1)
    assert told(teller, START + 1) == (2, 2)
    assert told(teller, START + 1 + REPEAT_NS) == (3, 2)


def test_a_knock_is_repeated_until_it_is_answered_and_then_told_now_and_then() -> None:
    teller = RateTeller(KEYS)
    teller.knock(START)
    data = teller.datagram(START)
    assert data is not None
    assert decode_rate(data, KEYS) == (1, KNOCK)
    assert teller.datagram(START + REPEAT_NS - 1) is None
    assert told(teller, START + REPEAT_NS) == (2, 1)
    teller.knock_answered()
    now_ns = START + 2 * REPEAT_NS
    assert told(teller, now_ns) == (3, 1)
    assert teller.wakeup_ns() == now_ns + ALIVE_NS


@pytest.mark.parametrize("urgent", [True, False])
@pytest.mark.parametrize("answered", [True, False])
def test_the_first_order_after_a_knock_goes_out_at_once(*, urgent: bool, answered: bool) -> None:
    """It has the same number; what answered the knock does not answer it."""
    teller = RateTeller(KEYS)
    teller.knock(START)
    told(teller, START)
    if answered:
        teller.knock_answered()
    teller.order(rate(1), START + 1, urgent=urgent)
    teller.knock_answered()
    data = teller.datagram(START + 1)
    assert data is not None
    assert decode_rate(data, KEYS) == (2, rate(1))
    assert told(teller, START + 1 + REPEAT_NS) == (3, 1)


def test_the_same_order_again_is_not_told_again() -> None:
    teller = RateTeller(KEYS)
    teller.order(rate(1), START)
    told(teller, START)
    teller.order(rate(1), START + 1)
    assert told(teller, START + 1) is None


def test_beside_the_probes_own_load_nothing_is_told_once_the_first_has_arrived() -> None:
    teller = RateTeller(KEYS)
    teller.order(rate(1), START, urgent=False)
    assert told(teller, START) == (1, 1)
    teller.alive(START + 1)
    assert told(teller, START + REPEAT_NS) == (2, 1), "load does not prove who we are"
    teller.arrived(1)
    now_ns = START + REPEAT_NS
    for step in range(1, 100):
        now_ns += ALIVE_NS // 2
        teller.order(rate(1 + step), now_ns, urgent=False)
        teller.alive(now_ns)
        assert told(teller, now_ns) is None
    assert told(teller, now_ns + ALIVE_NS) == (3, 100)
