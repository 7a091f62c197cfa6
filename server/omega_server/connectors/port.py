"""What a ticket system must be able to do: promises, no HTTP.

Theory of operation. A delivery always looks before it posts, the first time too: then nothing that
we remember has to be right, and a lost answer, a killed process and a database restored from
yesterday are one case. A file goes before the note that names it, or in the same request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from omega_server.connectors.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class Found:
    """What of a diagnostic is on the ticket already."""

    note: bool
    files: frozenset[str] = frozenset()
    """Names of the files that are there; systems that take both at once leave it empty."""


class TicketSystem(Protocol):
    """One ticket system. Every call raises LaterError or StoppedError, and nothing else."""

    def check(self) -> None:
        """Ask for something harmless that needs the secret; return when it was answered."""
        ...

    def find(self, external_id: str, diagnostic: Diagnostic) -> Found:
        """Look what is on the ticket already, by the mark and the names of files."""
        ...

    def post(self, external_id: str, diagnostic: Diagnostic, found: Found) -> None:
        """Post what is missing; files first. Return once the system has said that it has it."""
        ...
