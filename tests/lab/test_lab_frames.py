"""Finding numbered packets: by layout, and never tripping over what is on the wire."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab.frames import Numbered, numbered

PORT = 862
MACS = bytes(12)


def udp(payload: bytes, *, source: int = 40_000, destination: int = PORT) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def ipv4(payload: bytes, *, protocol: int = 17, options: bytes = b"", fragment: int = 0) -> bytes:
    words = 5 + len(options) // 4
    total = 4 * words + len(payload)
    fixed = struct.pack("!BBHHHBBH8s", 0x40 | words, 0, total, 0, fragment, 64, protocol, 0, b"")
    return MACS + b"\x08\x00" + fixed + options + payload


def ipv6(payload: bytes, *, next_header: int = 17) -> bytes:
    fixed = struct.pack("!IHBB32s", 6 << 28, len(payload), next_header, 64, b"")
    return MACS + b"\x86\xdd" + fixed + payload


STAMP = (7).to_bytes(4, "big") + bytes(40)
SEVEN = Numbered(40_000, PORT, 7)


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        pytest.param(ipv4(udp(STAMP)), SEVEN, id="IPv4"),
        pytest.param(ipv4(udp(STAMP), options=bytes(8)), SEVEN, id="IPv4 with options"),
        pytest.param(ipv6(udp(STAMP)), SEVEN, id="IPv6"),
        pytest.param(
            ipv4(udp(STAMP, source=PORT, destination=5)),
            Numbered(PORT, 5, 7),
            id="from the port instead of to it",
        ),
        pytest.param(ipv4(udp(b"\0\0\0\x07")), SEVEN, id="nothing but a number"),
        pytest.param(ipv4(udp(b"\0\0\x07")), None, id="one octet short of a number"),
        pytest.param(ipv4(udp(b"\0\0\x07") + bytes(9)), None, id="short but padded"),
        pytest.param(ipv4(udp(STAMP, destination=863)), None, id="another port"),
        pytest.param(ipv4(udp(STAMP), protocol=6), None, id="TCP"),
        pytest.param(ipv6(udp(STAMP), next_header=6), None, id="TCP over IPv6"),
        pytest.param(ipv4(udp(STAMP), fragment=0x2000), SEVEN, id="the first fragment"),
        pytest.param(ipv4(udp(STAMP), fragment=0x2001), None, id="a later fragment"),
        pytest.param(MACS + b"\x08\x06" + bytes(28), None, id="ARP"),
    ],
)
def test_numbered_packets_are_found(frame: bytes, found: Numbered | None) -> None:
    assert numbered(frame, frozenset({PORT, 9})) == found


@given(frame=st.binary(max_size=100), port=st.integers(0, 65_535))
@example(frame=b"", port=0)
@example(frame=ipv4(b"")[:23], port=0)
@example(frame=ipv6(b"")[:20], port=0)
def test_nothing_on_the_wire_makes_it_raise(frame: bytes, port: int) -> None:
    numbered(frame, frozenset({port}))


@given(cut=st.integers(0, 100), whole=st.sampled_from([ipv4(udp(STAMP)), ipv6(udp(STAMP))]))
def test_a_frame_cut_short_is_found_only_with_its_number(cut: int, whole: bytes) -> None:
    number_ends = len(whole) - len(STAMP) + 4
    found = numbered(whole[:cut], frozenset({PORT}))
    assert found == (SEVEN if cut >= number_ends else None)
