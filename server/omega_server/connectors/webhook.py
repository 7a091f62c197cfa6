"""Any system that can take a signed POST: see `signing` for the headers.

It can't be looked at, so every try of one delivery has the same `Omega-Delivery`, and the receiver
shows it once. It answers 2xx when it has it durably; 409 for one it had before is as good.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Final

from omega_core.units import US_PER_S
from omega_server.connectors.diagnostic import Diagnostic, Language, text_of
from omega_server.connectors.http_door import Door
from omega_server.connectors.port import Found
from omega_server.connectors.signing import (
    DELIVERY_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    delivery_id,
    signature,
)

_KNOWN: Final = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A `TicketSystem`; `path` is what follows the base address."""

    door: Door
    language: Language
    secret: bytes
    path: str = ""

    def check(self) -> None:
        """See `TicketSystem.check`: an empty event, signed like the others."""
        self._send("check", {"version": 1, "event": "check"})

    def find(self, external_id: str, diagnostic: Diagnostic) -> Found:
        """See `TicketSystem.find`: nothing can be known; the receiver knows a delivery again."""
        del external_id, diagnostic
        return Found(note=False)

    def post(self, external_id: str, diagnostic: Diagnostic, found: Found) -> None:
        """See `TicketSystem.post`."""
        del found
        content = _content(external_id, diagnostic, self.language)
        self._send(delivery_id(external_id, diagnostic.record_digest), content)

    def _send(self, delivery: str, content: dict[str, object]) -> None:
        body = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
        stamp = str(self.door.clock.unix_us() // US_PER_S)
        headers = {
            "content-type": "application/json",
            DELIVERY_HEADER: delivery,
            TIMESTAMP_HEADER: stamp,
            SIGNATURE_HEADER: signature(self.secret, stamp, delivery, body),
        }
        with self.door.open() as talk:
            talk.post_bytes(self.path, body, headers, known=_KNOWN)


def _content(external_id: str, diagnostic: Diagnostic, language: Language) -> dict[str, object]:
    zone = diagnostic.zone
    sentences = {} if zone is None else {str(key): text for key, text in zone.sentences.items()}
    return {
        "version": 1,
        "event": "diagnostic",
        "mark": diagnostic.mark,
        "ticket": external_id,
        "omega_ticket": diagnostic.ticket_id,
        "record_digest": diagnostic.record_digest,
        "verdict": diagnostic.verdict,
        "mode": diagnostic.mode,
        "received_unix_us": diagnostic.received_unix_us,
        "not_kept": list(diagnostic.not_kept),
        "zone": None if zone is None else {"code": zone.code, "sentences": sentences},
        "text": text_of(diagnostic, language),
        "link": diagnostic.link,
        "files": [
            {
                "name": file.name,
                "media_type": file.media_type,
                "sha256": hashlib.sha256(file.content).hexdigest(),
                "base64": base64.b64encode(file.content).decode(),
            }
            for file in diagnostic.files
        ],
    }
