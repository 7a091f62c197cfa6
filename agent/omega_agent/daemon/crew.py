"""The one measurement at a time, in a process of its own.

    daemon --- an instruction, on its standard input ---> python -m omega_agent.daemon.child
    daemon <-- one line of JSON, on its standard output --- child

SIGTERM ends a child in good order: what it has measured is sealed and kept. A child that says
nothing, or dies, is reported as failed with the end of what it said on standard error; the record
it may have made all the same is found in the outbox by whoever looks (`kept_bundles`).
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from omega_agent.daemon.foreman import Ending
from omega_core.canonical import NotPlainJsonError
from omega_core.facts import INTEGER_MAX
from omega_core.instruction import Instruction, ReasonCode
from omega_core.limits import REASON_CHARS_MAX
from omega_core.models import ContentError, Digest, StrictModel, model_bytes, parse_model

_CHILD = (sys.executable, "-m", "omega_agent.daemon.child")
_SAID_BYTES_MAX = 64 * 1024
_RUN_S_MAX = 1_800  # three times the longest grant: then it hangs
_KILLED_AFTER_S = 30  # a child that was asked to end seals what it has within seconds


class Told(StrictModel):
    """What the child is told."""

    instruction: Instruction
    targets: tuple[str, ...] | None
    is_own: bool = False


class Outcome(StrictModel):
    """What the child says at its end."""

    record_digest: Digest | None = None
    code: ReasonCode | None = None
    detail: Annotated[str, Field(max_length=REASON_CHARS_MAX)] | None = None
    device_was_busy: bool = False
    octets: Annotated[int, Field(ge=0, le=INTEGER_MAX)] = 0


class Crew:
    """Starts and stops the child; `ended` is called in a thread of this one's, once a run."""

    def __init__(
        self,
        home: Path,
        ended: Callable[[str, Ending, int], None],
        *,
        command: Sequence[str] = _CHILD,
    ) -> None:
        self._home = home
        self._ended = ended
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def begin(
        self, instruction: Instruction, targets: tuple[str, ...] | None, *, is_own: bool = False
    ) -> None:
        """Start the measurement; the call returns at once."""
        told = model_bytes(Told(instruction=instruction, targets=targets, is_own=is_own))
        self._stopped.clear()
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*self._command, str(self._home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the daemon, which passes it on
        )
        self._child = child
        waiting = threading.Thread(
            target=self._wait, args=(child, instruction.instruction_id, told), daemon=True
        )
        waiting.start()

    def stop(self) -> None:
        """Ask the child to end in good order, and see to it that it does."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        self._stopped.set()
        child.terminate()
        killer = threading.Timer(_KILLED_AFTER_S, child.kill)
        killer.daemon = True
        killer.start()

    def _wait(self, child: subprocess.Popen[bytes], name: str, told: bytes) -> None:
        hanging = threading.Timer(_RUN_S_MAX, child.kill)
        hanging.daemon = True
        hanging.start()
        try:
            said, wrong = child.communicate(told)
        finally:
            hanging.cancel()
        ending, octets = ending_of(
            said, wrong, child.returncode, was_stopped=self._stopped.is_set()
        )
        self._ended(name, ending, octets)


def ending_of(said: bytes, wrong: bytes, status: int, *, was_stopped: bool) -> tuple[Ending, int]:
    """Return what a child's last words mean, and how many octets it has used."""
    try:
        outcome = parse_model(Outcome, said[:_SAID_BYTES_MAX].strip())
    except (NotPlainJsonError, ContentError):
        last = wrong.decode("utf-8", "replace").strip().rpartition("\n")[2]
        detail = f"status {status}: {last}"[:REASON_CHARS_MAX]
        return Ending(code="broken_off", detail=detail, was_stopped=was_stopped), 0
    ending = Ending(
        record_digest=outcome.record_digest,
        code=outcome.code,
        detail=outcome.detail,
        device_was_busy=outcome.device_was_busy,
        was_stopped=was_stopped,
    )
    return ending, outcome.octets
