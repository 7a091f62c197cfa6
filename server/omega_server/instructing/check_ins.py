"""Answers check-ins: who asks, what there is for them, and the sealed answer.

A check-in is fresh because its proof is: a token of this server's own clock, two minutes old at the
most, from `GET /v1/address` or from the answer before. So a device whose clock says 1970 is served
like any other, and a check-in that somebody has recorded wakes nobody tomorrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from omega_core.clock import Clock
from omega_core.envelope import PayloadType, seal
from omega_core.instruction import CheckIn, CheckInAnswer, Schedule, Suppression
from omega_core.keys import SigningKey
from omega_core.models import model_bytes
from omega_server.addresses import AddressProofs, Proved
from omega_server.instructing import scheduling
from omega_server.instructing.sender import said_by_agent
from omega_server.instructing.suppressing import in_force
from omega_server.store.instruction_port import InstructionEventRow, InstructionRow, PresenceRow
from omega_server.store.port import Store

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is for an agent."""

    instructions: Sequence[InstructionRow]
    withdrawn: tuple[str, ...]
    suppression: Suppression | None
    schedule: Schedule | None

    @property
    def is_news(self) -> bool:
        """Whether it is worth ending a wait for."""
        return bool(self.instructions or self.withdrawn)


class CheckInDesk:
    """The part of a check-in that blocks; the waiting is `hub`'s."""

    def __init__(
        self, *, store: Store, key: SigningKey, proofs: AddressProofs, clock: Clock
    ) -> None:
        self._store = store
        self._key = key
        self._proofs = proofs
        self._clock = clock

    def checked(self, data: bytes) -> CheckIn:
        """Return a check-in that an agent of ours has made just now; raises RefusalError."""
        check_in = said_by_agent(self._store, self._clock, data, CheckIn, PayloadType.CHECK_IN)
        self._proofs.check(check_in.proof, self._clock.unix_us())
        return check_in

    def stored_presence(self, agent_id: str) -> PresenceRow | None:
        """Return what the store knows of an agent's last check-in."""
        return self._store.presence.presence(agent_id)

    def say_seen_twice(self, row: PresenceRow, before: PresenceRow | None) -> None:
        """Tell the operator that two devices have one key."""
        _log.error(
            "agent_seen_twice",
            agent_id=row.agent_id,
            address=row.address,
            other_address=before.address if before else None,
        )

    def find(self, check_in: CheckIn) -> Found:
        """Look what there is for an agent, apart from what it holds."""
        now = self._clock.unix_us()
        to_do = self._store.instructions.open_for(check_in.agent_id, now)
        names = {row.instruction_id for row in to_do}
        return Found(
            instructions=[
                row
                for row in to_do
                if row.instruction_id not in check_in.holding
                and row.taken_by in {None, check_in.instance}
            ],
            withdrawn=tuple(name for name in check_in.holding if name not in names),
            suppression=in_force(self._store, check_in.agent_id, now),
            schedule=scheduling.in_force(self._store, check_in.agent_id),
        )

    def answer(
        self,
        check_in: CheckIn,
        found: Found,
        proved: Proved,
        *,
        return_spread_s: int,
        is_seen_twice: bool,
    ) -> bytes:
        """Return the sealed answer; what is handed out is written down first."""
        now = self._clock.unix_us()
        schedule = found.schedule
        schedule_id = None if schedule is None else schedule.schedule_id
        for row in found.instructions:
            self._store.instructions.note(_handed_out(row, check_in, now))
        answer = CheckInAnswer(
            agent_id=check_in.agent_id,
            nonce=check_in.nonce,
            now_unix_us=now,
            proof=self._proofs.token(proved, now),
            instructions=tuple(self._sealed(row) for row in found.instructions),
            withdrawn=found.withdrawn,
            suppression=found.suppression,
            return_spread_s=return_spread_s,
            is_seen_twice=is_seen_twice,
            schedule_id=schedule_id,
            schedule=None if schedule_id == check_in.schedule_id else schedule,
        )
        return seal(model_bytes(answer), PayloadType.CHECK_IN_ANSWER, self._key)

    def _sealed(self, row: InstructionRow) -> str:
        """Return an instruction with the signature of this process's key.

        It is signed here and not where it was issued: that may be a command beside the server,
        after a rotation that this process has not followed yet.
        """
        return seal(row.payload, PayloadType.INSTRUCTION, self._key).decode("ascii")


def _handed_out(row: InstructionRow, check_in: CheckIn, now_unix_us: int) -> InstructionEventRow:
    return InstructionEventRow(
        instruction_id=row.instruction_id,
        agent_id=row.agent_id,
        state="handed_out",
        at_unix_us=now_unix_us,
        instance=check_in.instance,
    )
