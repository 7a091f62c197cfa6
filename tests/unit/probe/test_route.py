"""The kernel's answer to a question about a route, taken apart."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_probe.route import Route, parse_answer, request_bytes

LOOPBACK_INDEX = socket.if_nametoindex("lo")
NEW_ROUTE, ERROR = 24, 2


def attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)


def answer(*attributes: bytes, kind: int = NEW_ROUTE) -> bytes:
    body = bytes(12) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


OIF = attribute(4, struct.pack("=I", LOOPBACK_INDEX))
SOURCE = attribute(7, socket.inet_aton("192.0.2.2"))
GATEWAY = attribute(5, socket.inet_aton("192.0.2.1"))


def test_a_question_names_the_whole_address() -> None:
    asked = request_bytes("192.0.2.9", 4)
    length, kind, flags, _, _ = struct.unpack_from("=IHHII", asked)
    assert (length, kind, flags) == (len(asked), 26, 1)
    assert asked[16:18] == bytes([socket.AF_INET, 32])
    assert asked.endswith(socket.inet_aton("192.0.2.9"))
    assert request_bytes("2001:db8::1", 6)[16:18] == bytes([socket.AF_INET6, 128])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            answer(OIF, SOURCE, GATEWAY),
            Route(interface="lo", source="192.0.2.2", gateway="192.0.2.1"),
            id="through a gateway",
        ),
        pytest.param(
            answer(attribute(1, b"odd"), OIF),
            Route(interface="lo", source=None, gateway=None),
            id="on the link, after an attribute of odd length",
        ),
        pytest.param(answer(SOURCE), None, id="no interface"),
        pytest.param(
            answer(attribute(4, struct.pack("=I", 2**31 - 1))),
            None,
            id="an interface that has gone",
        ),
        pytest.param(answer(OIF, kind=ERROR), None, id="an error: no route"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_an_answer(data: bytes, expected: Route | None) -> None:
    assert parse_answer(data, 4) == expected


@given(st.binary(max_size=300))
def test_no_answer_breaks_the_reader(data: bytes) -> None:
    parse_answer(data, 6)
    parse_answer(answer(data), 4)
