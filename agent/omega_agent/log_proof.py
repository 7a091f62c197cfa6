"""After the receipt: the proof that the record is in the server's log, and whether that only grew.

Nothing here fails a command. A proof that can't be had, or does not hold, is left out of the
bundle: the record is as safe without it, and `omega verify` says that it is missing. A log that was
rewritten is told, see `omega_agent.log_memory`.
"""

from __future__ import annotations

from omega_agent.log_findings import NOT_PROVED, LogSource, Proved, Rewritten
from omega_agent.log_memory import LogMemory
from omega_agent.verify_log import check_logged
from omega_core.control import Receipt
from omega_core.errors import OmegaError, StorageError
from omega_core.keys import PublicKey
from omega_core.log.proof_file import parse_proof


def prove(receipt: Receipt, key: PublicKey, source: LogSource, *, memory: LogMemory) -> Proved:
    """Return what the server's log, whose key this is, shows of the record of a receipt."""
    if receipt.log is None:
        return NOT_PROVED
    try:
        text = source.record_proof(receipt.record_digest)
        rewritten = _rewritten(text, key, source, memory)
    except OmegaError:
        return NOT_PROVED
    return Proved(text if _holds(text, receipt, key) else None, rewritten)


def _holds(text: str, receipt: Receipt, key: PublicKey) -> bool:
    try:
        logged = check_logged(text, receipt.envelope_digest, receipt.log, trusted=[key])
    except OmegaError:
        return False
    return logged.by_trusted


def _rewritten(text: str, key: PublicKey, source: LogSource, memory: LogMemory) -> Rewritten | None:
    """Look at the checkpoint, whatever becomes of the proof above it."""
    signed = parse_proof(text).opened()
    if not signed.is_signed_by_log([key]):
        return None
    try:
        return memory.look(signed, source.consistency)
    except StorageError:
        return None
