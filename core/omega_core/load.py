"""What a sender of load is told, and what a receiver has counted.

The machine that decides is at the probe, whichever end sends; both ends only do and count.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRate:
    """What a sender is told. A command with a higher number replaces the one before."""

    number: int
    """From 1; each new command is one higher."""
    rate_bps: int
    """IP-layer bits per second; 0 is a pause."""
    train_packets: int
    """Over 0: send so many packets at that rate, then pause. 0: go on until told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTick:
    """What a receiver has counted since the run began; each count is cumulative.

    Lost so far = `highest` - `packets`. The rate at which a command's packets came out of the path
    is 8 x `command_octets` / (`at_us` - `command_first_us`).
    """

    tick: int
    """Number of the report, from 1."""
    at_us: int
    """Arrival of the last packet counted, since that of the first; kernel receive time."""
    octets: int
    """IP-layer octets received, first copies."""
    packets: int
    """First copies."""
    highest: int
    """Highest sequence number seen, plus 1."""
    reordered: int
    duplicates: int
    host_drops: int
    """Drops of this receiver's own socket (SO_RXQ_OVFL)."""
    command: int
    """Number of the command under which the last counted packet was sent."""
    command_first_us: int
    """Arrival of that command's first packet, on the clock of `at_us`."""
    command_octets: int
    """IP-layer octets of that command received after its first packet."""
    command_sent_us: int
    """Sender's clock: time between sending the command's first and last received packet."""
    delay_us: int
    """One-way delay of the last packet, less the smallest of the run so far."""
    delay_us_max: int
    """The largest such delay within this tick."""
