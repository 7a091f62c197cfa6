"""Who is connected to this process, and what of it the others still have to learn.

A check-in is noted in memory and written with all others every few seconds: presence is for people
who look, and losing the last seconds of it with the process costs nothing.

Two devices with one key. A daemon counts its starts on its disk and draws a name for each. Whoever
copies a device copies the count: the copies say the same number with two names, or one says a
smaller number than was seen before. So does a device whose disk was set back, which is as worth
knowing. Neither is refused: which of the two is the right one can't be told from here, and an
instruction is taken by one of them only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from omega_core.instruction import CheckIn
from omega_core.units import US_PER_S
from omega_server.store.instruction_port import PresenceRow

GRACE_S = 10  # between the end of one check-in and the next: an answer, a report, a slow line


def is_twin(known: PresenceRow | None, seen: PresenceRow) -> bool:
    """Say whether another device than the known one speaks with the agent's key."""
    if known is None or known.instance == seen.instance:
        return False
    return seen.starts <= known.starts


class PresenceBook:
    """What one process knows of the agents that have checked in with it; one thread uses it."""

    def __init__(self) -> None:
        self._rows: dict[str, PresenceRow] = {}
        self._changed: set[str] = set()

    def known(self, agent_id: str, instance: str) -> bool:
        """Say whether this daemon was seen last, so that the store need not be asked."""
        row = self._rows.get(agent_id)
        return row is not None and row.instance == instance

    def note(
        self, check_in: CheckIn, *, address: str, now_unix_us: int, stored: PresenceRow | None
    ) -> PresenceRow:
        """Write down a check-in; `stored` is what the store said, unless the daemon is known.

        In what comes back `seen_twice_unix_us` is now where a second device was seen by it.
        """
        seen = _row(check_in, address, now_unix_us)
        known = self._rows.get(check_in.agent_id) or stored
        twice = known.seen_twice_unix_us if known else None
        if is_twin(known, seen):
            twice = now_unix_us
        row = replace(seen, seen_twice_unix_us=twice)
        self._rows[row.agent_id] = row
        self._changed.add(row.agent_id)
        return row

    def gone(self, row: PresenceRow, now_unix_us: int) -> None:
        """Write down that the connection of a check-in has ended before its time."""
        if self._rows.get(row.agent_id) == row:
            self._rows[row.agent_id] = replace(row, connected_until_unix_us=now_unix_us)
            self._changed.add(row.agent_id)

    def take_changed(self) -> list[PresenceRow]:
        """Return what the store does not have yet, and forget those that have long been away."""
        changed = [self._rows[agent_id] for agent_id in self._changed]
        self._changed.clear()
        return changed

    def give_back(self, rows: list[PresenceRow]) -> None:
        """Take back what the store did not take; what has changed since is newer."""
        self._changed.update(row.agent_id for row in rows)

    def forget(self, is_old: Callable[[PresenceRow], bool]) -> None:
        """Forget agents that are not needed any more; the store has them."""
        for agent_id in [name for name, row in self._rows.items() if is_old(row)]:
            if agent_id not in self._changed:
                del self._rows[agent_id]


def _row(check_in: CheckIn, address: str, now_unix_us: int) -> PresenceRow:
    return PresenceRow(
        agent_id=check_in.agent_id,
        instance=check_in.instance,
        starts=check_in.starts,
        software=check_in.software,
        kinds=check_in.capabilities.kinds,
        raw_sockets=check_in.capabilities.raw_sockets,
        address=address,
        seen_unix_us=now_unix_us,
        connected_until_unix_us=now_unix_us + (check_in.wait_s + GRACE_S) * US_PER_S,
    )
