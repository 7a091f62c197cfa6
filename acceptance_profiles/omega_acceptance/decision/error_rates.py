"""How the promised error rates are shared out, and what repeated attempts add to them.

A line passes only if every mandatory criterion passes, so a line that breaks one of them is passed
no more often than that criterion is passed falsely: alpha needs no correction. It fails if any of m
criteria fails, so each may fail falsely with a probability of beta / m.

A sheet's attempts are pooled, not chosen. Only a recorded change (a new cable, an antenna turned)
opens a new epoch, and after j of them a line that breaks its promise has had j chances.
"""

from __future__ import annotations

from omega_core.units import PPM


def false_fail_each_ppm(false_fail_max_ppm: int, mandatory: int) -> int:
    """Return how likely each of so many mandatory criteria may fail falsely; at least 1 ppm."""
    return max(false_fail_max_ppm // max(mandatory, 1), 1)


def false_pass_of_epochs_ppm(false_pass_max_ppm: int, epochs: int) -> int:
    """Return how likely a line that breaks its promise has passed in one of so many epochs."""
    return min(PPM, epochs * false_pass_max_ppm)
