"""A ticket system of its own process that keeps its notes on disk, to be killed at any moment.

    python -m support.kept_target PORT FILE

It speaks what Zammad documents, as far as connectors ask: articles are listed and added. A note is
on the disk before the answer goes out. It knows nothing again: who posts twice is shown twice.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

_LISTED = "/api/v1/ticket_articles/by_ticket/"


def notes_in(file: Path) -> list[tuple[str, str]]:
    """Return ticket and text of what was kept; a line that was cut off was never answered."""
    whole = file.read_text().split("\n")[:-1] if file.exists() else []
    return [(each["ticket"], each["text"]) for each in map(json.loads, whole)]


class _Target(ThreadingHTTPServer):
    def __init__(self, port: int, file: Path) -> None:
        super().__init__(("127.0.0.1", port), _Asked)
        self.file = file
        self.lock = Lock()
        kept = file.read_bytes() if file.exists() else b""
        file.write_bytes(kept[: kept.rfind(b"\n") + 1])

    def keep(self, ticket: str, text: str) -> None:
        with self.lock, self.file.open("a") as file:
            file.write(json.dumps({"ticket": ticket, "text": text}) + "\n")
            file.flush()
            os.fsync(file.fileno())


class _Asked(BaseHTTPRequestHandler):
    server: _Target

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        ticket = self.path.removeprefix(_LISTED)
        mine = [text for number, text in notes_in(self.server.file) if number == ticket]
        self._answer(200, [{"id": at, "body": text, "subject": ""} for at, text in enumerate(mine)])

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.keep(str(said["ticket_id"]), said["body"])
        self._answer(201, {"id": 1})

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    _Target(int(sys.argv[1]), Path(sys.argv[2])).serve_forever()
