"""The watch's journal: what was seen in the window under way, through any power cut.

    <CRC-32 of the rest, 8 hex digits> {"window": {...}}        the window began: the first line
    <CRC-32>                           {"over": [...], "standing": {...}, "at": {...}}
    <CRC-32>                           {"closing": {...}}       it ended then, for this reason

Theory of operation. Every line is one append and one fdatasync, and whole or worthless: what a cut
left of the last one is removed when the journal is opened. Lines are written when something begins
or is over, and each `WATCH_CHECKPOINT_US`: 288 a day on a good line, each a flash page or two. Time
from the last line to a cut is not observed, so a cut costs five minutes of watching and never a
false word. `closing` is written before the record is sealed: after a cut the same record is sealed
again, octet by octet, and the outbox knows it. Then the file is replaced as a whole.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from omega_core.availability import Gap, SeenOutage
from omega_core.availability_record import WhyClosed
from omega_core.errors import storage_error
from omega_core.files import write_durably
from omega_probe.availability_tracker import Standing

_MODE = 0o600
_CRC_CHARS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a line was written: on the watch's time line, and on the kernel's clock of that boot."""

    boot_id: str
    at_us: int
    boottime_ns: int
    clock_step_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which window of the watch it is; `prev` is the digest of the record before."""

    seq: int
    prev: str | None
    test_point: str
    started_us: int
    standing: Standing
    at: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Where the window ended, and why; `software` is what its record names, whenever sealed."""

    ended_us: int
    closed: WhyClosed
    clock_step_us: int
    software: str


@dataclass(slots=True, kw_only=True)
class Kept:
    """What a journal says."""

    window: Window
    standing: Standing
    at: Moment
    over: list[SeenOutage | Gap] = field(default_factory=list)
    closing: Closing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    window: Window | None = None
    over: tuple[SeenOutage | Gap, ...] = ()
    standing: Standing | None = None
    at: Moment | None = None
    closing: Closing | None = None


_LINE = TypeAdapter(_Line)


class AvailabilityJournal:
    """The file. Everything raises StorageError when the disk does not take it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Kept | None:
        """Return what is kept, without what a cut has torn; None where nothing is."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(self._path, error) from error
        kept, octets = replayed(data)
        if octets < len(data):
            self._cut(octets)
        return kept

    def begin(self, window: Window) -> None:
        """Forget the window before and begin this one, in one step."""
        write_durably(self._path, _line(window=asdict(window)), mode=_MODE)

    def add(self, over: Sequence[SeenOutage | Gap], standing: Standing, moment: Moment) -> None:
        """Keep what is over, and where the watch stands."""
        self._append(
            _line(
                over=[asdict(each) for each in over], standing=asdict(standing), at=asdict(moment)
            )
        )

    def close(self, closing: Closing) -> None:
        """Keep where the window ended: from now on its record is what it is."""
        self._append(_line(closing=asdict(closing)))

    def _append(self, line: bytes) -> None:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                before = os.fstat(descriptor).st_size
                if os.write(descriptor, line) != len(line):
                    os.ftruncate(descriptor, before)
                    raise OSError(28, "no space left for a whole line")
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise storage_error(self._path, error) from error

    def _cut(self, octets: int) -> None:
        try:
            with self._path.open("r+b") as file:
                file.truncate(octets)
                os.fsync(file.fileno())
        except OSError as error:
            raise storage_error(self._path, error) from error


def replayed(data: bytes) -> tuple[Kept | None, int]:
    """Return what the whole lines at the beginning say, and how many octets they are."""
    kept: Kept | None = None
    octets = 0
    for line in data.splitlines(keepends=True):
        parsed = _parsed(line)
        if parsed is None:
            break
        if parsed.window is not None:
            window = parsed.window
            kept = Kept(window=window, standing=window.standing, at=window.at)
        elif kept is None:
            break
        else:
            _apply(kept, parsed)
        octets += len(line)
    return kept, octets


def _apply(kept: Kept, line: _Line) -> None:
    kept.over += line.over
    kept.standing = line.standing or kept.standing
    kept.at = line.at or kept.at
    kept.closing = line.closing or kept.closing


def _line(**content: Any) -> bytes:  # noqa: ANN401 - JSON
    text = json.dumps(content, separators=(",", ":")).encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _parsed(line: bytes) -> _Line | None:
    text = line[_CRC_CHARS + 1 : -1]
    if not line.endswith(b"\n") or line[:_CRC_CHARS] != b"%08x" % zlib.crc32(text):
        return None
    try:
        return _LINE.validate_json(text)
    except ValidationError:
        return None
