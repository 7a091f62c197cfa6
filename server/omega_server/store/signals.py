"""Signals: for whom something new stands in the store, for processes whose agents wait.

A process asks every fifth of a second what is newer than the last number it knows: one small
question for all its agents, the same on both databases, and nothing is lost when it is cut off or
restarted. Numbers are taken one transaction after another, so that none becomes visible after a
greater one.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from omega_server.store.database import Database
from omega_server.store.instruction_port import EVERYONE, Signals
from omega_server.store.instruction_tables import agent_signals

_KEPT = 10_000  # a process that has missed more wakes everybody, which costs one look each


def give(database: Database, connection: Connection, agent_id: str) -> None:
    """Write, inside a transaction and as the last of it, that there is something for an agent."""
    database.alone(connection, "agent signals")
    number = connection.execute(
        sa.insert(agent_signals).values(agent_id=agent_id).returning(agent_signals.c.signal_no)
    ).scalar_one()
    connection.execute(sa.delete(agent_signals).where(agent_signals.c.signal_no < number - _KEPT))


def newer(connection: Connection, after: int) -> Signals:
    """Return what was given since; of what is no longer kept, that it may be for anybody."""
    select = (
        sa.select(agent_signals.c.signal_no, agent_signals.c.agent_id)
        .where(agent_signals.c.signal_no > after)
        .order_by(agent_signals.c.signal_no)
    )
    rows = connection.execute(select).all()
    if not rows:
        return Signals(up_to=after, agent_ids=frozenset())
    whom = {row.agent_id for row in rows}
    if rows[0].signal_no > after + 1:
        whom.add(EVERYONE)
    return Signals(up_to=rows[-1].signal_no, agent_ids=frozenset(whom))
