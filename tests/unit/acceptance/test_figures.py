"""Figures in the reader's language; a missed limit never looks kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.figures import LANGUAGES, Language, count, figure, figure_pair
from omega_core.metrics import Unit

UNITS: tuple[Unit, ...] = ("bps", "us", "ppm", "rpm", "dB")


@pytest.mark.parametrize(
    ("value", "unit", "fr", "en"),
    [
        pytest.param(1_386_515, "bps", "1,387 Mbit/s", "1.387 Mbit/s", id="a slow rate"),
        pytest.param(76_800, "bps", "0,077 Mbit/s", "0.077 Mbit/s", id="a very slow rate"),
        pytest.param(34_745_309, "bps", "34,75 Mbit/s", "34.75 Mbit/s", id="a middling rate"),
        pytest.param(246_160_000, "bps", "246,2 Mbit/s", "246.2 Mbit/s", id="a fast rate"),
        pytest.param(1_000_000_000, "bps", "1000 Mbit/s", "1000 Mbit/s", id="a whole number"),
        pytest.param(200_000, "us", "200 ms", "200 ms", id="a delay"),
        pytest.param(4_060, "us", "4,1 ms", "4.1 ms", id="a short delay"),
        pytest.param(10_000, "ppm", "1 %", "1 %", id="one in a hundred"),
        pytest.param(1_000_000, "ppm", "100 %", "100 %", id="all"),
        pytest.param(333_333, "ppm", "33,33 %", "33.33 %", id="a third"),
        pytest.param(0, "ppm", "0 %", "0 %", id="none"),
        pytest.param(600, "rpm", "600 allers-retours/min", "600 round trips/min", id="RPM"),
        pytest.param(15, "dB", "15 dB", "15 dB", id="a signal"),
    ],
)
def test_figure(value: int, unit: Unit, fr: str, en: str) -> None:
    assert figure(value, unit, "en") == en
    assert figure(value, unit, "fr") == fr.replace(" ", "\u00a0", 1)


@pytest.mark.parametrize(
    ("first", "second", "unit", "expected"),
    [
        pytest.param(1_386_514, 1_386_515, "bps", ("1.38651", "1.38652"), id="one bit/s short"),
        pytest.param(1_386_515, 1_386_515, "bps", ("1.387", "1.387"), id="the same"),
        pytest.param(1_521_000, 1_386_515, "bps", ("1.521", "1.387"), id="far apart"),
        pytest.param(200_001, 200_000, "us", ("200.001", "200"), id="one us late"),
        pytest.param(10_001, 10_000, "ppm", ("1.0001", "1"), id="one in a million more"),
    ],
)
def test_pair(first: int, second: int, unit: Unit, expected: tuple[str, str]) -> None:
    written = tuple(each.partition(" ")[0] for each in figure_pair(first, second, unit, "en"))
    assert written == expected


def test_counts_are_grouped_as_the_language_does() -> None:
    assert count(1_001, "en") == "1,001"
    assert count(1_001, "fr") == "1\u00a0001"


@given(
    st.integers(0, 10**12), st.integers(0, 10**12), st.sampled_from(UNITS),
    st.sampled_from(LANGUAGES),
)  # fmt: skip
def test_what_differs_is_printed_differently_and_in_order(
    first: int, second: int, unit: Unit, lang: Language
) -> None:
    one, two = (
        float(each.partition("\u00a0" if lang == "fr" else " ")[0].replace(",", "."))
        for each in figure_pair(first, second, unit, lang)
    )
    assert (one < two, one == two) == (first < second, first == second)
