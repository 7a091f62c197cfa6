"""What is found out about a server's transparency log after a record was posted.

Only the words: what finds it out (`omega_agent.log_proof`) is loaded when there is a receipt, which
a device that only measures never has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from omega_agent.server_keys import Informant
from omega_core.control import ConsistencyProof, Receipt
from omega_core.keys import PublicKey


class LogSource(Informant, Protocol):
    """Who is asked for proofs; `Uplink` is one. What it raises: see there."""

    def record_proof(self, digest: str) -> str:
        """Return the proof that a record is in the server's log, not checked here."""
        ...

    def consistency(self, old_size: int, new_size: int) -> ConsistencyProof:
        """Return the proof that the server's log of one size begins with that of another."""
        ...


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A log is not what it was: `evidence` is where that stands, None where it was not kept."""

    origin: str
    seen_size: int
    size: int
    evidence: Path | None


@dataclass(frozen=True, slots=True)
class Proved:
    """The proof as it came, if it holds; and what is to be said of the log."""

    text: str | None = None
    rewritten: Rewritten | None = None
    key_rotations: tuple[str, ...] = ()
    """Those of the server's key that were followed to check it."""


NOT_PROVED = Proved()

Prove: TypeAlias = Callable[[Receipt, PublicKey, LogSource], Proved]
"""Finds out what the log shows of the record of a receipt, which this key signed; never raises."""
