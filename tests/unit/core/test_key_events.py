"""Rotations open themselves, by both of their keys and by no others."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from omega_core.canonical import canonical_bytes, parse_plain
from omega_core.envelope import EnvelopeError, PayloadType, parse_envelope, seal
from omega_core.key_events import open_rotation, seal_rotation
from omega_core.keys import SigningKey
from omega_core.limits import KEY_EVENT_BYTES_MAX
from omega_core.models import model_bytes
from support.builders import STRANGER_KEY
from support.key_lines import FIRST, SECOND, THIRD, revocation, rotation


def why_refused(envelope: bytes) -> str:
    with pytest.raises(EnvelopeError) as refused:
        open_rotation(envelope)
    return refused.value.check


def sealed(*keys: SigningKey, **changes: Any) -> bytes:  # noqa: ANN401 - fields of the model
    """Return a rotation from the first to the second key with a field changed, whoever signs."""
    content = {**parse_plain(model_bytes(rotation())), **changes}
    return seal(canonical_bytes(content), PayloadType.KEY_ROTATION, *keys)


@pytest.mark.parametrize("role", ["server", "agent"])
def test_a_rotation_comes_back_as_it_was_sealed(role: Any) -> None:  # noqa: ANN401 - one of two literals
    stated = rotation(role=role)
    assert open_rotation(seal_rotation(stated, old=FIRST, new=SECOND)) == stated


def test_the_order_of_the_signatures_is_free() -> None:
    assert open_rotation(sealed(SECOND, FIRST)) == rotation()


@pytest.mark.parametrize(
    ("envelope", "check"),
    [
        pytest.param(sealed(FIRST), "key_missing", id="by the old key only"),
        pytest.param(sealed(SECOND), "key_missing", id="by the new key only"),
        pytest.param(sealed(FIRST, SECOND, THIRD), "key_missing", id="by a third key too"),
        pytest.param(sealed(FIRST, STRANGER_KEY), "key_missing", id="by a stranger as the new key"),
        pytest.param(
            sealed(FIRST, SECOND).replace(
                parse_envelope(sealed(FIRST, SECOND)).signatures[0].kid.encode(),
                THIRD.public.kid.encode(),
            ),
            "key_missing",
            id="with the signature named after another key",
        ),
        pytest.param(
            sealed(FIRST, SECOND, kid=THIRD.public.kid), "key_id", id="an id of another key"
        ),
        pytest.param(sealed(FIRST, SECOND, key="A" * 42 + "B"), "schema", id="a key that is none"),
        pytest.param(
            sealed(FIRST, SECOND, old_kid=SECOND.public.kid), "schema", id="a key after itself"
        ),
        pytest.param(
            sealed(FIRST, SECOND, server_key=THIRD.public.text), "schema", id="for another server"
        ),
        pytest.param(sealed(FIRST, SECOND, role="agent"), "schema", id="an agent's, for no server"),
        pytest.param(sealed(FIRST, SECOND, role="test_point"), "schema", id="of a test point"),
        pytest.param(
            seal(b'{"a":1,"a":1}', PayloadType.KEY_ROTATION, FIRST, SECOND),
            "payload_form",
            id="a member twice",
        ),
        pytest.param(
            seal(model_bytes(rotation()), PayloadType.KEY, FIRST, SECOND),
            "payload_type",
            id="signed as another kind",
        ),
        pytest.param(b"{}", "envelope_shape", id="no envelope"),
        pytest.param(b" " * (KEY_EVENT_BYTES_MAX + 1), "envelope_shape", id="one byte too long"),
    ],
)
def test_what_is_no_rotation(envelope: bytes, check: str) -> None:
    assert why_refused(envelope) == check


def test_the_largest_envelope_that_is_read_is_read() -> None:
    padded = sealed(FIRST, SECOND)
    padded += b" " * (KEY_EVENT_BYTES_MAX - len(padded))
    assert open_rotation(padded) == rotation()


def test_a_signature_of_other_bytes_is_found_by_its_place() -> None:
    first, other = sealed(FIRST, SECOND), sealed(FIRST, SECOND, rotated_unix_us=1)
    wrong = parse_plain(first)
    wrong["signatures"][1] = parse_plain(other)["signatures"][1]
    assert why_refused(canonical_bytes(wrong)) == "signature[1]"


def test_a_key_is_invalid_no_later_than_it_is_revoked() -> None:
    assert revocation(revoked_unix_us=5, invalid_since_unix_us=5).invalid_since_unix_us == 5
    with pytest.raises(ValidationError, match="no later"):
        revocation(revoked_unix_us=5, invalid_since_unix_us=6)


@pytest.mark.parametrize("reason", ["", "x" * 201])
def test_a_revocation_has_a_reason_that_fits_a_line(reason: str) -> None:
    with pytest.raises(ValidationError):
        revocation(reason=reason)
