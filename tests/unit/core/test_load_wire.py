"""Datagrams of a load octet by octet: vectors made by printf and openssl."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from omega_core.load import LoadRate, LoadTick
from omega_core.wire.load import (
    FEEDBACK_OCTETS,
    RATE_OCTETS,
    LoadHeader,
    LoadKeys,
    decode_feedback,
    decode_load,
    decode_rate,
    encode_feedback,
    encode_load,
    encode_rate,
    prefix_of,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "load"
KEYS = LoadKeys.of(b"k" * 32, session_id="s-1", run=3, stream=0x01020304)
CASES = sorted(case.name for case in VECTORS.iterdir())
RATE = LoadRate(number=2, rate_bps=50_000_000, train_packets=16)
TICK = LoadTick(**dict.fromkeys(LoadTick.__slots__, 5))


def decoded(data: bytes) -> dict[str, Any] | None:
    """Return what any of the three decoders makes of it."""
    found: list[dict[str, Any]] = []
    if (header := decode_load(data, prefix_of(KEYS))) is not None:
        found.append({"kind": "load", **asdict(header)})
    if (told := decode_rate(data, KEYS)) is not None:
        found.append({"kind": "rate", "serial": told[0], **asdict(told[1])})
    if (tick := decode_feedback(data, KEYS)) is not None:
        found.append({"kind": "feedback", **asdict(tick)})
    assert len(found) < 2, "a datagram is of one kind"
    return found[0] if found else None


@pytest.mark.parametrize("name", CASES)
def test_vectors(name: str) -> None:
    data = bytes.fromhex((VECTORS / name / "packet.hex").read_text())
    expected = json.loads((VECTORS / name / "expected.json").read_text())
    assert decoded(data) == expected
    assert (expected is None) == name.endswith("_fail")


@pytest.mark.parametrize("name", [name for name in CASES if not name.endswith("_fail")])
def test_ours_are_the_same_octets(name: str) -> None:
    data = bytes.fromhex((VECTORS / name / "packet.hex").read_text())
    fields = json.loads((VECTORS / name / "expected.json").read_text())
    match fields.pop("kind"):
        case "load":
            assert encode_load(LoadHeader(**fields), KEYS, len(data)) == data
        case "rate":
            serial = fields.pop("serial")
            assert encode_rate(LoadRate(**fields), KEYS, serial=serial) == data
        case _:
            assert encode_feedback(LoadTick(**fields), KEYS) == data


def test_sizes_are_those_of_the_drawing() -> None:
    assert (RATE_OCTETS, FEEDBACK_OCTETS) == (44, 136)


@pytest.mark.parametrize(
    "others",
    [
        pytest.param(("x" * 32, "s-1", 3, 0x01020304), id="another secret"),
        pytest.param(("k" * 32, "s-2", 3, 0x01020304), id="another session"),
        pytest.param(("k" * 32, "s-1", 4, 0x01020304), id="another run"),
        pytest.param(("k" * 32, "s-1", 3, 0x01020305), id="another stream"),
    ],
)
def test_keys_are_good_for_one_stream(others: tuple[str, str, int, int]) -> None:
    secret, session_id, run, stream = others
    theirs = LoadKeys.of(secret.encode(), session_id=session_id, run=run, stream=stream)
    assert not {theirs.token, theirs.rate_key, theirs.feedback_key} & {
        KEYS.token,
        KEYS.rate_key,
        KEYS.feedback_key,
    }
    assert (
        decode_rate(encode_rate(RATE, replace(theirs, stream=KEYS.stream), serial=1), KEYS) is None
    )


@pytest.mark.parametrize(
    ("rate", "serial"),
    [
        pytest.param(replace(RATE, number=0), 1, id="no number"),
        pytest.param(replace(RATE, number=2**32), 1, id="a number too large"),
        pytest.param(replace(RATE, rate_bps=-1), 1, id="backwards"),
        pytest.param(replace(RATE, rate_bps=10**11 + 1), 1, id="too fast"),
        pytest.param(replace(RATE, train_packets=2**31 + 1), 1, id="a train too long"),
        pytest.param(RATE, 0, id="no serial number"),
        pytest.param(RATE, 2**32, id="a serial number too large"),
    ],
)
def test_what_no_decoder_takes_is_not_encoded(rate: LoadRate, serial: int) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        encode_rate(rate, KEYS, serial=serial)


@pytest.mark.parametrize("number", [-1, 2**53])
def test_nor_a_tick_that_json_could_not_carry(number: int) -> None:
    with pytest.raises(ValueError, match="not what a receiver counts"):
        encode_feedback(replace(TICK, octets=number), KEYS)
