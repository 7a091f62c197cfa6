"""GLPI 9.5 to 10, the REST API of `apirest.php`: a note is a followup, a file is a document.

    begin   GET  /initSession                        user token (and App-Token) for a session token
    look    GET  /Ticket/{id}/Document_Item          names of documents, `expand_dropdowns`
            GET  /Ticket/{id}/ITILFollowup           texts of followups
    post    POST /Document                           a form: `uploadManifest` and the file
            POST /ITILFollowup
    end     GET  /killSession                        best effort

The document is made and linked by one request (`itemtype` and `items_id` stand in its manifest), so
it is there, with our name on it, or not at all. The base address ends in `/apirest.php`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from omega_core.limits import CONNECTOR_PAGES_MAX
from omega_server.connectors.diagnostic import Diagnostic, File, Language, text_of
from omega_server.connectors.errors import LaterError, NotDeliveredError
from omega_server.connectors.http_door import Door, Talk
from omega_server.connectors.port import Found

_PER_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Glpi:
    """A `TicketSystem`."""

    door: Door
    language: Language
    user_token: str
    private: bool = True

    def check(self) -> None:
        """See `TicketSystem.check`."""
        with self._session():
            pass

    def find(self, external_id: str, diagnostic: Diagnostic) -> Found:
        """See `TicketSystem.find`."""
        wanted = {file.name for file in diagnostic.files}
        with self._session() as session:
            documents = session.all(f"/Ticket/{external_id}/Document_Item?expand_dropdowns=true")
            files = {str(each.get("documents_id")) for each in documents} & wanted
            followups = session.all(f"/Ticket/{external_id}/ITILFollowup?expand_dropdowns=false")
        note = any(diagnostic.mark in str(each.get("content") or "") for each in followups)
        return Found(note, frozenset(files))

    def post(self, external_id: str, diagnostic: Diagnostic, found: Found) -> None:
        """See `TicketSystem.post`."""
        missing = [file for file in diagnostic.files if file.name not in found.files]
        if found.note and not missing:
            return
        with self._session() as session:
            for file in missing:
                session.upload(external_id, file)
            if not found.note:
                session.follow_up(external_id, text_of(diagnostic, self.language), self.private)

    @contextmanager
    def _session(self) -> Iterator[_Session]:
        with self.door.open() as talk:
            answer = talk.get("/initSession", {"Authorization": f"user_token {self.user_token}"})
            token = answer.get("session_token") if isinstance(answer, dict) else None
            if not isinstance(token, str) or not token:
                raise LaterError("not_understood", "GLPI: no session token came back")
            session = {"Session-Token": token}
            yield _Session(talk, session)
            with suppress(NotDeliveredError):  # it ends by itself too, later
                talk.get("/killSession", session)


@dataclass(frozen=True, slots=True)
class _Session:
    talk: Talk
    headers: Mapping[str, str]

    def all(self, path: str) -> list[dict[str, object]]:
        """Return every item under a path, page by page."""
        found: list[dict[str, object]] = []
        for page in range(CONNECTOR_PAGES_MAX):
            span = f"{page * _PER_PAGE}-{(page + 1) * _PER_PAGE - 1}"
            items = self.talk.get(f"{path}&range={span}", self.headers)
            if not isinstance(items, list):
                raise LaterError("not_understood", "GLPI: a list was expected")
            found += [each for each in items if isinstance(each, dict)]
            if len(items) < _PER_PAGE:
                return found
        raise LaterError("history_too_long", f"GLPI: more than {CONNECTOR_PAGES_MAX} pages")

    def upload(self, external_id: str, file: File) -> None:
        """Make a document of the file, on the ticket."""
        manifest = {
            "input": {
                "name": file.name,
                "_filename": [file.name],
                "itemtype": "Ticket",
                "items_id": int(external_id),
            }
        }
        parts = {
            "uploadManifest": (None, json.dumps(manifest).encode(), "application/json"),
            "filename[0]": (file.name, file.content, file.media_type),
        }
        _made(self.talk.post_form("/Document/", parts, self.headers))

    def follow_up(self, external_id: str, text: str, private: bool) -> None:  # noqa: FBT001 - one caller
        """Write the note; GLPI takes HTML, so the text is made safe for it."""
        content = {
            "itemtype": "Ticket",
            "items_id": int(external_id),
            "content": "<br>".join(html.escape(line, quote=False) for line in text.split("\n")),
            "is_private": int(private),
        }
        _made(self.talk.post("/ITILFollowup/", {"input": content}, self.headers))


def _made(answer: object) -> None:
    """Raise LaterError unless one thing was made (207 comes with a list of what went wrong)."""
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), int):
        raise LaterError("not_understood", "GLPI: nothing was made, by its answer", unclear=True)
