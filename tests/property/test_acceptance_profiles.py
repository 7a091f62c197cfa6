"""What must hold of a profile whatever stands in the file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.catalogue import PLANS_DIRECTORY
from omega_acceptance.errors import ProfileError
from omega_acceptance.layers import Encapsulation, Layer, PacketForm, least_bps, ratio
from omega_acceptance.schema import AcceptanceProfile, parse_profile, profile_from_content
from omega_acceptance.toml_lines import key_lines
from support.profiles import home

HOME = (PLANS_DIRECTORY / "wimax-home-2m.toml").read_text()
PLACES = st.integers(0, len(HOME))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FORMS = st.builds(
    PacketForm,
    mtu_bytes=st.integers(1_280, 9_000),
    family=st.sampled_from((4, 6)),
    encapsulation=st.none() | st.sampled_from(Encapsulation),
    timestamps=st.booleans(),
)


def parsed(parse: Callable[[], AcceptanceProfile]) -> AcceptanceProfile | ProfileError:
    try:
        return parse()
    except ProfileError as error:
        return error


def parsed_or_refused(toml: bytes) -> None:
    found = parsed(lambda: parse_profile(toml, "x.toml"))
    if isinstance(found, ProfileError):
        assert str(found).startswith("x.toml")
        assert found.line is None or 1 <= found.line <= toml.count(b"\n") + 1
        assert found.remedy
    else:
        assert profile_from_content(found.content()).digest == found.digest


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(toml: bytes) -> None:
    parsed_or_refused(toml)


@given(PLACES, PLACES, st.text(max_size=12))
def test_any_edit_of_a_good_file_is_parsed_or_refused(start: int, end: int, text: str) -> None:
    toml = HOME[: min(start, end)] + text + HOME[min(max(start, end), min(start, end) + 40) :]
    parsed_or_refused(toml.encode("utf-8", "replace"))


@given(st.sampled_from(sorted(home().content())), JSON)
def test_any_value_for_any_key_is_parsed_or_refused(key: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
    content = {**home().content(), key: value}
    found = parsed(lambda: profile_from_content(content))
    if isinstance(found, ProfileError):
        assert found.line is None
    else:
        assert found.content() == content


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_one_content_has_one_digest_and_two_have_two(first: int, second: int) -> None:
    content = home().content()
    statistics = content["statistics"]

    def digest(figure: int) -> str:
        changed = {**statistics, "guard_band_ppm": figure % 1_000_000}
        return profile_from_content({**content, "statistics": changed}).digest

    assert (digest(first) == digest(second)) is (first % 1_000_000 == second % 1_000_000)


@given(st.dictionaries(st.text("abc-_", min_size=1), st.integers(), min_size=1), st.integers(0, 5))
def test_every_key_is_found_on_the_line_where_it_was_written(
    values: dict[str, int], blank: int
) -> None:
    lines = [f"{key} = {value}" for key, value in values.items()]
    text = ("\n" * blank) + "\n".join(lines)
    assert tomllib.loads(text) == values
    found = key_lines(text)
    assert found == {(key,): blank + at for at, key in enumerate(values, start=1)}


@given(FORMS, st.sampled_from(Layer), st.sampled_from(Layer))
def test_a_conversion_there_and_back_is_exact(form: PacketForm, one: Layer, other: Layer) -> None:
    assert ratio(form, of=one, into=other) * ratio(form, of=other, into=one) == 1


@given(FORMS, st.sampled_from(Layer), st.integers(1, 10**12))
def test_a_rate_keeps_a_promise_exactly_when_it_is_the_least_or_more(
    form: PacketForm, promised: Layer, promise_bps: int
) -> None:
    least = least_bps(Fraction(promise_bps), form, promised=promised, measured=Layer.TCP)
    back = ratio(form, of=Layer.TCP, into=promised)
    assert least * back >= promise_bps > (least - 1) * back
