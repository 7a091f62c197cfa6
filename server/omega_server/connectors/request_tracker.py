"""Request Tracker 5, REST 2.0: a note is a comment; its files travel in the same request.

    look    GET  /REST/2.0/ticket/{id}/history?fields=Type,Data     page by page
    post    POST /REST/2.0/ticket/{id}/comment

The history does not hold the text of a comment, but its subject: that is where the mark is looked
for. A comment is not seen by the requestor.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from omega_core.limits import CONNECTOR_PAGES_MAX
from omega_server.connectors.diagnostic import Diagnostic, Language, subject_of, text_of
from omega_server.connectors.errors import LaterError
from omega_server.connectors.http_door import Door
from omega_server.connectors.port import Found

_PER_PAGE = 100  # what RT gives at most: one question for most tickets


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTracker:
    """A `TicketSystem`."""

    door: Door
    language: Language
    per_page: int = _PER_PAGE

    def check(self) -> None:
        """See `TicketSystem.check`."""
        with self.door.open() as talk:
            talk.get("/REST/2.0/rt")

    def find(self, external_id: str, diagnostic: Diagnostic) -> Found:
        """See `TicketSystem.find`."""
        with self.door.open() as talk:
            for page in range(1, CONNECTOR_PAGES_MAX + 1):
                answer = talk.get(
                    f"/REST/2.0/ticket/{external_id}/history"
                    f"?fields=Type,Data&per_page={self.per_page}&page={page}"
                )
                items = answer.get("items") if isinstance(answer, dict) else None
                if not isinstance(items, list):
                    raise LaterError("not_understood", "RT: a page of history was expected")
                if any(_bears(each, diagnostic.mark) for each in items):
                    return Found(note=True)
                if page >= _pages(answer):
                    return Found(note=False)
        raise LaterError("history_too_long", f"RT: more than {CONNECTOR_PAGES_MAX} pages")

    def post(self, external_id: str, diagnostic: Diagnostic, found: Found) -> None:
        """See `TicketSystem.post`."""
        if found.note:
            return
        content = {
            "Subject": subject_of(diagnostic, self.language),
            "Content": text_of(diagnostic, self.language),
            "ContentType": "text/plain",
            "Attachments": [
                {
                    "FileName": file.name,
                    "FileType": file.media_type,
                    "FileContent": base64.b64encode(file.content).decode(),
                }
                for file in diagnostic.files
            ],
        }
        with self.door.open() as talk:
            answer = talk.post(f"/REST/2.0/ticket/{external_id}/comment", content)
        if not isinstance(answer, list):
            raise LaterError("not_understood", "RT: no word of the comment came back", unclear=True)


def _bears(item: object, mark: str) -> bool:
    return isinstance(item, dict) and mark in str(item.get("Data") or "")


def _pages(answer: dict[str, object]) -> int:
    pages = answer.get("pages")
    return pages if isinstance(pages, int) else 1
