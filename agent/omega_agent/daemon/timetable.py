"""When a schedule is due, and what is to be done then.

    schedule, agent  -->  phase within the period  -->  due at phase + k * period

The phase is drawn from the names of schedule and agent, so it is the same after a restart, another
one under each schedule, and evenly spread over all agents. Times are the server's, or what the
device knows of them. What was due while the device was off is due once, when it is on again.
"""

from __future__ import annotations

import hashlib

from omega_agent.daemon.memory import Memory
from omega_core.instruction import MEASURE, CheckInAnswer, Instruction, Schedule
from omega_core.units import US_PER_S

_EARLY_US = 60 * US_PER_S


class Timetable:
    """The schedule that is kept, and how far it has been followed. Raises StorageError."""

    def __init__(self, memory: Memory, agent_id: str) -> None:
        self._memory = memory
        self._agent_id = agent_id

    @property
    def schedule(self) -> Schedule | None:
        """The schedule that is kept."""
        return self._memory.now.schedule

    @property
    def due_unix_us(self) -> int | None:
        """When the next measurement is due; None without a schedule."""
        seen = self._memory.now
        if seen.schedule is None:
            return None
        return due_after(seen.schedule, self._agent_id, seen.scheduled_unix_us)

    def take(self, answer: CheckInAnswer) -> bool:
        """Keep what the server says of schedules; return whether anything has changed."""
        before = self.schedule
        if answer.schedule is not None:
            self._memory.keep_schedule(answer.schedule, answer.now_unix_us)
        elif answer.schedule_id is None:
            self._memory.keep_schedule(None, answer.now_unix_us)
        return self.schedule != before

    def trusts(self, own_unix_us: int) -> bool:
        """Say whether this device's clock will do while the server's is not known.

        It will where there is a schedule to keep, and it is not behind what has been seen.
        """
        seen = self._memory.now
        return seen.schedule is not None and own_unix_us >= seen.scheduled_unix_us

    def take_due(self, now_unix_us: int) -> Instruction | None:
        """Return what is due by now, once."""
        schedule, due = self.schedule, self.due_unix_us
        if (
            schedule is not None
            and due is not None
            and due - now_unix_us > schedule.every_s * US_PER_S
        ):
            self._memory.looked_at_schedule(now_unix_us)  # the clock it was looked at by was wrong
            return None
        if schedule is None or due is None or now_unix_us < due:
            return None
        self._memory.looked_at_schedule(now_unix_us)
        return scheduled(schedule, self._agent_id, now_unix_us)


def due_after(schedule: Schedule, agent_id: str, unix_us: int) -> int:
    """Return the first moment after this one at which the agent is to measure."""
    period_us = schedule.every_s * US_PER_S
    name = f"{schedule.schedule_id}/{agent_id}".encode()
    phase_us = int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % period_us
    return unix_us + period_us - (unix_us - phase_us) % period_us


def scheduled(schedule: Schedule, agent_id: str, now_unix_us: int) -> Instruction:
    """Return what is due, as an instruction of the agent's own: its time is until the next one."""
    return Instruction(
        instruction_id=f"own-{now_unix_us // US_PER_S}",
        agent_id=agent_id,
        kind=MEASURE,
        purpose="sweep",
        mode=schedule.mode,
        plan_id=schedule.plan_id,
        bytes_down=schedule.bytes_down,
        bytes_up=schedule.bytes_up,
        calm_s=schedule.calm_s,
        issued_unix_us=now_unix_us,
        not_before_unix_us=now_unix_us - _EARLY_US,
        not_after_unix_us=now_unix_us + schedule.every_s * US_PER_S,
    )
