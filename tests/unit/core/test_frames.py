"""Frames, fed whole and in pieces: what comes out does not depend on how the octets arrived."""

from __future__ import annotations

import pytest

from omega_core.limits import FRAME_BYTES_MAX
from omega_core.wire.frames import HEADER_OCTETS, FrameError, FrameReader, encode_frame

BODIES = [b"{}", b'{"a":1}', b"x" * 300]
STREAM = b"".join(map(encode_frame, BODIES))


def read_in_pieces(stream: bytes, size: int) -> list[bytes]:
    reader = FrameReader()
    return [
        frame
        for start in range(0, len(stream), size)
        for frame in reader.feed(stream[start : start + size])
    ]


def test_a_frame_is_its_length_and_its_body() -> None:
    assert encode_frame(b"{}") == b"\0\0\0\2{}"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, len(STREAM)])
def test_the_same_frames_come_out_however_they_come_in(size: int) -> None:
    assert read_in_pieces(STREAM, size) == BODIES


@pytest.mark.parametrize("size", [1, FRAME_BYTES_MAX])
def test_smallest_and_largest_frame(size: int) -> None:
    assert read_in_pieces(encode_frame(b"x" * size), 1 << 20) == [b"x" * size]


@pytest.mark.parametrize("size", [0, FRAME_BYTES_MAX + 1])
def test_sizes_that_are_not_sent(size: int) -> None:
    with pytest.raises(FrameError, match=f"not {size}"):
        encode_frame(b"x" * size)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"\0\0\0\0", id="no body"),
        pytest.param((FRAME_BYTES_MAX + 1).to_bytes(4, "big"), id="one octet too many"),
        pytest.param(b"\xff\xff\xff\xff", id="four gigabytes"),
        pytest.param(b"GET ", id="somebody speaks HTTP"),
        pytest.param(b"\x16\x03\x01\x02", id="somebody speaks TLS"),
    ],
)
def test_impossible_lengths_are_noticed_with_the_fourth_octet(header: bytes) -> None:
    reader = FrameReader()
    assert list(reader.feed(header[:3])) == []
    with pytest.raises(FrameError):
        list(reader.feed(header[3:]))
    with pytest.raises(FrameError):  # and for good: the connection is of no further use
        list(reader.feed(b""))


@pytest.mark.parametrize("size", [100, 101])
def test_strangers_are_given_less_room(size: int) -> None:
    reader = FrameReader(100)
    if size <= 100:
        assert list(reader.feed(encode_frame(b"x" * size))) == [b"x" * size]
    else:
        with pytest.raises(FrameError, match="1 to 100 bytes, not 101"):
            list(reader.feed(encode_frame(b"x" * size)))


def test_frames_before_a_broken_one_are_still_given() -> None:
    frames = FrameReader().feed(encode_frame(b"good") + b"\xff" * 4)
    assert next(frames) == b"good"
    with pytest.raises(FrameError):
        next(frames)


def test_a_reader_can_ask_for_just_what_is_missing() -> None:
    # So does a flow's connection: what follows its last frame must stay in the socket.
    reader, position, asked = FrameReader(), 0, list[int]()
    frames: list[bytes] = []
    while position < len(STREAM):
        asked.append(reader.octets_missing)
        piece = STREAM[position : position + asked[-1]]
        position += len(piece)
        frames += reader.feed(piece)
    assert frames == BODIES
    assert asked == [part for body in BODIES for part in (HEADER_OCTETS, len(body))]


def test_what_is_missing_of_a_broken_length_is_an_error_too() -> None:
    reader = FrameReader()
    with pytest.raises(FrameError):
        list(reader.feed(b"\xff" * 4))
    with pytest.raises(FrameError):
        _ = reader.octets_missing


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        pytest.param(0, 4, id="the whole length"),
        pytest.param(3, 1, id="the last octet of the length"),
        pytest.param(4, 2, id="the whole body"),
        pytest.param(5, 1, id="the last octet of the body"),
    ],
)
def test_octets_missing(held: int, missing: int) -> None:
    reader = FrameReader()
    assert list(reader.feed(encode_frame(b"{}")[:held])) == []
    assert reader.octets_missing == missing
