from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from omega_core.wire.frames import FrameError, FrameReader, encode_frame

BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


def fed(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """Return the frames that came out, and whether the stream broke."""
    reader, frames = FrameReader(), list[bytes]()
    try:
        for piece in pieces:
            for frame in reader.feed(piece):
                frames.append(frame)
    except FrameError:
        return frames, True
    return frames, False


@given(BODIES, st.lists(st.integers(1, 30), min_size=1))
def test_frames_do_not_depend_on_the_pieces(bodies: list[bytes], sizes: list[int]) -> None:
    stream, pieces = b"".join(map(encode_frame, bodies)), list[bytes]()
    while stream:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(stream[:size])
        stream = stream[size:]
    assert fed(pieces) == (bodies, False)


@given(st.binary(max_size=200))
def test_any_octets_come_out_alike_whole_and_one_by_one(stream: bytes) -> None:
    assert fed([stream]) == fed([stream[at : at + 1] for at in range(len(stream))])


@given(st.binary(max_size=30))
def test_what_is_missing_is_never_more_than_one_frame_needs(stream: bytes) -> None:
    reader = FrameReader()
    with contextlib.suppress(FrameError):
        list(reader.feed(stream))
        assert reader.octets_missing >= 1
