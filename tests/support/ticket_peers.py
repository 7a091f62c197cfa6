"""Stand-ins for ticket systems: real HTTP on loopback, made after their documented APIs.

    with peer(ZammadPeer()) as url: ...
    peer.will(Trouble.DROP, Trouble.BUSY)     # what happens to the next posts

Each keeps what it took in `notes` (ticket, text) and `files` (ticket, name), in order, and can be
told to answer 401, 429, 500, to be silent, or to take what it got and drop the answer.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from omega_server.connectors.signing import is_genuine

SECRET = "a-token-of-the-tests"
NOW_UNIX_S = 1_790_000_000


class Trouble(StrEnum):
    """What a peer does instead of answering well."""

    DENY = "401"
    FORBID = "403"
    BUSY = "429"
    AWAY = "503"
    BREAK = "500"
    BREAK_AFTER = "500 after keeping"
    SILENCE = "silence"
    DROP = "kept, and the answer dropped"
    PORTAL = "a page of HTML"
    REDIRECT = "302"
    GONE = "404"


_STATUS = {
    Trouble.DENY: 401,
    Trouble.FORBID: 403,
    Trouble.BUSY: 429,
    Trouble.AWAY: 503,
    Trouble.BREAK: 500,
    Trouble.REDIRECT: 302,
    Trouble.GONE: 404,
}
_KEEPING = {Trouble.DROP, Trouble.BREAK_AFTER}


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)


@dataclass
class Peer:
    """What all have in common."""

    notes: list[tuple[str, str]] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    retry_after: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)
    _coming: list[Trouble | None] = field(default_factory=list)

    def will(self, *troubles: Trouble | None) -> None:
        """Say what happens to the next posts, one each; None is a good answer."""
        self._coming.extend(troubles)

    def trouble(self, request: Request) -> Trouble | None:
        if request.method == "GET":
            return None
        return self._coming.pop(0) if self._coming else None

    def answer(self, request: Request) -> tuple[int, object]:
        raise NotImplementedError

    def is_authorised(self, request: Request) -> bool:
        raise NotImplementedError

    def marks(self, ticket: str = "7") -> list[str]:
        """Return the marks on a ticket, in order."""
        texts = [text for number, text in self.notes if number == ticket]
        return [text[text.index("omega:") :][:18] for text in texts]


@dataclass
class ZammadPeer(Peer):
    """Articles of tickets."""

    def is_authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Token token={SECRET}"

    def answer(self, request: Request) -> tuple[int, object]:
        if request.path == "/api/v1/users/me":
            return 200, {"id": 3}
        if request.method == "GET":
            ticket = request.path.removeprefix("/api/v1/ticket_articles/by_ticket/")
            mine = [text for number, text in self.notes if number == ticket]
            return 200, [{"id": at, "body": text, "subject": ""} for at, text in enumerate(mine)]
        said = request.json()
        ticket = str(said["ticket_id"])
        self.files += [(ticket, each["filename"]) for each in said["attachments"]]
        assert all(base64.b64decode(each["data"]) for each in said["attachments"])
        self.notes.append((ticket, said["body"]))
        return 201, {"id": len(self.notes)}


@dataclass
class RtPeer(Peer):
    """Comments, shown in a history of pages."""

    per_page: int = 2

    def is_authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"token {SECRET}"

    def answer(self, request: Request) -> tuple[int, object]:
        if request.path == "/REST/2.0/rt":
            return 200, {"Version": "5.0.3"}
        ticket = request.path.split("/")[4]
        if request.method == "GET":
            page = int(request.query["page"][0])
            mine = [text for number, text in self.notes if number == ticket]
            pages = -(-len(mine) // self.per_page)
            shown = mine[(page - 1) * self.per_page : page * self.per_page]
            items = [{"id": "1", "Type": "Comment", "Data": text} for text in shown]
            return 200, {"items": items, "page": page, "pages": pages}
        said = request.json()
        self.files += [(ticket, each["FileName"]) for each in said["Attachments"]]
        self.notes.append((ticket, said["Subject"]))
        return 201, ["Comments added"]


@dataclass
class GlpiPeer(Peer):
    """Sessions, documents, followups."""

    def is_authorised(self, request: Request) -> bool:
        if request.path.endswith("/initSession"):
            return request.headers.get("authorization") == f"user_token {SECRET}"
        return request.headers.get("session-token") == "session"

    def answer(self, request: Request) -> tuple[int, object]:
        path = request.path.removeprefix("/apirest.php")
        if path == "/initSession":
            return 200, {"session_token": "session"}
        if path == "/killSession":
            return 200, None
        if request.method == "GET":
            return 200, self._listed(path.split("/")[2], path.endswith("Document_Item"))
        if path == "/Document/":
            return self._document(request)
        said = request.json()["input"]
        self.notes.append((str(said["items_id"]), said["content"]))
        return 201, {"id": len(self.notes), "message": ""}

    def _listed(self, ticket: str, documents: bool) -> list[dict[str, str]]:  # noqa: FBT001 - of two lists
        if documents:
            return [{"documents_id": name} for number, name in self.files if number == ticket]
        return [{"content": text} for number, text in self.notes if number == ticket]

    def _document(self, request: Request) -> tuple[int, object]:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
        parts = {
            str(part.get_param("name", header="content-disposition")): part
            for part in form.iter_parts()
        }
        manifest = json.loads(str(parts["uploadManifest"].get_content(), "utf-8"))["input"]
        assert parts["filename[0]"].get_payload(decode=True)
        self.files.append((str(manifest["items_id"]), manifest["name"]))
        return 201, {"id": len(self.files), "message": "Document move succeeded."}


@dataclass
class WebhookPeer(Peer):
    """A receiver that does what the documentation asks of it."""

    seen: set[str] = field(default_factory=set)
    now_unix_s: int = NOW_UNIX_S

    def is_authorised(self, request: Request) -> bool:
        return is_genuine(
            SECRET.encode(),
            timestamp=request.headers.get("omega-timestamp", ""),
            delivery=request.headers.get("omega-delivery", ""),
            signed=request.headers.get("omega-signature", ""),
            body=request.body,
            now_unix_s=self.now_unix_s,
        )

    def answer(self, request: Request) -> tuple[int, object]:
        said, delivery = request.json(), request.headers["omega-delivery"]
        if said["event"] == "check":
            return 204, None
        if delivery in self.seen:
            return 409, None
        self.seen.add(delivery)
        self.files += [(said["ticket"], each["name"]) for each in said["files"]]
        self.notes.append((said["ticket"], said["text"]))
        return 202, None


class _Handler(BaseHTTPRequestHandler):
    """One connection to a peer; `of` is set by `peer` on a class of its own."""

    protocol_version = "HTTP/1.1"
    of: Peer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._meet()

    def do_POST(self) -> None:
        self._meet()

    def _meet(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, parse_qs(parts.query), headers, body)
        with self.of.lock:
            self.of.requests.append(request)
            trouble = self.of.trouble(request)
            status, content = self._outcome(request, trouble)
        if trouble is Trouble.SILENCE:
            self.of.released.wait(30)
        if trouble in {Trouble.SILENCE, Trouble.DROP}:
            self.close_connection = True
            return
        self._say(status, content)

    def _outcome(self, request: Request, trouble: Trouble | None) -> tuple[int, object]:
        if not self.of.is_authorised(request):
            return 401, {"error": "not authorised"}
        if trouble is None or trouble in _KEEPING:
            kept = self.of.answer(request)
            return kept if trouble is None else (500, {})
        if trouble is Trouble.PORTAL:
            return 200, b"<html>please log in</html>"
        return _STATUS.get(trouble, 200), {"error": trouble.value}

    def _say(self, status: int, content: object) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if self.of.retry_after is not None and status in {429, 503}:
            self.send_header("Retry-After", self.of.retry_after)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        if status == 204:
            self.end_headers()
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: a caller that was killed is what many tests are about."""


@contextmanager
def peer(of: Peer) -> Iterator[str]:
    """Serve on a free port of loopback; hand out the base address."""
    handler = type("_Handler", (_Handler,), {"of": of})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        of.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
