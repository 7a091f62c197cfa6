"""A Collector in memory, behind httpx's own in-memory transport: a real peer in a few lines.

peer = CollectorPeer()
peer.will(answer(503, "busy"), silence)     the next two requests meet these, later ones a Collector
with peer.connect(waiting(seq=1)) as uplink: ...
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import httpx

from omega_agent.server_url import parse_server_url
from omega_agent.uplink import Uplink
from omega_agent.waiting_record import WaitingRecord
from omega_core.canonical import digest_hex
from omega_core.clock import Clock
from omega_core.control import ConsistencyProof, LogPosition, Refusal, ServerInfo
from omega_core.envelope import PayloadType, parse_envelope
from omega_core.keys import SigningKey
from omega_core.log.hashing import EntryKind, entry_hash
from omega_core.log.note import to_base64
from omega_core.log.tree import consistency_path
from omega_core.models import model_bytes
from omega_core.record import Chain
from support.builders import (
    AGENT_KEY,
    SERVER_KEY,
    TEST_POINT_KEY,
    grant,
    key_statement,
    observation,
    receipt,
    record,
    sealed,
)
from support.clock import HandClock
from support.log_trees import LOG_ORIGIN, MemoryLog

URL = "http://127.0.0.1:8600"
Meeting: TypeAlias = Callable[[httpx.Request], httpx.Response]


class CollectorPeer:
    """Takes observations and records, and gives receipts signed with the server's key."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.records: list[bytes] = []
        """Every record posted, also one that was known."""
        self.observations: list[bytes] = []
        self.requests: list[httpx.Request] = []
        self.clock = clock or HandClock()
        self.server_key = SERVER_KEY
        self.rotations: tuple[str, ...] = ()
        self.receipt_key: SigningKey | None = None
        """Which key signed its receipts, if not the one it has now."""
        self.log_key: SigningKey | None = None
        """Which key signed its log, if not the one it has now."""
        self.log: MemoryLog | None = None
        """A transparency log, if the server is to have one."""
        self._places: dict[str, int] = {}
        self._meetings: list[Meeting] = []

    def will(self, *meetings: Meeting) -> None:
        """Let the next requests meet something else."""
        self._meetings += meetings

    def connect(self, _item: WaitingRecord | None = None) -> Uplink:
        """Return the way here."""
        return Uplink(
            parse_server_url(URL),
            software="omega test",
            clock=self.clock,
            transport=httpx.MockTransport(self._answer),
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._meetings:
            return self._meetings.pop(0)(request)
        return self.as_collector(request)

    def as_collector(self, request: httpx.Request) -> httpx.Response:
        """Answer as a Collector does."""
        if request.url.path == "/v1/observations":
            self.observations.append(request.content)
            return httpx.Response(201, json={"digest": digest_hex(request.content)})
        if request.url.path == "/v1/records":
            is_new = request.content not in self.records
            self.records.append(request.content)
            message = receipt(request.content, log=self._logged(request.content))
            body = sealed(message, PayloadType.RECEIPT, self.receipt_key or self.server_key)
            return httpx.Response(201 if is_new else 200, content=body)
        if request.url.path == "/v1/server":
            info = ServerInfo(
                software="test",
                server_key=self.server_key.public.text,
                key_rotations=self.rotations,
                now_unix_us=0,
            )
            return httpx.Response(200, content=model_bytes(info))
        return self._from_log(request)

    def _logged(self, envelope: bytes) -> LogPosition | None:
        if self.log is None:
            return None
        index = self.log.frontier.size
        self.log.append(entry_hash(EntryKind.RECORD, digest_hex(envelope)))
        self._places[parse_envelope(envelope).payload_digest] = index
        return LogPosition(origin=LOG_ORIGIN, index=index, tree_size=index + 1)

    def _from_log(self, request: httpx.Request) -> httpx.Response:
        match self.log, request.url.path.split("/")[1:]:
            case MemoryLog(), ["v1", "log", "proofs", digest]:
                key = self.log_key or self.server_key
                proof = self.log.proof(self._places[digest], key=key)
                return httpx.Response(200, text=proof.to_text())
            case MemoryLog(), ["v1", "log", "consistency", old, new]:
                sizes = (int(old), int(new))
                if sizes[1] > self.log.frontier.size:
                    return answer(404, "log_size_unknown")(request)
                hashes = map(to_base64, consistency_path(self.log, *sizes))
                made = ConsistencyProof(old_size=sizes[0], new_size=sizes[1], hashes=tuple(hashes))
                return httpx.Response(200, content=model_bytes(made))
            case _:
                pass
        return answer(404, "not_found")(request)


def answer(status: int, code: str, *, retry_after_s: int | None = None) -> Meeting:
    """Return a refusal as the server writes it."""
    refusal = Refusal(
        title="No",
        status=status,
        detail=f"because of {code}",
        code=code,
        who_acts="operator: see to it",
        retry_after_s=retry_after_s,
    )
    return lambda _: httpx.Response(
        status,
        content=model_bytes(refusal),
        headers={"content-type": "application/problem+json"},
    )


def portal(_request: httpx.Request) -> httpx.Response:
    """Answer as a captive portal does."""
    return httpx.Response(302, headers={"location": "http://portal.example/login"})


def page(_request: httpx.Request) -> httpx.Response:
    """Answer with a page that is no answer of ours."""
    return httpx.Response(200, text="<html>welcome</html>")


def plain(content: object, status: int = 200) -> Meeting:
    """Return an answer with this JSON."""
    return lambda _: httpx.Response(status, content=json.dumps(content).encode())


def body(content: bytes, status: int = 200) -> Meeting:
    """Return an answer with these bytes."""
    return lambda _: httpx.Response(status, content=content)


def silence(request: httpx.Request) -> httpx.Response:
    """Never answer."""
    raise httpx.ConnectTimeout("timed out", request=request)


@cache
def waiting(seq: int = 1, *, server_url: str = URL, observed: bool = True) -> WaitingRecord:
    """Return a record of the outbox, a different one for each place in the chain."""
    message = record(chain=Chain(seq=seq, prev=None))
    envelope = sealed(message, PayloadType.RECORD, AGENT_KEY)
    seen = sealed(observation(), PayloadType.OBSERVATION, TEST_POINT_KEY)
    return WaitingRecord.model_validate(
        {
            "digest": digest_hex(model_bytes(message)),
            "server_url": server_url,
            "insecure": False,
            "server_key": SERVER_KEY.public.text,
            "bundle": {
                "record": envelope.decode(),
                "grant": sealed(grant(), PayloadType.GRANT, SERVER_KEY).decode(),
                "observation": seen.decode() if observed else None,
                "receipt": None,
                "keys": (sealed(key_statement(), PayloadType.KEY, SERVER_KEY).decode(),),
                "profile": None,
            },
        }
    )
