"""After the receipt: the proof that the record is in the server's log, and whether that only grew.

Nothing here fails a command. A proof that can't be had, or does not hold, is left out of the
bundle: the record is as safe without it, and `omega verify` says that it is missing. A log that was
rewritten is told, see `omega_agent.log_memory`.

The log signs anew with each entry, a receipt is signed once: where the server's key was rotated
between, the log's key is another, and is followed from the receipt's.
"""

from __future__ import annotations

from collections.abc import Sequence

from omega_agent.errors import NotTrustedError
from omega_agent.log_findings import NOT_PROVED, LogSource, Proved, Rewritten
from omega_agent.log_memory import LogMemory
from omega_agent.server_keys import ServerKey, followed
from omega_agent.verify_log import check_logged
from omega_core.control import Receipt
from omega_core.errors import OmegaError, StorageError
from omega_core.keys import PublicKey
from omega_core.log.checkpoint import SignedCheckpoint
from omega_core.log.proof_file import parse_proof


def prove(receipt: Receipt, key: PublicKey, source: LogSource, *, memory: LogMemory) -> Proved:
    """Return what the server's log shows of the record of a receipt, which this key signed."""
    if receipt.log is None:
        return NOT_PROVED
    try:
        text = source.record_proof(receipt.record_digest)
        signed = parse_proof(text).opened()
        server = _key_of_log(signed, key, source)
    except OmegaError:
        return NOT_PROVED
    rewritten = _rewritten(signed, source, memory)
    if not _holds(text, receipt, server.line):
        return Proved(rewritten=rewritten)
    return Proved(text, rewritten, server.rotations)


def _key_of_log(signed: SignedCheckpoint, key: PublicKey, source: LogSource) -> ServerKey:
    """Return the server's key that signed the checkpoint, among those in line with this one.

    Raises NotTrustedError where none of them did, what the source raises, and LogError.
    """
    if signed.is_signed_by_log([key]):
        return ServerKey(key=key)
    server = followed(key, source.server_info())
    if not signed.is_signed_by_log(server.line):
        raise NotTrustedError("server_key_moved")
    return server


def _holds(text: str, receipt: Receipt, keys: Sequence[PublicKey]) -> bool:
    try:
        check_logged(text, receipt.envelope_digest, receipt.log, trusted=keys)
    except OmegaError:
        return False
    return True


def _rewritten(signed: SignedCheckpoint, source: LogSource, memory: LogMemory) -> Rewritten | None:
    """Look at the checkpoint, whose signature holds, whatever becomes of the proof above it."""
    try:
        return memory.look(signed, source.consistency)
    except StorageError:
        return None
