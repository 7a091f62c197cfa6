"""The pictures of a session: what is drawn, where, and that nothing can be smuggled in."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_agent.picture_text import BLOCKS, COLUMNS, text_of
from omega_agent.texts import LANGUAGES, Language, Speaker
from omega_core.evidence import Evidence
from omega_core.metrics import Direction
from omega_core.picture.series import POINTS_MAX, RATES, Kind, Point, series_of
from omega_core.picture.svg import HEIGHT, LEFT, LOOKS, RIGHT, WIDTH, svg_of
from omega_core.units import US_PER_S
from support.facts import goodput_run, idle_stream, working_stream
from support.windows import window

SVG = "{http://www.w3.org/2000/svg}"
CLIMB = [20_000 + min(number, 150) * 500_000 // 150 for number in range(350)]


def session() -> Evidence:
    """Return a quiet line, then a download whose rate ramps up and whose queue grows by 500 ms."""
    return Evidence(
        idle=(idle_stream(packets=500),),
        capacity=(
            window(20_000_000, fixed_bps=20_000_000, started_us=12 * US_PER_S),
            window(
                4_000_000,
                fixed_bps=4_000_000,
                direction=Direction.DOWN,
                started_us=16 * US_PER_S,
            ),
        ),
        goodput=(
            goodput_run(),
            goodput_run(Direction.UP, run=1, started_offset_us=50 * US_PER_S),
        ),
        working=(
            working_stream(rtt_us=CLIMB),
            working_stream(
                Direction.UP,
                run=1,
                started_offset_us=49_500_000,
                run_epoch_offset_us=50 * US_PER_S,
            ),
        ),
    )


def drawn(
    evidence: Evidence, *, subtitle: str = "tp, now", language: Language = "en"
) -> ET.Element:
    return ET.fromstring(svg_of(evidence, subtitle=subtitle, language=language))  # noqa: S314 - ours


def paths(root: ET.Element, kind: Kind) -> list[ET.Element]:
    return [each for each in root.iter(f"{SVG}path") if each.get("class") == kind]


def places(path: ET.Element) -> list[tuple[float, float]]:
    numbers = re.findall(r"(-?[0-9.]+) (-?[0-9.]+)", path.get("d", ""))
    return [(float(x), float(y)) for x, y in numbers]


def texts(root: ET.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def test_every_kind_of_line_is_drawn_once_for_each_run_or_stream() -> None:
    root = drawn(session())
    assert {kind: len(paths(root, kind)) for kind in Kind} == dict.fromkeys(Kind, 1)


def test_the_rate_climbs_to_a_plateau_and_stays() -> None:
    (path,) = paths(drawn(session()), Kind.RATE_DOWN)
    heights = [y for _, y in places(path)]
    top = min(heights)
    settled = heights[10:-1]
    assert heights[0] - top > 150, "it begins at the bottom of its panel"
    assert max(settled) - top < 5, "after a second it is as high as it gets"


def test_a_load_is_drawn_at_the_rate_it_was_received_at() -> None:
    drawn_up = next(each for each in series_of(session()) if each.kind is Kind.LOAD_UP)
    first, *others = drawn_up.points
    assert first == Point(12_020_000, 0)
    assert {point.value for point in others} == {20_000_000}
    assert others[-1].at_us == 12_020_000 + 2_500_000


def test_the_delay_climbs_by_what_the_buffer_holds() -> None:
    root = drawn(session())
    (working,), (idle,) = paths(root, Kind.WORKING_DOWN), paths(root, Kind.IDLE)
    heights = [y for _, y in places(working)]
    quiet = {y for _, y in places(idle)}
    assert len(quiet) == 1
    assert heights[0] == pytest.approx(quiet.pop(), abs=0.1)
    assert all(after <= before for before, after in pairwise(heights)), "up is a smaller y"
    assert heights[0] - heights[-1] > 100


def test_load_and_its_delay_stand_at_the_same_time() -> None:
    root = drawn(session())
    (rate,), (delay,) = paths(root, Kind.RATE_DOWN), paths(root, Kind.WORKING_DOWN)
    assert places(delay)[0][0] < places(rate)[0][0] < places(rate)[-1][0] < places(delay)[-1][0]


def test_lines_of_a_panel_differ_by_colour_and_by_dash() -> None:
    rates = set(RATES)
    for panel in (rates, set(Kind) - rates):
        assert len({LOOKS[kind].colour for kind in panel}) == len(panel)
        assert len({LOOKS[kind].dash for kind in panel}) == len(panel)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("en", ["Received, Mbit/s", "Round trip, ms", "under load down"], id="en"),
        pytest.param("fr", ["Débit reçu, Mbit/s", "Aller-retour, ms", "TCP montant"], id="fr"),
    ],
)
def test_axes_have_units_and_lines_have_names(language: Language, words: list[str]) -> None:
    assert set(words) <= set(texts(drawn(session(), language=language)))


def test_decimals_are_written_as_the_language_does() -> None:
    slow = Evidence(goodput=(goodput_run(rate_bps=1_200_000, flows=1),))
    assert "0.2" in texts(drawn(slow))
    assert "0,2" in texts(drawn(slow, language="fr"))


def test_nothing_but_shapes_and_text() -> None:
    root = drawn(session())
    assert {each.tag.removeprefix(SVG) for each in root.iter()} == {
        "svg", "title", "desc", "rect", "text", "path",
    }  # fmt: skip
    assert not any(
        name.startswith("on") or "href" in name for each in root.iter() for name in each.attrib
    )
    assert root.get("font-family") == "sans-serif"


@given(st.text())
@settings(max_examples=60)
def test_whatever_the_subtitle_is_the_picture_is_well_formed(subtitle: str) -> None:
    root = drawn(Evidence(), subtitle=subtitle)
    assert len(list(root)) == len(list(drawn(Evidence(), subtitle="")))


def test_markup_in_a_name_stays_text() -> None:
    root = drawn(Evidence(), subtitle="<script>alert(1)</script>")
    assert "<script>alert(1)</script>" in texts(root)


def test_of_nothing_a_picture_that_says_so() -> None:
    assert "Nothing was measured over time." in texts(drawn(Evidence()))
    assert text_of(Evidence(), Speaker("en")) == []


@given(
    st.lists(st.none() | st.integers(0, 3_000_000), max_size=3_000),
    st.integers(1, 3_000_000_000),
)
@settings(max_examples=30, deadline=None)
def test_every_line_is_inside_the_picture_and_has_few_points(
    rtt_us: list[int | None], rate_bps: int
) -> None:
    lost = [number for number, each in enumerate(rtt_us) if each is None]
    stream = idle_stream(rtt_us=[each or 0 for each in rtt_us], lost_up=lost)
    evidence = Evidence(idle=(stream,), goodput=(goodput_run(rate_bps=rate_bps),))
    root = drawn(evidence)
    for kind in Kind:
        for path in paths(root, kind):
            assert all(LEFT <= x <= RIGHT <= WIDTH and 0 <= y <= HEIGHT for x, y in places(path))
    for series in series_of(evidence):
        assert len([*series.points]) <= POINTS_MAX + 2 * len(series.stretches)


def test_thinning_keeps_the_peaks() -> None:
    rtt_us = [20_000] * 12_000
    rtt_us[7_777] = 900_000
    rtt_us[3_333] = 5_000
    (series,) = series_of(Evidence(idle=(idle_stream(rtt_us=rtt_us),)))
    assert {900_000, 5_000} <= {point.value for point in series.points}
    assert len([*series.points]) <= POINTS_MAX
    assert [*series.points] == sorted(series.points)


@pytest.mark.parametrize(
    ("missing", "stretches"),
    [
        pytest.param(range(10, 14), 1, id="four packets missing: five periods"),
        pytest.param(range(10, 15), 2, id="one more: a gap"),
    ],
)
def test_an_outage_breaks_the_line(missing: range, stretches: int) -> None:
    (series,) = series_of(Evidence(idle=(idle_stream(packets=30, lost_up=missing),)))
    assert len(series.stretches) == stretches


def test_a_run_that_counted_nothing_is_no_line() -> None:
    run = replace(goodput_run(), flows=())
    none: dict[str, Any] = dict.fromkeys(("at_us", "octets", "packets", "highest"), ())
    load = replace(window(20_000_000, fixed_bps=20_000_000), delay_us_max=(), **none)
    assert series_of(Evidence(goodput=(run,), capacity=(load,))) == ()


def test_a_run_without_a_stream_stands_where_it_began() -> None:
    (series,) = series_of(Evidence(goodput=(goodput_run(),)))
    assert next(series.points) == Point(40 * US_PER_S, 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_of_a_terminal(language: Language) -> None:
    load_down, load_up, down, up, delay, axis = text_of(session(), Speaker(language))
    assert load_down.replace("\u00a0", " ").endswith("4 Mbit/s")
    assert load_up.replace("\u00a0", " ").endswith("20 Mbit/s")
    block = re.compile(f"[{BLOCKS}]+")
    (first,), (second,) = block.findall(down), block.findall(up)
    assert down.index(first) + len(first) <= up.index(second), "one after the other"
    assert first[-1] == second[-1] == BLOCKS[-1]
    assert down.replace("\u00a0", " ").endswith("290 Mbit/s")
    assert delay.replace("\u00a0", " ").endswith("520 ms")
    runs = block.findall(delay)
    assert (runs[0][0], BLOCKS[-1] in "".join(runs[1:])) == (BLOCKS[0], True)
    assert axis.rstrip().endswith("57 s")
    assert max(map(len, (down, up, delay, axis))) < COLUMNS + 40
