from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.bundle import parse_bundle
from omega_core.canonical import digest_hex
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
    seal,
)
from support.builders import AGENT_KEY, SERVER_KEY
from support.json_values import JSON_VALUES

KEYS = keys_by_id([AGENT_KEY.public, SERVER_KEY.public])
ENVELOPE = seal(b'{"a":1}', PayloadType.RECORD, AGENT_KEY)
NEAR_MISS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("payload", "payloadType", "signatures", "surprise"), JSON_VALUES),
)


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_is_opened(payload: bytes, payload_type: str) -> None:
    data = seal(payload, payload_type, AGENT_KEY, SERVER_KEY)
    assert open_sealed(parse_envelope(data), payload_type, KEYS) == payload


@given(st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_envelope_error(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        open_sealed(parse_envelope(data), PayloadType.RECORD, KEYS)
    with pytest.raises(EnvelopeError):
        parse_bundle(data)


@given(NEAR_MISS)
def test_near_misses_are_an_envelope_error(change: dict[str, object]) -> None:
    data = json.dumps({**json.loads(ENVELOPE), **change}).encode()
    with contextlib.suppress(EnvelopeError):
        assert open_sealed(parse_envelope(data), PayloadType.RECORD, KEYS) == b'{"a":1}'


@given(st.data())
def test_any_change_of_the_bytes_is_noticed_or_changes_nothing(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(ENVELOPE)))
    end = data.draw(st.integers(start, len(ENVELOPE)))
    changed = ENVELOPE[:start] + data.draw(st.binary(max_size=8)) + ENVELOPE[end:]
    with contextlib.suppress(EnvelopeError):
        sealed = parse_envelope(changed)
        assert open_sealed(sealed, PayloadType.RECORD, KEYS) == b'{"a":1}'
        assert (changed == ENVELOPE) is (sealed.envelope_digest == digest_hex(ENVELOPE))
