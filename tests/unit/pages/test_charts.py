"""Charts are whole SVG, whatever is in them, and nothing that a policy forbids."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from omega_server.pages.charts import spread, svg

HOSTILE = "<script>alert(1)</script>\"'&"
SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawing: str) -> ET.Element:
    root = ET.fromstring(drawing)  # noqa: S314 - ours
    assert root.tag == f"{SVG}svg"
    for each in root.iter():
        assert each.tag != f"{SVG}script"
        assert "style" not in each.attrib
        assert not any(name.startswith("on") for name in each.attrib)
    return root


@given(
    values=st.lists(
        st.tuples(st.floats(0, 1e9), st.floats(0, 1e9), st.integers(0, 10**6)), max_size=40
    ),
    promise=st.one_of(st.none(), st.floats(0, 1e9)),
    is_least=st.booleans(),
)
def test_any_spread_is_drawn_within_its_frame(
    values: list[tuple[float, float, int]], promise: float | None, *, is_least: bool
) -> None:
    bars = [spread.Bar(min(a, b), max(a, b), count) for a, b, count in values]
    root = parsed(
        spread.drawn(
            spread.Spread(
                title=HOSTILE,
                said=HOSTILE,
                unit=HOSTILE,
                bars=bars,
                promise=promise,
                is_least=is_least,
            )
        )
    )
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    for rect in root.iter(f"{SVG}rect"):
        assert -1 <= float(rect.attrib["x"]) <= width
        assert -1 <= float(rect.attrib["y"]) <= height
        assert float(rect.attrib["height"]) >= -0.1


def test_bars_on_the_wrong_side_of_the_promise_look_otherwise() -> None:
    bars = [spread.Bar(1, 2, 5), spread.Bar(2, 4, 7), spread.Bar(4, 8, 1)]
    wanted = spread.Spread(title="t", said="s", unit="Mbit/s", bars=bars, promise=2.0)
    looks = [rect.attrib["class"] for rect in parsed(spread.drawn(wanted)).iter(f"{SVG}rect")]
    assert looks == ["bar short", "bar", "bar"]


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.integers(1, 10))
def test_ticks_enclose_what_is_drawn(least: float, span: float, wanted: int) -> None:
    found = svg.ticks(least, least + span, wanted)
    assert found[0] <= least + 1e-6 * abs(least) + 1e-6
    assert found[-1] >= least + span - 1e-6 * abs(least + span) - 1e-6
    assert 2 <= len(found) <= 4 * wanted + 4
