"""What comes in sealed is refused by name, whatever the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.control import ServerInfo
from omega_core.envelope import PayloadType, seal
from omega_core.keys import SigningKey
from omega_core.limits import ENVELOPE_BYTES_MAX
from omega_server.envelopes import content, public_key, signed_payload, unsealed
from omega_server.refusals import Code, RefusalError
from support.builders import AGENT_KEY, STRANGER_KEY

SEALED = seal(b"{}", PayloadType.RECORD, AGENT_KEY)


@given(st.binary(max_size=400))
def test_any_bytes_are_no_envelope(data: bytes) -> None:
    with pytest.raises(RefusalError) as refused:
        unsealed(data)
    assert refused.value.code is Code.NOT_AN_ENVELOPE


@given(st.binary(max_size=200))
def test_any_payload_is_refused_as_content(payload: bytes) -> None:
    with pytest.raises(RefusalError) as refused:
        content(ServerInfo, payload)
    assert refused.value.code is Code.SCHEMA_INVALID


@given(st.text(max_size=60))
def test_any_text_is_refused_as_a_key(text: str) -> None:
    with pytest.raises(RefusalError) as refused:
        public_key(text)
    assert refused.value.code is Code.SCHEMA_INVALID


def test_one_octet_too_many_is_no_envelope() -> None:
    with pytest.raises(RefusalError) as refused:
        unsealed(b" " * (ENVELOPE_BYTES_MAX + 1))
    assert refused.value.code is Code.NOT_AN_ENVELOPE


def test_the_signer_gets_the_payload_back() -> None:
    payload = signed_payload(unsealed(SEALED), PayloadType.RECORD, AGENT_KEY.public)
    assert payload == b"{}"


@pytest.mark.parametrize(
    ("kind", "key", "code"),
    [
        pytest.param(PayloadType.RECORD, STRANGER_KEY, Code.SIGNATURE_INVALID, id="another key"),
        pytest.param(PayloadType.GRANT, AGENT_KEY, Code.NOT_AN_ENVELOPE, id="another kind"),
    ],
)
def test_nobody_else_gets_anything(kind: str, key: SigningKey, code: Code) -> None:
    with pytest.raises(RefusalError) as refused:
        signed_payload(unsealed(SEALED), kind, key.public)
    assert refused.value.code is code


def test_a_refusal_quotes_nothing_that_came_in() -> None:
    with pytest.raises(RefusalError) as refused:
        content(ServerInfo, b'{"schema_version":1,"password":"geheim"}')
    assert "geheim" not in str(refused.value)
    assert "password" not in str(refused.value)
