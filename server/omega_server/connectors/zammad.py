"""Zammad: a note is an article; its files travel in the same request.

    look    GET  /api/v1/ticket_articles/by_ticket/{id}
    post    POST /api/v1/ticket_articles     internal, type `note`: it does not touch SLA clocks

`external_id` is Zammad's own id of the ticket (as in the address of its page), not its number.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from omega_server.connectors.diagnostic import Diagnostic, Language, subject_of, text_of
from omega_server.connectors.errors import LaterError
from omega_server.connectors.http_door import Door
from omega_server.connectors.port import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Zammad:
    """A `TicketSystem`."""

    door: Door
    language: Language
    internal: bool = True

    def check(self) -> None:
        """See `TicketSystem.check`."""
        with self.door.open() as talk:
            talk.get("/api/v1/users/me")

    def find(self, external_id: str, diagnostic: Diagnostic) -> Found:
        """See `TicketSystem.find`."""
        with self.door.open() as talk:
            articles = talk.get(f"/api/v1/ticket_articles/by_ticket/{external_id}")
        if not isinstance(articles, list):
            raise LaterError("not_understood", "Zammad: a list of articles was expected")
        return Found(any(_bears(each, diagnostic.mark) for each in articles))

    def post(self, external_id: str, diagnostic: Diagnostic, found: Found) -> None:
        """See `TicketSystem.post`."""
        if found.note:
            return
        content = {
            "ticket_id": int(external_id),
            "subject": subject_of(diagnostic, self.language),
            "body": text_of(diagnostic, self.language),
            "content_type": "text/plain",
            "type": "note",
            "internal": self.internal,
            "attachments": [
                {
                    "filename": file.name,
                    "data": base64.b64encode(file.content).decode(),
                    "mime-type": file.media_type,
                }
                for file in diagnostic.files
            ],
        }
        with self.door.open() as talk:
            answer = talk.post("/api/v1/ticket_articles", content)
        if not isinstance(answer, dict) or "id" not in answer:
            raise LaterError("not_understood", "Zammad: no article came back", unclear=True)


def _bears(article: object, mark: str) -> bool:
    if not isinstance(article, dict):
        return False
    return any(mark in str(article.get(field) or "") for field in ("subject", "body"))
