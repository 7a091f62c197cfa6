"""STAMP packets octet by octet: vectors made by scapy and openssl, and the clauses of the RFCs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omega_core.wire.stamp import (
    AUTHENTICATED_OCTETS,
    BASE_OCTETS,
    ERROR_ESTIMATE_UNSYNCHRONISED,
    NotStampError,
    ReflectorPacket,
    SenderPacket,
    decode_reflector,
    decode_sender,
    encode_reflector,
    encode_sender,
    from_stamp,
    ssid_of,
    to_ntp,
    to_stamp,
    trailer_of,
    with_reply_time,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "stamp"
CASES = sorted(VECTORS.glob("*/"))
KEY = b"k" * 32
PTP = 0x5601
T1 = 1_790_000_000_500_000_000
SENDER = SenderPacket(sequence=7, sent_unix_ns=T1, ssid=0xBEEF)
REPLY = ReflectorPacket(
    sequence=5,
    replied_unix_ns=T1 + 250_000_000,
    ssid=0xBEEF,
    received_unix_ns=T1 + 125_000_000,
    sender_sequence=7,
    sender_sent_unix_ns=T1,
    sender_error_estimate=ERROR_ESTIMATE_UNSYNCHRONISED,
    ttl=61,
)


def vector(case: Path) -> tuple[bytes, dict[str, Any]]:
    expected: dict[str, Any] = json.loads((case / "expected.json").read_bytes())
    return bytes.fromhex((case / "packet.hex").read_text("ascii")), expected


def key_of(expected: dict[str, Any]) -> bytes | None:
    key = expected.pop("key")
    return None if key is None else bytes.fromhex(key)


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.name.endswith("_fail")], ids=lambda case: case.name
)
def test_vector(case: Path) -> None:
    data, expected = vector(case)
    key, kind = key_of(expected), expected.pop("kind")
    octets, decode_only = expected.pop("octets", 44), expected.pop("decode_only", False)
    trailer = bytes.fromhex(expected.pop("trailer", ""))
    packet: SenderPacket | ReflectorPacket
    if kind == "sender":
        packet = SenderPacket(**expected)
        assert decode_sender(data, key=key) == packet
        written = encode_sender(packet, octets=octets, key=key)
    else:
        packet = ReflectorPacket(**expected)
        assert decode_reflector(data, key=key) == packet
        written = encode_reflector(packet, key=key, trailer=trailer)
    assert decode_only or written == data


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name.endswith("_fail")], ids=lambda case: case.name
)
def test_vector_is_refused(case: Path) -> None:
    data, expected = vector(case)
    decode = decode_sender if expected["kind"] == "sender" else decode_reflector
    with pytest.raises(NotStampError, match=expected["match"]):
        decode(data, key=key_of(expected))


@pytest.mark.parametrize(
    ("field", "value", "offset", "octets", "authenticated_offset"),
    [
        pytest.param("sequence", 0xA1A2A3A4, 0, 4, 0, id="sequence"),
        pytest.param("error_estimate", 0x8F17, 12, 2, 24, id="error estimate"),
        pytest.param("ssid", 0xA1A2, 14, 2, 26, id="SSID"),
        pytest.param("sender_sequence", 0xA1A2A3A4, 24, 4, 48, id="sender's sequence"),
        pytest.param("sender_error_estimate", 0x8F17, 36, 2, 72, id="sender's error estimate"),
        pytest.param("ttl", 0xA1, 40, 1, 80, id="TTL"),
    ],
)
def test_each_field_of_a_reply_has_its_place(
    field: str, value: int, offset: int, octets: int, authenticated_offset: int
) -> None:
    packet = replace(REPLY, **{field: value})
    plain = encode_reflector(packet)
    authenticated = encode_reflector(packet, key=KEY)
    assert int.from_bytes(plain[offset : offset + octets], "big") == value
    start = authenticated_offset
    assert int.from_bytes(authenticated[start : start + octets], "big") == value
    assert getattr(decode_reflector(plain), field) == value
    assert getattr(decode_reflector(authenticated, key=KEY), field) == value


def test_no_bit_of_an_authenticated_packet_is_free() -> None:
    whole = encode_reflector(REPLY, key=KEY)
    for bit in range(8 * AUTHENTICATED_OCTETS):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotStampError, match="HMAC"):
            decode_reflector(bytes(data), key=KEY)


def test_hmac_does_not_cover_what_follows_the_base_packet() -> None:
    padded = encode_sender(SENDER, octets=128, key=KEY)
    assert len(padded) == 128
    assert decode_sender(padded[:-1] + b"\1", key=KEY) == SENDER


@pytest.mark.parametrize(
    ("octets", "size"),
    [
        pytest.param(44, 44, id="the base packet"),
        pytest.param(48, 48, id="the header of the padding alone"),
        pytest.param(1_472, 1_472, id="a full Ethernet frame"),
    ],
)
def test_larger_packets_carry_one_extra_padding_tlv(octets: int, size: int) -> None:
    data = encode_sender(SENDER, octets=octets)
    assert len(data) == size
    assert data[:44] == encode_sender(SENDER)
    if octets > 44:
        assert data[44:48] == bytes([0x80, 1, *(octets - 48).to_bytes(2, "big")])
        assert not any(data[48:])


@pytest.mark.parametrize("octets", [43, 45, 47])
def test_sizes_that_no_packet_can_have(octets: int) -> None:
    with pytest.raises(ValueError, match="larger than its layout"):
        encode_sender(SENDER, octets=octets)


@pytest.mark.parametrize("octets", [0, 44, 45, 60, 1_472])
def test_reply_has_the_size_of_the_request_and_never_less_than_44(octets: int) -> None:
    assert len(encode_reflector(REPLY, octets=octets)) == max(octets, BASE_OCTETS)
    assert len(encode_reflector(REPLY, octets=octets, key=KEY)) == max(octets, 112)


def test_what_followed_the_request_follows_the_reply_as_it_came() -> None:
    for key in (None, KEY):
        request = encode_sender(SENDER, octets=130, key=key) + b"\x80\xfeodd"
        trailer = trailer_of(request, authenticated=key is not None)
        reply = encode_reflector(REPLY, octets=len(request), key=key, trailer=trailer)
        assert len(reply) == len(request)
        assert trailer_of(reply, authenticated=key is not None) == trailer
        assert decode_reflector(reply, key=key) == REPLY


@pytest.mark.parametrize("stamp", [0, 1, 2**64 - 1, 0xEE5BBA00_80000003, 0xEE5BBA00_FFFFFFFF])
@pytest.mark.parametrize("error_estimate", [0x1601, PTP], ids=["NTP", "PTP"])
def test_t1_comes_back_to_the_last_bit(stamp: int, error_estimate: int) -> None:
    request = bytearray(encode_sender(replace(SENDER, error_estimate=error_estimate)))
    request[4:12] = stamp.to_bytes(8, "big")
    asked = decode_sender(bytes(request))
    reply = encode_reflector(
        replace(REPLY, sender_error_estimate=asked.error_estimate, sender_stamp=asked.stamp)
    )
    assert reply[28:36] == request[4:12]
    assert reply[36:38] == request[12:14]


@pytest.mark.parametrize(
    ("unix_ns", "stamp"),
    [
        pytest.param(0, 2_208_988_800 << 32, id="1970"),
        pytest.param(-1_000_000_000, 2_208_988_799 << 32, id="before 1970"),
        pytest.param(500_000_000, 2_208_988_800 << 32 | 1 << 31, id="half a second"),
        pytest.param(-61_505_152_000_000_000, 1 << 63, id="1968, the first that is known"),
        pytest.param(1, 2_208_988_800 << 32 | 4, id="a nanosecond is 4.29 steps"),
        pytest.param(2, 2_208_988_800 << 32 | 9, id="two are 8.59, nearest to 9"),
        pytest.param(999_999_999, 2_208_988_800 << 32 | 4_294_967_292, id="the last nanosecond"),
        pytest.param(2_085_978_495_999_999_999, 2**64 - 4, id="the era's last nanosecond"),
        pytest.param(2_085_978_496_000_000_000, 0, id="the next era begins in 2036"),
        pytest.param(4_233_462_143_999_999_999, (1 << 63) - 4, id="2104, the last that is known"),
    ],
)
def test_ntp_stamps(unix_ns: int, stamp: int) -> None:
    assert to_ntp(unix_ns) == stamp
    assert from_stamp(stamp, ERROR_ESTIMATE_UNSYNCHRONISED) == unix_ns


def test_ptp_stamps_are_seconds_and_nanoseconds() -> None:
    assert to_stamp(T1, PTP) == 1_790_000_000 << 32 | 500_000_000
    assert from_stamp(to_stamp(T1, PTP), PTP) == T1


def test_our_error_estimate_is_unsynchronised_ntp_of_a_millisecond() -> None:
    synchronised, ptp = ERROR_ESTIMATE_UNSYNCHRONISED >> 15, ERROR_ESTIMATE_UNSYNCHRONISED >> 14 & 1
    scale, multiplier = (
        ERROR_ESTIMATE_UNSYNCHRONISED >> 8 & 0x3F,
        ERROR_ESTIMATE_UNSYNCHRONISED & 0xFF,
    )
    assert (synchronised, ptp) == (0, 0)
    assert multiplier * 2.0**-32 * 2.0**scale == pytest.approx(0.000977, abs=1e-6)


@pytest.mark.parametrize(
    ("data", "authenticated", "expected"),
    [
        pytest.param(encode_sender(SENDER), False, 0xBEEF, id="unauthenticated"),
        pytest.param(encode_sender(SENDER, key=KEY), True, 0xBEEF, id="authenticated"),
        pytest.param(encode_sender(SENDER)[:43], False, 0, id="a TWAMP sender has none"),
        pytest.param(encode_sender(SENDER, key=KEY)[:111], True, 0, id="too short to be one"),
        pytest.param(b"", False, 0, id="nothing"),
    ],
)
def test_ssid_is_found_before_anything_is_checked(
    data: bytes, *, authenticated: bool, expected: int
) -> None:
    assert ssid_of(data, authenticated=authenticated) == expected


@pytest.mark.parametrize("trailer", [b"", b"\x80\x01\x00\x04abcd"], ids=["bare", "with TLV"])
@pytest.mark.parametrize("key", [None, KEY], ids=["open", "authenticated"])
def test_a_reply_gets_its_time_last(key: bytes | None, trailer: bytes) -> None:
    packed = encode_reflector(replace(REPLY, replied_unix_ns=0), key=key, trailer=trailer)
    timed = with_reply_time(packed, REPLY.replied_unix_ns, key=key)
    assert timed == encode_reflector(REPLY, key=key, trailer=trailer)
