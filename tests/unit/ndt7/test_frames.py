"""Frames of a WebSocket: however they arrive, they say the same; what is none is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_server.testpoint.ndt7.frames import (
    BINARY_OCTETS_MAX,
    TEXT_OCTETS_MAX,
    Close,
    Closed,
    FrameError,
    FrameReader,
    Heard,
    Moved,
    Opcode,
    Pinged,
    Said,
    closing,
    frame,
    head_of,
    unmasked,
)

MASK = b"\x12\x34\x56\x78"


def masked(opcode: int, payload: bytes, *, is_last: bool = True) -> bytes:
    """Return a frame as a client sends it."""
    head = bytearray(head_of(Opcode(opcode), len(payload)))
    head[0] = (head[0] & 0x7F) | (0x80 if is_last else 0)
    head[1] |= 0x80
    return bytes(head) + MASK + unmasked(payload, MASK)


def heard(*pieces: bytes) -> list[Heard]:
    """Return what pieces say, counts of one message together."""
    reader, found = FrameReader(), list[Heard]()
    for piece in pieces:
        for each in reader.feed(piece):
            last = found[-1] if found else None
            if isinstance(each, Moved) and isinstance(last, Moved):
                found[-1] = Moved(last.octets + each.octets)
            else:
                found.append(each)
    return found


MESSAGES = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=70_000).map(lambda b: (masked(2, b), [Moved(len(b))])),
        st.binary(max_size=300).map(lambda b: (masked(1, b), [Said(b)])),
        st.binary(max_size=125).map(lambda b: (masked(9, b), [Pinged(b)])),
        st.binary(max_size=125).map(lambda b: (masked(10, b), [])),
    ),
    max_size=6,
)


@given(MESSAGES, st.lists(st.integers(0, 200_000), max_size=12))
def test_however_it_is_cut_it_says_the_same(
    messages: list[tuple[bytes, list[Heard]]], cuts: list[int]
) -> None:
    stream = b"".join(octets for octets, _ in messages)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in zip(places, places[1:], strict=False)]
    assert heard(*pieces) == heard(stream)
    moved = sum(each.octets for each in heard(stream) if isinstance(each, Moved))
    wanted = [each for _, said in messages for each in said]
    assert moved == sum(each.octets for each in wanted if isinstance(each, Moved))
    others = [each for each in heard(stream) if not isinstance(each, Moved)]
    assert others == [each for each in wanted if not isinstance(each, Moved)]


def test_octet_by_octet() -> None:
    stream = masked(1, b"hello") + masked(2, b"x" * 200) + masked(8, b"\x03\xe8bye")
    single = [stream[place : place + 1] for place in range(len(stream))]
    assert heard(*single) == [Said(b"hello"), Moved(200), Closed(1_000)]


def test_a_message_in_parts_with_a_ping_between() -> None:
    parts = (
        masked(1, b"he", is_last=False),
        masked(9, b"?"),
        masked(0, b"ll", is_last=False),
        masked(0, b"o"),
        masked(2, b"12", is_last=False),
        masked(0, b"345"),
    )
    assert heard(*parts) == [Pinged(b"?"), Said(b"hello"), Moved(5)]


def test_a_close_may_say_nothing() -> None:
    assert heard(masked(8, b"")) == [Closed(1_005)]


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        pytest.param(b"\x82\x05hello", Close.PROTOCOL, id="not masked"),
        pytest.param(b"\xc2\x80" + MASK, Close.PROTOCOL, id="a reserved bit"),
        pytest.param(b"\x83\x80" + MASK, Close.PROTOCOL, id="an unknown kind"),
        pytest.param(masked(9, b"x", is_last=False), Close.PROTOCOL, id="a ping in parts"),
        pytest.param(masked(9, b"x" * 126), Close.PROTOCOL, id="a large ping"),
        pytest.param(masked(8, b"x"), Close.PROTOCOL, id="half a code"),
        pytest.param(masked(0, b"x"), Close.PROTOCOL, id="a part of nothing"),
        pytest.param(
            masked(1, b"a", is_last=False) + masked(2, b"b"), Close.PROTOCOL, id="two at once"
        ),
        pytest.param(b"\x82\xfe\x00\x05" + MASK, Close.PROTOCOL, id="a length written too long"),
        pytest.param(
            b"\x82\xff" + (255).to_bytes(8, "big") + MASK, Close.PROTOCOL, id="and longer still"
        ),
        pytest.param(
            b"\x82\xff" + (BINARY_OCTETS_MAX + 1).to_bytes(8, "big") + MASK,
            Close.TOO_BIG,
            id="a message that is too big",
        ),
        pytest.param(
            masked(1, b"x" * TEXT_OCTETS_MAX, is_last=False) + masked(0, b"x"),
            Close.TOO_BIG,
            id="a text that grows too big",
        ),
    ],
)
def test_what_breaks_the_protocol_is_named(octets: bytes, code: Close) -> None:
    with pytest.raises(FrameError) as broken:
        heard(octets)
    assert broken.value.code is code


@given(st.binary(max_size=400))
def test_garbage_says_something_or_is_named(octets: bytes) -> None:
    try:
        heard(octets)
    except FrameError as error:
        assert error.code in set(Close)


@given(st.binary(max_size=100_000))
def test_masking_twice_is_nothing(octets: bytes) -> None:
    assert unmasked(unmasked(octets, MASK), MASK) == octets


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_a_length_is_written_in_the_fewest_octets(length: int) -> None:
    sent = frame(Opcode.BINARY, b"x" * length)
    assert len(sent) - length == (2 if length < 126 else 4 if length < 65_536 else 10)


def test_a_close_of_ours_is_small() -> None:
    assert closing(Close.NORMAL) == b"\x88\x02\x03\xe8"
    assert len(closing(Close.TOO_BIG, "x" * 500)) == 2 + 125
