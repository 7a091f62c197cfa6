"""How often `omega` goes to its server: which connections are used again."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import uvicorn

from omega_agent import uplink
from omega_agent.errors import NoAnswerError
from omega_agent.server_url import parse_server_url
from omega_agent.uplink import Uplink
from omega_core.clock import SystemClock

PROOF = {"address": "127.0.0.1", "server_address": "127.0.0.1", "token": "t"}
GRANT = {"grant": "{}", "profile": None}


@dataclass
class Peer:
    """A server that proves every address and grants everything."""

    url: str = ""
    asked: list[tuple[str, int]] = field(default_factory=list)
    """The path of each request, and the number of the connection it came over."""
    closes: bool = False
    """Whether it closes each connection after an answer."""
    closed: threading.Event = field(default_factory=threading.Event)
    """Set once it has."""


@contextmanager
def peer() -> Iterator[Peer]:
    """Serve on loopback until the block ends."""
    found, connections = Peer(), dict[int, int]()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._note()
            self._answer(200, PROOF)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self._note()
            self._answer(201, GRANT)

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the library's
            pass

        def _note(self) -> None:
            port = self.client_address[1]
            found.asked.append((self.path, connections.setdefault(port, len(connections))))

        def _answer(self, status: int, message: object) -> None:
            content = json.dumps(message).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = found.closes

    class Server(http.server.ThreadingHTTPServer):
        def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
            super().shutdown_request(request)
            found.closed.set()

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def uplink_to(server: Peer) -> Uplink:
    return Uplink(parse_server_url(server.url), software="omega test", clock=SystemClock())


class TestConnections:
    def test_a_session_is_asked_for_where_the_proof_came(self) -> None:
        with peer() as server, uplink_to(server) as to_server:
            to_server.address_proof(4)
            to_server.request_session(b"{}")
        assert server.asked == [("/v1/address", 0), ("/v1/sessions", 0)]

    def test_a_connection_that_was_closed_meanwhile_is_opened_anew(self) -> None:
        with peer() as server, uplink_to(server) as to_server:
            server.closes = True
            to_server.address_proof(4)
            assert server.closed.wait(10)
            to_server.request_session(b"{}")
        assert server.asked == [("/v1/address", 0), ("/v1/sessions", 1)]

    def test_a_proof_that_failed_leaves_no_connection(self) -> None:
        with peer() as server, uplink_to(server) as to_server:
            with pytest.raises(NoAnswerError):
                to_server.address_proof(6)
            to_server.request_session(b"{}")
        assert server.asked == [("/v1/sessions", 0)]

    def test_an_idle_one_is_given_up_before_the_server_closes_it(self) -> None:
        async def nothing(*_: object) -> None:
            pass

        assert uvicorn.Config(nothing).timeout_keep_alive > uplink._IDLE_S
