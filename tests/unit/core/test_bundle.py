"""The bundle: one file in one form, whose every byte counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.bundle import Bundle, parse_bundle
from omega_core.envelope import EnvelopeError, PayloadType, keys_by_id, open_sealed, parse_envelope
from omega_core.limits import BUNDLE_BYTES_MAX
from support.builders import AGENT_KEY, papers

VECTORS = Path(__file__).parents[2] / "vectors" / "bundles"
CASES = sorted(VECTORS.glob("*/"))


def told(bundle: Bundle) -> str:
    """Return which papers are in it."""
    papers = [name for name in ("record", "grant", "observation", "receipt") if _has(bundle, name)]
    return f"{' '.join(papers)} {len(bundle.keys)} keys\n"


def _has(bundle: Bundle, name: str) -> bool:
    return getattr(bundle, name) is not None


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.name.endswith("_fail")], ids=lambda case: case.name
)
def test_vector(case: Path) -> None:
    data = (case / "bundle.json").read_bytes()
    bundle = parse_bundle(data)
    assert told(bundle) == (case / "expected").read_text("utf-8")
    assert parse_bundle(bundle.to_bytes()) == bundle


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name.endswith("_fail")], ids=lambda case: case.name
)
def test_vector_is_refused(case: Path) -> None:
    with pytest.raises(EnvelopeError) as caught:
        parse_bundle((case / "bundle.json").read_bytes())
    assert caught.value.check == "bundle_shape"
    assert (case / "expected").read_text("utf-8") in str(caught.value)


def test_envelopes_come_out_byte_for_byte() -> None:
    made = papers()
    bundle = parse_bundle(made.bundle().to_bytes())
    assert bundle.record.encode() == made.record
    sealed = parse_envelope(bundle.record.encode())
    assert open_sealed(sealed, PayloadType.RECORD, keys_by_id([AGENT_KEY.public]))


@pytest.mark.parametrize("size", [BUNDLE_BYTES_MAX, BUNDLE_BYTES_MAX + 1])
def test_size_is_checked_before_anything_is_parsed(size: int) -> None:
    reason = "at most" if size > BUNDLE_BYTES_MAX else "JSON"
    with pytest.raises(EnvelopeError, match=reason):
        parse_bundle(b"[" * size)


def test_key_events_come_out_as_they_went_in() -> None:
    bundle = papers().bundle(key_events=("a", "b"))
    assert parse_bundle(bundle.to_bytes()) == bundle


def test_none_are_written_by_leaving_them_out_and_no_other_way() -> None:
    data = papers().bundle().to_bytes()
    assert b"key_events" not in data
    with pytest.raises(EnvelopeError, match="one canonical form"):
        parse_bundle(data.replace(b'"keys":', b'"key_events":[],"keys":'))


def test_the_key_of_a_run_comes_out_as_it_went_in_and_is_left_out_where_there_is_none() -> None:
    bundle = papers().bundle(run_key=AGENT_KEY.public.text)
    assert parse_bundle(bundle.to_bytes()) == bundle
    data = papers().bundle().to_bytes()
    assert b"run_key" not in data
    with pytest.raises(EnvelopeError, match="one canonical form"):
        parse_bundle(data[:-1] + b',"run_key":null}')


def test_a_profile_stands_in_it_as_it_was_sent() -> None:
    profile = {"id": "ftth-home-300", "criteria": [{"limit": 20_000}], "share": 1.5}
    bundle = papers().bundle(profile=profile)
    assert parse_bundle(bundle.to_bytes()).profile == profile
