"""A bundle in which all is in order, and ways to put one thing in it wrong."""

from __future__ import annotations

from typing import Any

from omega_agent.verify import verify
from omega_agent.verify_report import VerifyReport
from omega_core.bundle import Bundle
from omega_core.canonical import canonical_bytes, parse_plain
from omega_core.control import Grant
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.keys import SigningKey
from omega_core.verdict import Verdict
from support import builders
from support.agent_story import Story
from support.builders import AGENT_KEY, SERVER_KEY

STORY = Story()
GOOD = STORY.bundle()
TRUSTED = [SERVER_KEY.public]


def checked(bundle: Bundle | bytes, trusted: list[Any] | None = None) -> VerifyReport:
    data = bundle if isinstance(bundle, bytes) else bundle.to_bytes()
    return verify(data, trusted=TRUSTED if trusted is None else trusted)


def with_(**changes: Any) -> Bundle:  # noqa: ANN401 - fields of the bundle
    return GOOD.model_copy(update=changes)


def sealed(message: Any, kind: str, key: SigningKey) -> str:  # noqa: ANN401 - any message
    return builders.sealed(message, kind, key).decode()


def record_with(content: dict[str, Any], **changes: Any) -> Bundle:  # noqa: ANN401 - fields
    """Return the bundle with other content in its record, signed again, receipt and all."""
    envelope = seal(canonical_bytes(content), PayloadType.RECORD, AGENT_KEY)
    receipt = builders.receipt(envelope, verdict=verdict_of(GOOD), **changes)
    return with_(record=envelope.decode(), receipt=sealed(receipt, PayloadType.RECEIPT, SERVER_KEY))


def verdict_of(bundle: Bundle) -> Verdict:
    verdict = checked(bundle).verdict
    assert verdict is not None
    return verdict


def content() -> dict[str, Any]:
    plain: dict[str, Any] = parse_plain(parse_envelope(GOOD.record.encode()).payload)
    return plain


def granted(**changes: Any) -> str:  # noqa: ANN401 - fields of the grant
    return sealed(Grant(**{**dict(STORY.grant), **changes}), PayloadType.GRANT, SERVER_KEY)


def receipt(**changes: Any) -> str:  # noqa: ANN401 - fields of the receipt
    fields = {"verdict": verdict_of(GOOD), **changes}
    message = builders.receipt(GOOD.record.encode(), **fields)
    return sealed(message, PayloadType.RECEIPT, SERVER_KEY)


def statement(**changes: Any) -> str:  # noqa: ANN401 - fields of the statement
    return sealed(builders.key_statement(**changes), PayloadType.KEY, SERVER_KEY)
