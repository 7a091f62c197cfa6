from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from omega_core.units import NS_PER_S
from omega_core.wire.stamp import (
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
)

# What one NTP stamp can name: 20 January 1968 to 26 February 2104.
UNIX_NS = st.integers(-61_505_152 * NS_PER_S, 4_233_462_144 * NS_PER_S - 1)
U16, U32 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
NTP_ESTIMATE = U16.filter(lambda estimate: estimate & 0xFF and not estimate & 0x4000)
KEYS = st.none() | st.binary(max_size=64)
SENDERS = st.builds(SenderPacket, U32, UNIX_NS, U16, NTP_ESTIMATE)
REPLIES = st.builds(
    ReflectorPacket,
    sequence=U32,
    replied_unix_ns=UNIX_NS,
    ssid=U16,
    received_unix_ns=UNIX_NS,
    sender_sequence=U32,
    sender_sent_unix_ns=UNIX_NS,
    sender_error_estimate=NTP_ESTIMATE,
    ttl=st.integers(0, 255),
    error_estimate=NTP_ESTIMATE,
)


@given(SENDERS, KEYS, st.integers(112, 1_472).filter(lambda octets: octets > 115))
def test_sender_packets_come_back(packet: SenderPacket, key: bytes | None, octets: int) -> None:
    for data in (encode_sender(packet, key=key), encode_sender(packet, key=key, octets=octets)):
        assert decode_sender(data, key=key) == packet
        assert ssid_of(data, authenticated=key is not None) == packet.ssid


@given(REPLIES, KEYS, st.binary(max_size=100))
def test_replies_come_back(packet: ReflectorPacket, key: bytes | None, trailer: bytes) -> None:
    data = encode_reflector(packet, key=key, trailer=trailer)
    assert decode_reflector(data, key=key) == packet
    assert data.endswith(trailer)


@given(UNIX_NS)
def test_ntp_holds_every_nanosecond(unix_ns: int) -> None:
    assert from_stamp(to_ntp(unix_ns), 0x0001) == unix_ns


@given(st.integers(0, 2**32 * NS_PER_S - 1))
def test_ptp_holds_every_nanosecond(unix_ns: int) -> None:
    assert from_stamp(to_stamp(unix_ns, 0x4001), 0x4001) == unix_ns


@given(st.binary(max_size=200), KEYS)
def test_any_bytes_are_a_packet_or_not_stamp(data: bytes, key: bytes | None) -> None:
    for decode in (decode_sender, decode_reflector):
        with contextlib.suppress(NotStampError):
            decode(data, key=key)
    ssid_of(data, authenticated=key is not None)
