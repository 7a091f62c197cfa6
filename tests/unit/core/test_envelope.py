"""Envelopes: golden values, vectors signed by openssl, and every single bit of one envelope."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from omega_core.canonical import canonical_bytes, digest_hex
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    Sealed,
    keys_by_id,
    open_sealed,
    parse_envelope,
    parse_written,
    pre_authentication,
    seal,
    seal_content,
    sealed_from,
)
from omega_core.errors import ExitCode
from omega_core.keys import SigningKey
from omega_core.limits import ENVELOPE_BYTES_MAX, SIGNATURES_MAX
from support.builders import AGENT_KEY, STRANGER_KEY, key_of

VECTORS = Path(__file__).parents[2] / "vectors" / "envelopes"
GOLDEN_KEY = SigningKey.from_octets(bytes(range(32)))
SECOND_KEY = SigningKey.from_octets(bytes(range(32, 64)))
OFFERED = keys_by_id([GOLDEN_KEY.public, SECOND_KEY.public])
GOLDEN_PAYLOAD = (
    '{"a":null,"n":"18446744073709551615","nom":"Zoé","v":1,"x":[1,2.5,1e+21]}'.encode()
)
GOLDEN_SIGNATURE = (
    "OXhagJusxi/OxdMlC0klhhXa7OV+eD4ynsc2z161XWCsrkCLfw4PAOcYDSi/UTL8pZ6zRktbitBdBQ4bRtYTBg=="
)


def opened(data: bytes, payload_type: str = PayloadType.RECORD) -> bytes:
    return open_sealed(parse_envelope(data), payload_type, OFFERED)


def failed_check(data: bytes) -> str:
    with pytest.raises(EnvelopeError) as caught:
        opened(data)
    assert caught.value.exit_code == ExitCode.NOT_VALID
    assert str(caught.value) == f"{caught.value.check}: {caught.value.detail}"
    return caught.value.check


def test_golden_pre_authentication_and_signature() -> None:
    message = pre_authentication(PayloadType.RECORD, GOLDEN_PAYLOAD)
    assert len(message) == 124
    assert hashlib.sha256(message).hexdigest() == (
        "c96ea5c7279c0578f0e10978634bc2a2d67a299204dfa665b4d84e52a28297a3"
    )
    assert base64.b64encode(GOLDEN_KEY.sign(message)).decode() == GOLDEN_SIGNATURE


def test_the_golden_envelope_is_what_we_write() -> None:
    written = seal(GOLDEN_PAYLOAD, PayloadType.RECORD, GOLDEN_KEY)
    assert written == (VECTORS / "golden" / "envelope.json").read_bytes()
    assert seal_content(json.loads(GOLDEN_PAYLOAD), PayloadType.RECORD, GOLDEN_KEY) == written
    sealed = parse_envelope(written)
    assert sealed.payload_digest == digest_hex(GOLDEN_PAYLOAD)
    assert sealed.envelope_digest == digest_hex(written)


@pytest.mark.parametrize("case", sorted(VECTORS.glob("*/")), ids=lambda case: case.name)
def test_vector(case: Path) -> None:
    data, expected = (case / "envelope.json").read_bytes(), (case / "expected").read_bytes()
    if case.name.endswith("_fail"):
        assert failed_check(data) == expected.decode()
    else:
        assert opened(data) == expected


def test_pre_authentication_counts_octets_not_letters() -> None:
    assert pre_authentication("é", b"body") == "DSSEv1 2 é 4 body".encode()
    assert pre_authentication("", b"") == b"DSSEv1 0  0 "


def test_any_flipped_bit_is_noticed_by_the_right_check() -> None:
    envelope = seal(b'{"a":1}', PayloadType.RECORD, GOLDEN_KEY)
    checks: dict[str, set[str]] = {}
    for bit in range(8 * len(envelope)):
        data = bytearray(envelope)
        data[bit // 8] ^= 1 << bit % 8
        checks.setdefault(part_at(envelope, bit // 8), set()).add(failed_check(bytes(data)))
    # A bit of any text can also make it end, or no longer be UTF-8: then nothing is an envelope.
    assert checks == {
        "payload": {"payload_base64", "signature[0]", "envelope_shape"},
        "payloadType": {"payload_type", "envelope_shape"},
        "keyid": {"key_missing", "envelope_shape"},
        "sig": {"signature[0]", "envelope_shape"},
        "form": {"envelope_shape"},
    }


def part_at(envelope: bytes, position: int) -> str:
    """Say which of the texts of an envelope stands at a position; all else is its form."""
    content = json.loads(envelope)
    texts = {**content, **content["signatures"][0]}
    for name in ("payload", "payloadType", "keyid", "sig"):
        start = envelope.index(f'"{name}":"'.encode()) + len(name) + 4
        if start <= position < start + len(texts[name]):
            return name
    return "form"


def test_every_signature_must_hold() -> None:
    both = seal(b"payload", PayloadType.KEY, GOLDEN_KEY, SECOND_KEY)
    sealed = parse_envelope(both)
    assert [each.kid for each in sealed.signatures] == [*OFFERED]
    assert open_sealed(sealed, PayloadType.KEY, OFFERED) == b"payload"
    only_first = keys_by_id([GOLDEN_KEY.public])
    with pytest.raises(EnvelopeError, match="key_missing: signature 1"):
        open_sealed(sealed, PayloadType.KEY, only_first)


@pytest.mark.parametrize(
    ("signer", "offered"), [(STRANGER_KEY, GOLDEN_KEY), (GOLDEN_KEY, STRANGER_KEY)]
)
def test_a_key_offered_under_another_id_is_not_taken(
    signer: SigningKey, offered: SigningKey
) -> None:
    sealed = parse_envelope(seal(b"payload", PayloadType.KEY, signer))
    with pytest.raises(EnvelopeError, match="key_id"):
        open_sealed(sealed, PayloadType.KEY, {signer.public.kid: offered.public})


def test_payload_may_be_any_octets_at_all() -> None:
    for payload in (b"", b"\x00\xff", b"{" * 100):
        assert opened(seal(payload, PayloadType.RECORD, GOLDEN_KEY)) == payload


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"payload": None}, id="no payload"),
        pytest.param({"payload": 5}, id="a number for the payload"),
        pytest.param({"payload": "é"}, id="letters of no base64"),
        pytest.param({"payloadType": 5}, id="a number for the type"),
        pytest.param({"signatures": {}}, id="an object for the signatures"),
        pytest.param({"signatures": [5]}, id="a number for a signature"),
        pytest.param({"signatures": [{"keyid": 5, "sig": ""}]}, id="a number for a key id"),
        pytest.param({"signatures": [{"keyid": "k", "sig": 5}]}, id="a number for octets"),
        pytest.param({"signatures": [{"keyid": "k"}]}, id="a signature without octets"),
        pytest.param({"signatures": [{"keyid": "k", "sig": "", "x": 1}]}, id="and with more"),
    ],
)
def test_members_of_the_wrong_kind(change: dict[str, Any]) -> None:
    content = {**json.loads(seal(b"x", PayloadType.RECORD, GOLDEN_KEY)), **change}
    expected = "payload_base64" if "payload" in change else "envelope_shape"
    assert failed_check(canonical_bytes(content)) == expected


@pytest.mark.parametrize("data", [b"[]", b"null", b'"text"', b"5", b"", b"\xff", b"{}"])
def test_what_is_no_envelope_at_all(data: bytes) -> None:
    assert failed_check(data) == "envelope_shape"


@pytest.mark.parametrize("count", [SIGNATURES_MAX, SIGNATURES_MAX + 1])
def test_number_of_signatures(count: int) -> None:
    keys = [key_of(f"signer {number}") for number in range(count)]
    data = seal(b"payload", PayloadType.KEY, *keys)
    if count > SIGNATURES_MAX:
        assert failed_check(data) == "envelope_shape"
    else:
        assert len(parse_envelope(data).signatures) == count


@pytest.mark.parametrize("size", [ENVELOPE_BYTES_MAX, ENVELOPE_BYTES_MAX + 1])
def test_size_is_checked_before_anything_is_parsed(size: int) -> None:
    with pytest.raises(EnvelopeError, match="at most" if size > ENVELOPE_BYTES_MAX else "JSON"):
        parse_envelope(b"[" * size)


def test_parsing_checks_nothing_but_the_shape() -> None:
    sealed = parse_envelope(seal(b"payload", "any/type", AGENT_KEY))
    assert isinstance(sealed, Sealed)
    assert (sealed.payload, sealed.payload_type) == (b"payload", "any/type")


def test_an_envelope_inside_other_json_is_taken_apart_alike() -> None:
    data = seal(b"payload", PayloadType.RECORD, GOLDEN_KEY)
    assert sealed_from(json.loads(data), digest_hex(data)) == parse_envelope(data)


def test_message_never_quotes_what_came_in() -> None:
    hostile = canonical_bytes(
        {"payload": "forged\n", "payloadType": "forged", "signatures": [{"keyid": "f", "sig": ""}]}
    )
    with pytest.raises(EnvelopeError) as caught:
        opened(hostile)
    assert "forged" not in str(caught.value)


def test_an_envelope_whose_digest_nobody_states_is_taken_as_seal_writes_it_only() -> None:
    key = SigningKey.from_octets(bytes(32))
    envelope = seal(b"{}", PayloadType.GRANT, key)
    assert parse_written(envelope) == parse_envelope(envelope)
    with pytest.raises(EnvelopeError, match="envelope_shape: not written in the one"):
        parse_written(envelope.replace(b",", b", ", 1))
    content = json.loads(envelope)
    turned = {name: content[name] for name in sorted(content, reverse=True)}
    with pytest.raises(EnvelopeError, match="envelope_shape"):
        parse_written(json.dumps(turned, separators=(",", ":")).encode())
