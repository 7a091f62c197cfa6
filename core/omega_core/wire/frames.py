"""Frames of the test point's control connection: four octets of length, then that much JSON.

    octet   0             4                                4 + length
            | length, BE  | one JSON object, UTF-8         |

A reader is fed whatever the socket gave and returns whole frames; it never holds more than one
frame and what followed it in the same read.
"""

from __future__ import annotations

from collections.abc import Iterator

from omega_core.limits import FRAME_BYTES_MAX

HEADER_OCTETS = 4


class FrameError(ValueError):
    """The other end does not speak this protocol; the connection is of no further use."""


def encode_frame(body: bytes) -> bytes:
    """Return the body with its length in front; raises FrameError when it is too large."""
    if not 0 < len(body) <= FRAME_BYTES_MAX:
        raise FrameError(f"a frame has 1 to {FRAME_BYTES_MAX} bytes, not {len(body)}")
    return len(body).to_bytes(HEADER_OCTETS, "big") + body


class FrameReader:
    """Collects octets into frames of at most `bytes_max`; strangers are given less room."""

    def __init__(self, bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._held = bytearray()
        self._bytes_max = bytes_max

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the frames that are complete now; raises FrameError for an impossible length."""
        self._held += data
        while (length := self._next_length()) is not None:
            end = HEADER_OCTETS + length
            if len(self._held) < end:
                return
            frame = bytes(self._held[HEADER_OCTETS:end])
            del self._held[:end]
            yield frame

    @property
    def octets_missing(self) -> int:
        """How many octets the frame under way still needs: what to read so as not to read past it.

        Data follows the last frame on a flow's connection, and must stay in the socket.
        """
        length = self._next_length()
        if length is None:
            return HEADER_OCTETS - len(self._held)
        return HEADER_OCTETS + length - len(self._held)

    def _next_length(self) -> int | None:
        if len(self._held) < HEADER_OCTETS:
            return None
        length = int.from_bytes(self._held[:HEADER_OCTETS], "big")
        if not 0 < length <= self._bytes_max:
            raise FrameError(f"a frame has 1 to {self._bytes_max} bytes, not {length}")
        return length
