"""What the store promises of instructions and of the agents that wait for them.

See `omega_server.store.port`; the rows are here too. The rows of an instruction are the truth about
it: whatever a process remembers beside them only spares it a question.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from omega_core.instruction import ReportState
from omega_server.store.rows import EventRow

InstructionState = Literal["issued", "handed_out", "withdrawn"] | ReportState
EVERYONE = "*"
"""In place of an agent's name, where a signal is for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionRow:
    """An instruction, its bytes as they will be signed. Two with one `alike` are the same wish.

    `taken_by` is the daemon that has accepted it, `ended_as` the last state, once there is one.
    """

    instruction_id: str
    agent_id: str
    kind: str
    sheet_id: str | None
    ticket_id: str | None
    issued_by: str
    alike: str
    payload: bytes
    issued_unix_us: int
    not_after_unix_us: int
    taken_by: str | None = None
    ended_as: str | None = None
    ended_unix_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionEventRow:
    """One thing that happened to an instruction."""

    instruction_id: str
    agent_id: str
    state: InstructionState
    at_unix_us: int
    by: str | None = None
    instance: str | None = None
    report_no: int | None = None
    code: str | None = None
    detail: str | None = None
    until_unix_us: int | None = None
    record_digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceRow:
    """Where an agent was last seen, and what it said of itself.

    It is connected while `connected_until_unix_us` has not passed. `seen_twice_unix_us` is when two
    devices last spoke with its key.
    """

    agent_id: str
    instance: str
    starts: int
    software: str
    kinds: tuple[str, ...]
    raw_sockets: bool
    address: str
    seen_unix_us: int
    connected_until_unix_us: int
    seen_twice_unix_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionRow:
    """When agents of a tag must not measure; `tag` None is all of them."""

    suppression_id: str
    tag: str | None
    reason: str
    said_by: str
    stop_running: bool
    since_unix_us: int
    until_unix_us: int | None
    lifted_unix_us: int | None = None
    lifted_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What was written since: the number to ask from next, and whom it is for."""

    up_to: int
    agent_ids: frozenset[str]


class InstructionStore(Protocol):
    """Instructions, and what became of them."""

    def issue(
        self, instruction: InstructionRow, *, event: EventRow | None, held_max: int
    ) -> tuple[InstructionRow, bool]:
        """Keep an instruction and log the event; return what is kept, and whether it is new.

        Where one that is `alike` is open, for the same agent, that one is returned, and nothing is
        kept or logged, however many ask at once. Raises NotThereError for an agent that is not
        known, TooManyHeldError where `held_max` are open already.
        """
        ...

    def instruction(self, instruction_id: str) -> InstructionRow | None:
        """Return the instruction of this name."""
        ...

    def instructions_of(
        self, *, agent_id: str | None = None, ticket_id: str | None = None
    ) -> Sequence[InstructionRow]:
        """Return the instructions of an agent or a ticket, first issued first."""
        ...

    def open_for(self, agent_id: str, now_unix_us: int) -> Sequence[InstructionRow]:
        """Return what an agent has to do: not ended, and still to be begun, or taken.

        What was taken counts for `INSTRUCTION_RUN_S_MAX` after its time, and no longer.
        """
        ...

    def report(self, report: InstructionEventRow, *, event: EventRow | None) -> bool:
        """Write down what an agent says, and log the event; False when it was known.

        `accepted` takes the instruction for the instance that says it, once; every report but one
        of an instruction that is not taken must come from that instance. One of `LAST_STATES` ends
        it. Raises NotThereError, InstructionTakenError where another instance has it,
        InstructionEndedError where it has ended, or was withdrawn, or its time is over before it
        was taken.
        """
        ...

    def note(self, entry: InstructionEventRow) -> None:
        """Write down what the Controller did with an instruction; it changes nothing else."""
        ...

    def withdraw(self, entry: InstructionEventRow, *, event: EventRow | None) -> bool:
        """End an instruction as withdrawn, and log the event; False when it had ended.

        Raises NotThereError.
        """
        ...

    def events_of(self, instruction_id: str) -> Sequence[InstructionEventRow]:
        """Return everything that happened to an instruction, in order."""
        ...

    def signals(self, after: int) -> Signals:
        """Return whom something was issued for, or withdrawn from, or suppressed, since `after`.

        What is written later has a greater number, whoever wrote it. `EVERYONE` stands for all.
        """
        ...


class PresenceStore(Protocol):
    """Who is there, what they are called together by, and who must be quiet."""

    def seen(self, rows: Collection[PresenceRow]) -> None:
        """Keep where agents were last seen; what is older than what is kept is left out."""
        ...

    def presence(self, agent_id: str) -> PresenceRow | None:
        """Return where an agent was last seen."""
        ...

    def all_seen(self) -> Sequence[PresenceRow]:
        """Return every agent that was ever seen, by name."""
        ...

    def connected(self, now_unix_us: int) -> int:
        """Return how many agents are connected."""
        ...

    def tag(self, agent_id: str, tags: Collection[str]) -> None:
        """Give an agent these tags instead of those it had; raises NotThereError."""
        ...

    def tags_of(self, agent_id: str) -> frozenset[str]:
        """Return what an agent is called together with others by."""
        ...

    def tags(self) -> dict[str, frozenset[str]]:
        """Return the tags of every agent that has some."""
        ...

    def suppress(self, suppression: SuppressionRow) -> None:
        """Keep a suppression; raises AlreadyThereError."""
        ...

    def lift(self, suppression_id: str, *, by: str, at_unix_us: int) -> SuppressionRow:
        """End a suppression, once; raises NotThereError."""
        ...

    def suppressions(self) -> Sequence[SuppressionRow]:
        """Return every suppression, oldest first."""
        ...
