"""Processors that a hypervisor lends to somebody else, and when it has given them back.

A run that measured meanwhile is rightly invalid, and says nothing of what is tested: it is repeated
once the machine has its processors again. A probe that anything of ours kept from working is not
excused: then nothing was stolen.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from omega_probe.proc import cpu_load, cpu_times

_ROBBED_PPM = 2_500  # of two processors over two seconds: 10 ms, and six packets late in one go
_QUIET_PPM = 10_000  # a little is always taken
_QUIET_S = 3
_WAIT_S = 40  # a hypervisor that takes processors does so for some seconds


def were_taken(measured: dict[str, Any]) -> bool:
    """Say whether a measurement is invalid, and nothing but a stolen processor made it so."""
    return bool(measured["validity"]) and not own_faults(measured)


def own_faults(measured: dict[str, Any]) -> list[str]:
    """Return what made a measurement invalid, without what a stolen processor did."""
    stolen_ppm = max((each["steal_ppm"] for each in measured["environment"]["cpu"]), default=0)
    theirs = {"cpu_limited"} if stolen_ppm > _ROBBED_PPM else set()
    return [fault for fault in measured["validity"] if fault not in theirs]


def await_them() -> None:
    """Wait until hardly anything has been stolen for three seconds on end, or for long enough."""
    until_s, quiet_s = time.monotonic() + _WAIT_S, 0
    while quiet_s < _QUIET_S and time.monotonic() < until_s:
        before = cpu_times(Path("/"))
        time.sleep(1)
        load = cpu_load("waiting", before, cpu_times(Path("/")))
        quiet_s = quiet_s + 1 if load and load.steal_ppm < _QUIET_PPM else 0
