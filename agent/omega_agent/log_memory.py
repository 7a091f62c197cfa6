"""What a server's log was when this device last saw it, so that nobody can rewrite it unnoticed.

    HOME/log/<name>.checkpoint                  the largest checkpoint seen, as it was signed
             <name>.<size>-<size>.evidence.json two checkpoints of one log that do not fit

The log's key signed both of what is kept as evidence. For two that fit the log has a consistency
proof, which anybody may ask it for; where it has none, or one that does not hold, it is not the
same log any more: entries were changed, slipped in, or cut off. Whoever gets the evidence can ask
again. The old checkpoint stays then, and the next look says the same.

A log that does not answer, or whose answer can't be read, has shown nothing, one way or the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from omega_agent.log_findings import Rewritten
from omega_core.canonical import canonical_bytes
from omega_core.control import ConsistencyProof
from omega_core.errors import OmegaError, RefusedError, StorageError, storage_error
from omega_core.files import write_durably
from omega_core.limits import LOG_EVIDENCE_MAX, LOG_NOTE_BYTES_MAX
from omega_core.log.checkpoint import SignedCheckpoint, parse_checkpoint, parse_hash
from omega_core.log.errors import FormError, ProofError
from omega_core.log.proofs import check_consistency

_FOLDER = 0o700
_NEVER_SO_LARGE = "log_size_unknown"

AskConsistency = Callable[[int, int], ConsistencyProof]
"""Gets the proof between two sizes, the smaller first; raises OmegaError."""


class LogMemory:
    """Keeps the largest checkpoint of each log; see the module. Makes its folder when needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def look(self, signed: SignedCheckpoint, ask: AskConsistency) -> Rewritten | None:
        """Compare a checkpoint, whose signature was checked, with the largest one seen.

        Return what is to be said loudly, None where all fits or nothing could be found out. Raises
        StorageError where the device can't remember.
        """
        seen = self._seen(signed)
        if seen is None:
            self._keep(signed)
            return None
        older, newer = sorted((seen, signed), key=lambda each: each.checkpoint.size)
        try:
            why = _difference(older, newer, ask)
        except OmegaError:
            return None
        if why is None:
            if newer is signed:
                self._keep(signed)
            return None
        return Rewritten(
            origin=signed.checkpoint.origin,
            seen_size=seen.checkpoint.size,
            size=signed.checkpoint.size,
            evidence=self._keep_evidence(older, newer, why),
        )

    def _path(self, signed: SignedCheckpoint, ending: str) -> Path:
        name = hashlib.sha256(signed.checkpoint.origin.encode("utf-8")).hexdigest()[:32]
        return self._directory / f"{name}.{ending}"

    def _seen(self, signed: SignedCheckpoint) -> SignedCheckpoint | None:
        """Return the largest checkpoint of the same log; a damaged file was none."""
        path = self._path(signed, "checkpoint")
        try:
            with path.open("rb") as file:
                seen = parse_checkpoint(file.read(LOG_NOTE_BYTES_MAX).decode("utf-8", "replace"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(path, error) from error
        except FormError:
            return None
        return seen if seen.checkpoint.origin == signed.checkpoint.origin else None

    def _keep(self, signed: SignedCheckpoint) -> None:
        self._write(self._path(signed, "checkpoint"), signed.note.to_text().encode("utf-8"))

    def _keep_evidence(
        self, older: SignedCheckpoint, newer: SignedCheckpoint, why: str
    ) -> Path | None:
        """Keep the two and what was wrong; the first evidence of a log is not overwritten."""
        sizes = f"{older.checkpoint.size}-{newer.checkpoint.size}"
        path = self._path(newer, f"{sizes}.evidence.json")
        if path.exists():
            return path
        if len(list(self._directory.glob("*.evidence.json"))) >= LOG_EVIDENCE_MAX:
            return None
        content = {"older": older.note.to_text(), "newer": newer.note.to_text(), "why": why}
        try:
            self._write(path, canonical_bytes(content))
        except StorageError:
            return None
        return path

    def _write(self, path: Path, data: bytes) -> None:
        try:
            self._directory.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(self._directory, error) from error
        write_durably(path, data)


def _difference(
    older: SignedCheckpoint, newer: SignedCheckpoint, ask: AskConsistency
) -> str | None:
    """Say why the newer log is not a continuation of the older one; None where it is.

    Raises OmegaError where that can't be found out.
    """
    old, new = older.checkpoint, newer.checkpoint
    try:
        hashes = [] if old.size in {0, new.size} else _asked(old.size, new.size, ask)
        check_consistency(old.size, old.root, new.size, new.root, hashes)
    except ProofError as error:
        return str(error)
    except RefusedError as error:
        if error.code != _NEVER_SO_LARGE:
            raise
        return "the log says that it has never had one of these sizes"
    return None


def _asked(old_size: int, new_size: int, ask: AskConsistency) -> list[bytes]:
    """Return the hashes of the proof; one between other sizes holds for none."""
    return [parse_hash(each) for each in ask(old_size, new_size).hashes]
