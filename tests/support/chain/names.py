"""Name servers of a chain: one past the test point that knows names, and a forwarder in the box.

A server is a thread of the lab's owner with UDP sockets inside the namespace. It answers as its
`manner` says, which may change while it runs: None is well, REFUSES closes the sockets (so that the
kernel says "port unreachable"), FAILS answers SERVFAIL, SILENT takes questions and says nothing.
Only UDP is served: answers here fit.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, ip_address
from types import TracebackType
from typing import Final, Self, TypeAlias

from lab.host import Namespace
from support.chain.cases import Manner

Peer: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
PORT: Final = 53
_HEADER: Final = struct.Struct("!HHHHHH")
_RESPONSE: Final = 0x8180  # response, recursion desired and available
_SERVFAIL, _NXDOMAIN = 2, 3
_A, _AAAA = 1, 28
_TTL_S: Final = 60
_MESSAGE_OCTETS: Final = 1_232
_ASKED_MAX: Final = 256
_ROUND_S: Final = 20


def answer_to(question: bytes, names: Mapping[str, Sequence[str]], *, fails: bool) -> bytes | None:
    """Return the answer to a question in wire format; None for what is none.

    Names that are not known do not exist; the root does, and has no addresses.
    """
    read = _read_question(question)
    if read is None:
        return None
    name, record_type, end = read
    found = names.get(name)
    rcode = _SERVFAIL if fails else 0 if found is not None or not name else _NXDOMAIN
    records = [
        struct.pack("!HHHIH", 0xC00C, record_type, 1, _TTL_S, len(each.packed)) + each.packed
        for each in map(ip_address, found or ())
        if not fails and record_type == (_A if isinstance(each, IPv4Address) else _AAAA)
    ]
    number = int.from_bytes(question[:2])
    head = _HEADER.pack(number, _RESPONSE | rcode, 1, len(records), 0, 0)
    return head + question[_HEADER.size : end] + b"".join(records)


def _read_question(message: bytes) -> tuple[str, int, int] | None:
    """Return name, type, and where the question ends."""
    if len(message) < _HEADER.size or message[2] & 0x80:
        return None
    at, labels = _HEADER.size, []
    while at < len(message) and (length := message[at]):
        if length > 63 or at + length >= len(message):
            return None
        labels.append(message[at + 1 : at + 1 + length].decode("ascii", "replace").lower())
        at += 1 + length
    if at + 5 > len(message):
        return None
    return ".".join(labels), int.from_bytes(message[at + 1 : at + 3]), at + 5


class _Server:
    """The thread and sockets that both kinds have in common."""

    def __init__(self, node: Namespace, addresses: Sequence[str]) -> None:
        self._node = node
        self._addresses = addresses
        self._manner: Manner | None = None
        self._sockets: list[socket.socket] = []
        self._woken, self._wake = os.pipe()
        self._ending = False
        self._lock = threading.Lock()
        self._came_round = threading.Event()
        self._thread = threading.Thread(target=self._run, name="names", daemon=True)

    def __enter__(self) -> Self:
        self._open()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending = True
        os.write(self._wake, b"e")
        self._thread.join()
        self._close()
        os.close(self._woken)
        os.close(self._wake)

    def behave(self, manner: Manner | None) -> None:
        """Go on in this manner from when this returns; None is well.

        A socket that somebody waits on in `select` is not gone before the waiting is over, even
        if it is closed: so the thread has to have come round.
        """
        with self._lock:
            before, self._manner = self._manner, manner
            if manner is Manner.REFUSES:
                self._close()
            elif before is Manner.REFUSES:
                self._open()
            self._came_round.clear()
        os.write(self._wake, b"m")
        if not self._came_round.wait(_ROUND_S):
            raise TimeoutError("the name server's thread did not come round")

    def _open(self) -> None:
        with self._node.entered():
            for address in self._addresses:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                opened = socket.socket(family, socket.SOCK_DGRAM)
                opened.setblocking(False)  # noqa: FBT003 - socket's own signature
                opened.bind((address, PORT))
                self._sockets.append(opened)

    def _close(self) -> None:
        while self._sockets:
            self._sockets.pop().close()

    def _run(self) -> None:
        while not self._ending:
            with self._lock:
                waiting: list[int | socket.socket] = [*self._sockets, *self._others()]
            with suppress(OSError, ValueError):  # a socket was closed meanwhile: look again
                readable, _, _ = select.select([self._woken, *waiting], [], [])
                self._serve(readable)

    def _serve(self, readable: Sequence[int | socket.socket]) -> None:
        for each in readable:
            if isinstance(each, int):
                os.read(each, 64)
                self._came_round.set()
                continue
            with self._lock, suppress(OSError, ValueError):
                message, peer = each.recvfrom(_MESSAGE_OCTETS)
                self._take(each, message, peer)

    def _others(self) -> Sequence[socket.socket]:
        return ()

    def _take(self, where: socket.socket, message: bytes, peer: Peer) -> None:
        raise NotImplementedError


class NameServer(_Server):
    """A server that knows names itself."""

    def __init__(
        self, node: Namespace, addresses: Sequence[str], names: Mapping[str, Sequence[str]]
    ) -> None:
        super().__init__(node, addresses)
        self._names = names

    def _take(self, where: socket.socket, message: bytes, peer: Peer) -> None:
        if self._manner is Manner.SILENT:
            return
        answer = answer_to(message, self._names, fails=self._manner is Manner.FAILS)
        if answer is not None:
            where.sendto(answer, peer)


class NameForwarder(_Server):
    """A box's forwarder: questions go on to a server past it, answers come back as they are.

    What the server says is passed on, "server failure" too; where it says nothing, nothing is said.
    """

    def __init__(self, node: Namespace, addresses: Sequence[str], server: str) -> None:
        super().__init__(node, addresses)
        self._server = server
        self._asked: dict[int, tuple[int, socket.socket, Peer]] = {}
        self._next = 0

    def _open(self) -> None:
        super()._open()
        family = socket.AF_INET6 if ":" in self._server else socket.AF_INET
        with self._node.entered():
            self._upstream = socket.socket(family, socket.SOCK_DGRAM)
        self._upstream.setblocking(False)  # noqa: FBT003 - socket's own signature

    def _close(self) -> None:
        super()._close()
        self._upstream.close()

    def _others(self) -> Sequence[socket.socket]:
        return () if self._upstream.fileno() < 0 else (self._upstream,)

    def _take(self, where: socket.socket, message: bytes, peer: Peer) -> None:
        if where is self._upstream:
            self._pass_back(message)
        elif self._manner is Manner.FAILS:
            answer = answer_to(message, {}, fails=True)
            if answer is not None:
                where.sendto(answer, peer)
        elif self._manner is not Manner.SILENT and len(message) >= _HEADER.size:
            self._next = (self._next + 1) % _ASKED_MAX
            self._asked[self._next] = (int.from_bytes(message[:2]), where, peer)
            number = self._next.to_bytes(2)
            self._upstream.sendto(number + message[2:], (self._server, PORT))

    def _pass_back(self, message: bytes) -> None:
        asked = self._asked.pop(int.from_bytes(message[:2]), None)
        if asked is not None:
            number, where, peer = asked
            where.sendto(number.to_bytes(2) + message[2:], peer)
