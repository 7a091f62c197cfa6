"""The records of a line made one: who stood there when, and what each of them saw meanwhile.

    stands  -->  windows of each agent  -->  cut to its stand  -->  joined  -->  Seen

An agent's windows count while it stood on the line, and not before or after; its own time line is
taken for the server's there, because that is what it can be compared with. Where two stood there at
once, the window that was begun first is believed: both saw the same line, and a share of time can
be counted once only.

Records are found by their rows and opened one by one. How many outages and gaps may be read for one
answer is limited: a line that fails every other second for a month is told to be looked at by the
week.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from omega_core.availability import Watched, joined
from omega_core.availability_record import AvailabilityRecord
from omega_core.limits import LINE_EVENTS_MAX, LINE_WINDOWS_MAX
from omega_server.envelopes import stored
from omega_server.refusals import Code, RefusalError
from omega_server.store.line_port import Stand
from omega_server.store.port import Store
from omega_server.store.rows import WindowRow

WhyHole = Literal["missing", "begun_anew"]


@dataclass(frozen=True, slots=True)
class Hole:
    """Between two records of an agent that follow each other in time, others are missing.

    Or the chain was begun anew: the device was enrolled again, copied, or set back.
    """

    agent_id: str
    after_seq: int | None
    before_seq: int
    why: WhyHole


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a line in a time, and the records that say so, by beginning."""

    watched: Watched
    windows: tuple[WindowRow, ...]
    holes: tuple[Hole, ...]
    stands: tuple[Stand, ...]
    down_until_us: int | None
    """Where the newest record ends within an outage, and its agent still stood there."""


def seen(store: Store, subscriber_ref: str, from_us: int, to_us: int) -> Seen:
    """Return what was seen of a line; raises RefusalError `time_not_taken` where it is too much."""
    stands = [each for each in store.lines.stands(subscriber_ref) if _meets(each, from_us, to_us)]
    found: list[tuple[Stand, WindowRow]] = []
    for stand in stands:
        windows = store.lines.windows(
            stand.agent_id,
            from_us=max(from_us, stand.since_unix_us),
            to_us=_until(stand, to_us),
            count=LINE_WINDOWS_MAX + 1,
        )
        found += ((stand, row) for row in windows)
        _check_amount([row for _, row in found])
    newest = max(found, key=_end_of, default=None)
    rows = tuple({row.digest: row for _, row in sorted(found, key=_begin_of)}.values())
    return Seen(
        watched=_lasting(
            joined((_opened(store, row, *_span(stand)) for stand, row in found), from_us, to_us)
        ),
        windows=rows,
        holes=tuple(_holes(store, stands, rows)),
        stands=tuple(stands),
        down_until_us=None if newest is None else _down_until_us(*newest, to_us),
    )


def opened(store: Store, row: WindowRow) -> Watched:
    """Return what the record of a window says was seen."""
    return _opened(store, row, row.started_us, row.ended_us)


def _meets(stand: Stand, from_us: int, to_us: int) -> bool:
    return stand.since_unix_us < to_us and _until(stand, to_us) > from_us


def _until(stand: Stand, to_us: int) -> int:
    return to_us if stand.until_unix_us is None else min(stand.until_unix_us, to_us)


def _span(stand: Stand) -> tuple[int, int | None]:
    return stand.since_unix_us, stand.until_unix_us


def _begin_of(found: tuple[Stand, WindowRow]) -> tuple[int, str, int]:
    row = found[1]
    return row.started_us, row.agent_id, row.seq


def _end_of(found: tuple[Stand, WindowRow]) -> tuple[int, int]:
    return found[1].ended_us, found[1].seq


def _down_until_us(stand: Stand, row: WindowRow, to_us: int) -> int | None:
    is_of_here = row.ended_us <= _until(stand, to_us)
    return row.ended_us if row.is_down and is_of_here else None


def _lasting(watched: Watched) -> Watched:
    """Leave out outages of which nothing lies in the window."""
    window = watched.started_us, watched.ended_us
    return replace(
        watched, outages=tuple(each for each in watched.outages if each.most_us(*window) > 0)
    )


def _check_amount(rows: Sequence[WindowRow]) -> None:
    events = sum(row.outages + row.gaps for row in rows)
    if len(rows) > LINE_WINDOWS_MAX or events > LINE_EVENTS_MAX:
        detail = f"{len(rows)} records with {events} outages and gaps: ask for a shorter time"
        raise RefusalError(Code.TIME_NOT_TAKEN, detail)


def _opened(store: Store, row: WindowRow, from_us: int, to_us: int | None) -> Watched:
    record = store.sessions.record(row.digest)
    if record is None:
        raise LookupError(f"record {row.digest} has a window and is not in the store")
    watched = stored(AvailabilityRecord, record.envelope).watched
    until_us = watched.ended_us if to_us is None else to_us
    if from_us <= watched.started_us and watched.ended_us <= until_us:
        return watched
    return watched.within(from_us, until_us)


def _holes(store: Store, stands: Sequence[Stand], rows: Sequence[WindowRow]) -> Iterator[Hole]:
    for agent_id in dict.fromkeys(stand.agent_id for stand in stands):
        mine = [row for row in rows if row.agent_id == agent_id]
        if mine and _is_missing(store, mine[0].prev):
            yield Hole(agent_id, None, mine[0].seq, "missing")
        for before, after in pairwise(mine):
            why = _why_hole(store, before, after)
            if why is not None:
                yield Hole(agent_id, before.seq, after.seq, why)


def _why_hole(store: Store, before: WindowRow, after: WindowRow) -> WhyHole | None:
    if after.prev == before.digest:
        return None
    if after.prev is None or after.seq <= before.seq:
        return "begun_anew"
    # Records that are not in this time here, and are in the store, are of another line's.
    return "missing" if _is_missing(store, after.prev) else None


def _is_missing(store: Store, digest: str | None) -> bool:
    return digest is not None and store.sessions.record(digest) is None
