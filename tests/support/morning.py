"""A morning for the campaigns of the tests: late in the evening a rule begins no day of runs.

The commands are processes of their own that go by the machine's clock, as they should. What can be
given to them is another database of time zones: one where it is nine o'clock at the rule's place.
"""

from __future__ import annotations

import os
import struct
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omega_core.clock import SystemClock
from omega_core.units import US_PER_S

_PLACE = Path("Europe/Berlin")
_DAY_S = 86_400
_NINE_S = 9 * 3_600


@contextmanager
def hour_in_berlin(folder: Path, second_of_day: int = _NINE_S) -> Iterator[None]:
    """Let the programs that are started meanwhile find this time of day in Berlin."""
    file = folder / _PLACE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_zone_file(second_of_day - SystemClock().unix_us() // US_PER_S % _DAY_S))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONTZPATH", os.pathsep.join([str(folder), *zoneinfo.TZPATH]))
        yield


def _zone_file(utc_offset_s: int) -> bytes:
    """Return a zone with one offset for ever (RFC 8536 section 3, version 1)."""
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)  # one kind of time, four octets of names
    return b"TZif" + bytes(16) + counts + struct.pack(">lBB", utc_offset_s, 0, 0) + b"LAB\0"
