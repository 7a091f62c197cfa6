"""Frames of a WebSocket, read and written by the server of a test (RFC 6455 section 5).

    reader = FrameReader()
    for heard in reader.feed(octets): ...

Theory of operation. A test moves gigabits in binary messages whose content means nothing: their
octets are counted and never unmasked, copied or kept, so that reading costs what receiving costs.
Only text and control frames, small by their nature, are unmasked. A frame may arrive in any pieces.
What breaks the protocol raises FrameError with the code to close with (section 7.4.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

TEXT_OCTETS_MAX: Final = 65_536  # a measurement of an ndt7 client is below two thousand
BINARY_OCTETS_MAX: Final = 1 << 24  # the largest message that ndt7 allows
_CONTROL_OCTETS_MAX: Final = 125
_MASK_OCTETS: Final = 4
_SHORT, _LONG = 126, 127
_FIN, _RESERVED, _MASKED = 0x80, 0x70, 0x80


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class Close(IntEnum):
    """Why a connection is closed."""

    NORMAL = 1_000
    GOING_AWAY = 1_001
    PROTOCOL = 1_002
    NOT_TAKEN = 1_003
    TOO_BIG = 1_009


_NO_STATUS: Final = 1_005  # never on the wire: a close that says none


class FrameError(Exception):
    """What came is no frame of a client's: the code to close with, and why."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Moved:
    """So many octets of a binary message's payload."""

    octets: int


@dataclass(frozen=True, slots=True)
class Said:
    """A whole text message."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Pinged:
    """A ping, to be answered with a pong of the same content."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The client closes; `code` is what it says, 1005 where it says nothing."""

    code: int


Heard: TypeAlias = Moved | Said | Pinged | Closed


@dataclass(slots=True)
class _Frame:
    opcode: Opcode
    is_last: bool
    mask: bytes
    left: int
    kept: bytearray


class FrameReader:
    """Reads one connection's frames."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._frame: _Frame | None = None
        self._message: Opcode | None = None
        """What the message under way is of, whose frames are not all here yet."""
        self._text = bytearray()
        self._message_octets = 0

    def feed(self, data: bytes | memoryview) -> Iterator[Heard]:
        """Yield what these octets say; raises FrameError."""
        octets = memoryview(data)
        at = 0
        while at < len(octets) or (self._frame is not None and self._frame.left == 0):
            if self._frame is None:
                at = self._read_head(octets, at)
                continue
            taken = min(self._frame.left, len(octets) - at)
            yield from self._take(self._frame, octets[at : at + taken])
            at += taken

    def _read_head(self, octets: memoryview, at: int) -> int:
        """Take what belongs to a frame's head; return where it has ended, or the octets have."""
        wanted = _head_octets(self._head)
        while len(self._head) < wanted:
            taken = min(wanted - len(self._head), len(octets) - at)
            if taken == 0:
                return at
            self._head += octets[at : at + taken]
            at += taken
            wanted = _head_octets(self._head)
        self._frame = self._begun(bytes(self._head))
        self._head.clear()
        return at

    def _begun(self, head: bytes) -> _Frame:
        if head[0] & _RESERVED:
            raise FrameError(Close.PROTOCOL, "a reserved bit is set: no extension was agreed on")
        if not head[1] & _MASKED:
            raise FrameError(Close.PROTOCOL, "a client masks what it sends")
        try:
            opcode = Opcode(head[0] & 0x0F)
        except ValueError:
            raise FrameError(Close.PROTOCOL, "a frame of an unknown kind") from None
        length = _length(head)
        is_last = bool(head[0] & _FIN)
        self._check(opcode, length, is_last=is_last)
        return _Frame(opcode, is_last, head[-_MASK_OCTETS:], length, bytearray())

    def _check(self, opcode: Opcode, length: int, *, is_last: bool) -> None:
        if opcode >= Opcode.CLOSE:
            if not is_last or length > _CONTROL_OCTETS_MAX:
                raise FrameError(Close.PROTOCOL, "a control frame is whole, and small")
            return
        if (opcode is Opcode.CONTINUATION) != (self._message is not None):
            raise FrameError(Close.PROTOCOL, "a message begins when the last one has ended")
        kind = self._message if opcode is Opcode.CONTINUATION else opcode
        most = TEXT_OCTETS_MAX if kind is Opcode.TEXT else BINARY_OCTETS_MAX
        if self._message_octets + length > most:
            raise FrameError(Close.TOO_BIG, f"a message has at most {most} octets")

    def _take(self, frame: _Frame, octets: memoryview) -> Iterator[Heard]:
        """Take some of a frame's payload; yield what is known by it."""
        kind = self._message if frame.opcode is Opcode.CONTINUATION else frame.opcode
        frame.left -= len(octets)
        if kind is Opcode.BINARY:
            self._message_octets += len(octets)
            if len(octets):
                yield Moved(len(octets))
        else:
            frame.kept += octets
        if frame.left:
            return
        self._frame = None
        if frame.opcode >= Opcode.CLOSE:
            yield from _control(frame)
        else:
            yield from self._ended(frame, kind)

    def _ended(self, frame: _Frame, kind: Opcode | None) -> Iterator[Heard]:
        if kind is Opcode.TEXT:
            self._text += unmasked(frame.kept, frame.mask)
            self._message_octets = len(self._text)
        self._message = None if frame.is_last else kind
        if not frame.is_last:
            return
        self._message_octets = 0
        if kind is Opcode.TEXT:
            said, self._text = bytes(self._text), bytearray()
            yield Said(said)


def _control(frame: _Frame) -> Iterator[Heard]:
    content = unmasked(frame.kept, frame.mask)
    if frame.opcode is Opcode.PING:
        yield Pinged(content)
    elif frame.opcode is Opcode.CLOSE:
        if len(content) == 1:
            raise FrameError(Close.PROTOCOL, "a close says its code in two octets")
        yield Closed(int.from_bytes(content[:2], "big") if content else _NO_STATUS)


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """Return a whole message of the server's, which masks nothing."""
    return head_of(opcode, len(payload)) + payload


def head_of(opcode: Opcode, length: int) -> bytes:
    """Return the head of a whole message of this length."""
    first = _FIN | opcode
    if length < _SHORT:
        return bytes((first, length))
    if length < 1 << 16:
        return bytes((first, _SHORT)) + length.to_bytes(2, "big")
    return bytes((first, _LONG)) + length.to_bytes(8, "big")


def closing(code: Close, reason: str = "") -> bytes:
    """Return the frame that closes."""
    said = reason.encode("utf-8")[: _CONTROL_OCTETS_MAX - 2]
    return frame(Opcode.CLOSE, int(code).to_bytes(2, "big") + said)


def unmasked(octets: bytes | bytearray, mask: bytes) -> bytes:
    """Return what was masked; the same masks it again."""
    if not octets:
        return b""
    times = -(-len(octets) // _MASK_OCTETS)
    key = int.from_bytes((mask * times)[: len(octets)], "big")
    return (int.from_bytes(octets, "big") ^ key).to_bytes(len(octets), "big")


def _head_octets(head: bytearray) -> int:
    """Return how many octets the head has, as far as its beginning tells."""
    if len(head) < 2:
        return 2
    length = head[1] & ~_MASKED & 0xFF
    more = 2 if length == _SHORT else 8 if length == _LONG else 0
    return 2 + more + (_MASK_OCTETS if head[1] & _MASKED else 0)


def _length(head: bytes) -> int:
    length = head[1] & ~_MASKED & 0xFF
    if length == _SHORT:
        found, least = int.from_bytes(head[2:4], "big"), _SHORT
    elif length == _LONG:
        found, least = int.from_bytes(head[2:10], "big"), 1 << 16
    else:
        return length
    if found < least:
        raise FrameError(Close.PROTOCOL, "a length is written in the fewest octets")
    return found
