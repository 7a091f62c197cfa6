"""How a delay stream was made, in the words that stand beside every figure drawn from it."""

from __future__ import annotations

from omega_core.evidence import IdleStream
from omega_core.units import US_PER_MS


def stream_method(stream: IdleStream) -> str:
    """Return the method of a stream; its waiting time and Type-P belong to every delay."""
    mode = "authenticated" if stream.authenticated else "unauthenticated"
    error_us = stream.timestamp_uncertainty_us
    within = "" if error_us is None else f" within {error_us} us"
    return (
        f"STAMP RFC 8762 {mode}, UDP over IPv{stream.family}, {stream.ip_octets} IP octets, "
        f"period {stream.period_us} us, waiting time {stream.waiting_time_us // US_PER_MS} ms, "
        f"{stream.timestamps} timestamps{within}"
    )
