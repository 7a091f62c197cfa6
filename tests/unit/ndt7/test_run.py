"""How long a run lasts, and how large its messages are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from omega_core.units import NS_PER_MS, NS_PER_S, US_PER_S
from omega_server.testpoint.ndt7.run import (
    DURATION_NS,
    SIZE_OCTETS_MAX,
    SIZE_OCTETS_MIN,
    Due,
    Run,
    goodput_bps,
)

PLENTY = 10**12


def test_it_ends_after_its_time_or_its_octets() -> None:
    run = Run(1_000, 0)
    assert run.next(999, 0) is Due.MOVE
    assert run.next(1_000, 0) is Due.END
    run = Run(PLENTY, 5)
    assert run.next(0, 5 + DURATION_NS) is Due.END
    assert (run.left_s(5), run.left_s(5 + 2 * DURATION_NS)) == (DURATION_NS / NS_PER_S, 0.0)


def test_a_word_is_due_four_times_a_second() -> None:
    run, words = Run(PLENTY, 0), 0
    for at_ms in range(0, 1_001, 10):
        words += run.next(0, at_ms * NS_PER_MS) is Due.TELL
    assert words == 4


def test_messages_grow_with_what_was_sent() -> None:
    run, sent, sizes = Run(PLENTY, 0), 0, list[int]()
    while len(sizes) < 400:
        sizes.append(run.size(sent))
        sent += sizes[-1]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (SIZE_OCTETS_MIN, SIZE_OCTETS_MAX)


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_no_message_is_larger_than_what_is_left(octets_max: int, sent: int) -> None:
    size = Run(octets_max, 0).size(sent)
    assert 1 <= size <= SIZE_OCTETS_MAX
    if sent < octets_max:
        assert sent + size <= octets_max


def test_a_rate_is_of_a_time_that_says_something() -> None:
    assert goodput_bps(12_500_000, US_PER_S) == 100_000_000
    assert goodput_bps(12_500_000, 99_999) is None
