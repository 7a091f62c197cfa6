"""Questions to name servers and their answers, good, cut off and hostile."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_probe.dns_wire import NameAnswer, NotAnAnswerError, parse_answer, question_bytes

QUESTION = question_bytes(0x1234, "controller.example", "A")
NAME = b"\x0acontroller\x07example\x00"


def answer(
    *records: bytes, number: int = 0x1234, flags: int = 0x8180, question: bytes = QUESTION[12:]
) -> bytes:
    head = struct.pack("!HHHHHH", number, flags, 1 if question else 0, len(records), 0, 0)
    return head + question + b"".join(records)


def record(kind: int, data: bytes, name: bytes = b"\xc0\x0c") -> bytes:
    return name + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


V4 = record(1, bytes([203, 0, 113, 7]))
V6 = record(28, bytes.fromhex("20010db8000000000000000000000007"))
ALIAS = record(5, b"\x04else\xc0\x17")


def test_a_question_is_as_the_standard_writes_it() -> None:
    head = struct.pack("!HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0)
    assert question_bytes(0x1234, "controller.example", "A") == head + NAME + b"\0\1\0\1"
    assert question_bytes(1, ".", "AAAA")[12:] == b"\0\0\x1c\0\1"
    assert question_bytes(1, "bücher.example.", "A")[12:].startswith(b"\x0dxn--bcher-kva")


@pytest.mark.parametrize(
    "name",
    ["", "a..b", "a" * 64 + ".example", ".".join(["a" * 60] * 5), ".example"],
    ids=["empty", "an empty label", "a label of 64", "a name of 305", "a leading dot"],
)
def test_names_that_dns_cannot_carry_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"label|name|empty|long"):
        question_bytes(1, name, "A")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(answer(V4), NameAnswer(0, 1, ("203.0.113.7",)), id="one address"),
        pytest.param(answer(V6), NameAnswer(0, 1, ("2001:db8::7",)), id="one of IPv6"),
        pytest.param(answer(ALIAS, V4), NameAnswer(0, 2, ("203.0.113.7",)), id="behind an alias"),
        pytest.param(
            answer(record(1, bytes([10, 0, 0, 1]), NAME)),
            NameAnswer(0, 1, ("10.0.0.1",)),
            id="a name in full",
        ),
        pytest.param(answer(flags=0x8183), NameAnswer(3, 0, ()), id="no such name"),
        pytest.param(answer(flags=0x8182), NameAnswer(2, 0, ()), id="the server failed"),
        pytest.param(
            answer(flags=0x8185, question=b""), NameAnswer(5, 0, ()), id="refused, no question"
        ),
        pytest.param(
            answer(V4, question=QUESTION[12:].upper()),
            NameAnswer(0, 1, ("203.0.113.7",)),
            id="in capitals",
        ),
        pytest.param(answer(V4, V4)[:-3], NameAnswer(0, 2, ("203.0.113.7",)), id="cut off"),
        pytest.param(answer(b"\x3f"), NameAnswer(0, 1, ()), id="a name that does not end"),
        pytest.param(answer(record(1, bytes(3))), NameAnswer(0, 1, ()), id="three octets of IPv4"),
        pytest.param(
            answer(*[V4] * 6), NameAnswer(0, 6, ("203.0.113.7",) * 4), id="more than are kept"
        ),
    ],
)
def test_answers(data: bytes, expected: NameAnswer) -> None:
    assert parse_answer(data, QUESTION) == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(answer(V4)[:11], id="less than a header"),
        pytest.param(answer(V4, number=0x1235), id="another number"),
        pytest.param(answer(V4, flags=0x0100), id="a question"),
        pytest.param(answer(V4, question=b""), id="a good answer without the question"),
        pytest.param(
            answer(V4, question=question_bytes(1, "portal.example", "A")[12:]),
            id="another question",
        ),
        pytest.param(answer(V4) + bytes(1_300), id="larger than we said we take"),
    ],
)
def test_what_is_no_answer_to_the_question(data: bytes) -> None:
    with pytest.raises(NotAnAnswerError):
        parse_answer(data, QUESTION)


@given(st.binary(max_size=300))
def test_hostile_octets_end_in_an_answer_or_a_refusal(tail: bytes) -> None:
    for data in (tail, answer(tail), answer() + tail):
        try:
            found = parse_answer(data, QUESTION)
        except NotAnAnswerError:
            continue
        assert len(found.addresses) <= 4
