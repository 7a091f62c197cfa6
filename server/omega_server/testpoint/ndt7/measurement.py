"""What both ends of an ndt7 test tell each other while it runs: JSON in text messages.

The names and units are those of the ndt7 protocol; clients of others depend on them. Times are
microseconds since the test began.
"""

from __future__ import annotations

import json
from typing import Any, Final

from omega_core.sockets.tcp_info import TcpInfo

EVERY_US: Final = 250_000  # ndt7 asks for no more than one each 250 ms


def measurement(
    *,
    test: str,
    elapsed_us: int,
    octets: int,
    info: TcpInfo,
    server: str,
    client: str,
    test_id: str,
) -> bytes:
    """Return what the server tells: its application's count, and its kernel's view."""
    content: dict[str, Any] = {
        "Origin": "server",
        "Test": test,
        "AppInfo": {"ElapsedTime": elapsed_us, "NumBytes": octets},
        "ConnectionInfo": {"Client": client, "Server": server, "UUID": test_id},
        "TCPInfo": {
            "ElapsedTime": elapsed_us,
            "BytesAcked": info.bytes_acked,
            "BytesReceived": info.bytes_received,
            "BytesSent": info.bytes_sent,
            "BytesRetrans": info.bytes_retrans,
            "BusyTime": info.busy_us,
            "RWndLimited": info.rwnd_limited_us,
            "SndBufLimited": info.sndbuf_limited_us,
            "MinRTT": info.min_rtt_us,
            "RTT": info.rtt_us,
        },
    }
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def observed(envelope: bytes) -> bytes:
    """Return the last message of a run: the test point's sealed word on it."""
    return json.dumps({"OmegaObservation": envelope.decode("ascii")}).encode("ascii")
