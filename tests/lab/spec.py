"""What a link is told to be: plain frozen values, checked when they are made.

A *direction* is seen from the customer: down is server to customer, up is customer to server. Rates
count at the IP layer: a frame weighs its length without the 14 octets of the Ethernet header.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from omega_core.units import BITS_PER_OCTET, PPM

RATE_BPS_MIN = 8_000  # an octet a millisecond; below that a full frame takes over a second
RATE_BPS_MAX = 100_000_000_000
DELAY_US_MAX = 10_000_000  # ten seconds one way: nothing on Earth or above it is worse
BUFFER_MS_MAX = 10_000
BUFFER_BYTES_MAX = 256 * 1024 * 1024  # held in the memory of the machine that runs the tests
LOSS_BURST_MAX = 10_000
MTU_BYTES_MIN = 1_280  # IPv6 refuses less (RFC 8200 section 5)
HOLE_BYTES_MIN = 576  # below that ARP, ND and names would vanish too: that is another fault
MTU_BYTES_MAX = 1_500  # what the receive ring has room for
BUFFER_MS_DEFAULT = 100


class LinkSpecError(ValueError):
    """A link was described that cannot be; the text names the field and its range."""


def _check(field: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise LinkSpecError(f"{field} is {lowest} to {highest}, not {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionSpec:
    """One direction of a link.

    `jitter_us` is the width J of a delay drawn uniformly from 0..J for each frame and added to
    `delay_us`. Order is kept unless `reorder`: a frame never overtakes one that left the
    bottleneck before it. `loss_ppm` is drawn before the bottleneck, so lost frames take no
    rate; `loss_burst` is the mean length of a run of lost frames, 1 meaning independent
    losses. The buffer is given in bytes, or else in milliseconds at the rate; it counts
    the frame that is being sent. `outages_ms` are [start, end) since the link came up.
    What is larger than `swallow_above_bytes` vanishes, and nobody says so: an MTU hole.
    """

    rate_bps: int | None = None
    delay_us: int = 0
    jitter_us: int = 0
    reorder: bool = False
    loss_ppm: int = 0
    loss_burst: int = 1
    seed: int = 1
    buffer_bytes: int | None = None
    buffer_ms: int = BUFFER_MS_DEFAULT
    outages_ms: tuple[tuple[int, int], ...] = ()
    swallow_above_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.rate_bps is not None:
            _check("rate_bps", self.rate_bps, RATE_BPS_MIN, RATE_BPS_MAX)
        if self.buffer_bytes is not None:
            _check("buffer_bytes", self.buffer_bytes, 1, BUFFER_BYTES_MAX)
        if self.swallow_above_bytes is not None:
            _check("swallow_above_bytes", self.swallow_above_bytes, HOLE_BYTES_MIN, MTU_BYTES_MAX)
        _check("delay_us", self.delay_us, 0, DELAY_US_MAX)
        _check("jitter_us", self.jitter_us, 0, DELAY_US_MAX)
        _check("loss_ppm", self.loss_ppm, 0, PPM)
        _check("loss_burst", self.loss_burst, 1, LOSS_BURST_MAX)
        _check("buffer_ms", self.buffer_ms, 1, BUFFER_MS_MAX)
        for start_ms, end_ms in self.outages_ms:
            if not 0 <= start_ms < end_ms:
                raise LinkSpecError(f"an outage is [start, end) in ms, not [{start_ms}, {end_ms})")

    def buffer_octets(self) -> int | None:
        """Return how many octets may wait or be in sending; None without a bottleneck."""
        if self.rate_bps is None:
            return None
        if self.buffer_bytes is not None:
            return self.buffer_bytes
        return self.rate_bps * self.buffer_ms // (BITS_PER_OCTET * 1_000)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Return the direction that `to_json` wrote down."""
        outages_ms = tuple((start, end) for start, end in fields["outages_ms"])
        return cls(**{**fields, "outages_ms": outages_ms})


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """Both directions of a link, and the MTU that the hosts at its ends use."""

    down: DirectionSpec = DirectionSpec()
    up: DirectionSpec = DirectionSpec()
    mtu_bytes: int = MTU_BYTES_MAX

    def __post_init__(self) -> None:
        _check("mtu_bytes", self.mtu_bytes, MTU_BYTES_MIN, MTU_BYTES_MAX)

    def rtt_us(self) -> int:
        """Return the constant part of the round trip, without serialisation and jitter."""
        return self.down.delay_us + self.up.delay_us


def access_link(
    *,
    down_bps: int | None,
    up_bps: int | None,
    rtt_us: int = 0,
    jitter_us: int = 0,
    loss_ppm: int = 0,
    buffer_ms: int = BUFFER_MS_DEFAULT,
    seed: int = 1,
) -> LinkSpec:
    """Return a link with half of the round trip, and the same impairments, each way.

    The two directions draw from different seeds, or they would lose the same packets.
    """

    def direction(rate_bps: int | None, delay_us: int, own_seed: int) -> DirectionSpec:
        return DirectionSpec(
            rate_bps=rate_bps,
            delay_us=delay_us,
            jitter_us=jitter_us,
            loss_ppm=loss_ppm,
            buffer_ms=buffer_ms,
            seed=own_seed,
        )

    half_us = rtt_us // 2
    return LinkSpec(
        down=direction(down_bps, half_us, 2 * seed),
        up=direction(up_bps, rtt_us - half_us, 2 * seed + 1),
    )
