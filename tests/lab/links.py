"""Named links: the access technologies Omega sells, and a few that make instruments stumble.

Buffers are what such equipment has: hundreds of milliseconds in front of a slow uplink, tens behind
fibre. Round trips are the constant part, without serialisation.
"""

from __future__ import annotations

from lab.spec import LinkSpec, access_link

_KBPS, _MBPS = 1_000, 1_000_000
_MS = 1_000

LINKS: dict[str, LinkSpec] = {
    "adsl": access_link(down_bps=20 * _MBPS, up_bps=1 * _MBPS, rtt_us=25 * _MS, buffer_ms=200),
    "wimax": access_link(down_bps=4 * _MBPS, up_bps=1 * _MBPS, rtt_us=80 * _MS, buffer_ms=300),
    "wimax-jitter": access_link(
        down_bps=4 * _MBPS, up_bps=1 * _MBPS, rtt_us=80 * _MS, jitter_us=20 * _MS, buffer_ms=300
    ),
    "wimax-radio": access_link(
        down_bps=4 * _MBPS,
        up_bps=1 * _MBPS,
        rtt_us=80 * _MS,
        jitter_us=30 * _MS,
        loss_ppm=5_000,
        buffer_ms=300,
    ),
    "lossy-0.5": access_link(
        down_bps=10 * _MBPS, up_bps=2 * _MBPS, rtt_us=60 * _MS, loss_ppm=5_000, buffer_ms=200
    ),
    "lossy-2": access_link(
        down_bps=10 * _MBPS, up_bps=2 * _MBPS, rtt_us=60 * _MS, loss_ppm=20_000, buffer_ms=200
    ),
    "vdsl": access_link(down_bps=100 * _MBPS, up_bps=30 * _MBPS, rtt_us=12 * _MS, buffer_ms=100),
    "ftth": access_link(down_bps=300 * _MBPS, up_bps=100 * _MBPS, rtt_us=4 * _MS, buffer_ms=50),
    "satellite": access_link(
        down_bps=50 * _MBPS, up_bps=10 * _MBPS, rtt_us=600 * _MS, buffer_ms=600
    ),
    "gigabit": access_link(down_bps=940 * _MBPS, up_bps=500 * _MBPS, rtt_us=4 * _MS, buffer_ms=30),
    "slow": access_link(down_bps=1 * _MBPS, up_bps=1 * _MBPS, rtt_us=40 * _MS, buffer_ms=400),
    "unlimited": access_link(down_bps=None, up_bps=None),
}


def named(name: str) -> LinkSpec:
    """Return a link of the table; KeyError lists the names there are."""
    try:
        return LINKS[name]
    except KeyError:
        raise KeyError(f"no link is called {name!r}; there are: {', '.join(LINKS)}") from None
