"""When a schedule is due, and what is to be done then: pure.

    schedule, agent  -->  phase within the period  -->  due at phase + k * period

The phase is drawn from the names of schedule and agent, so it is the same after a restart, another
one under each schedule, and evenly spread over all agents. Times are the server's, or what the
device knows of them. What was due while the device was off is due once, when it is on again.
"""

from __future__ import annotations

import hashlib

from omega_core.instruction import MEASURE, Instruction, Schedule
from omega_core.units import US_PER_S

_EARLY_US = 60 * US_PER_S


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
