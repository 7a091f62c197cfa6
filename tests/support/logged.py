"""A bundle whose record is in a log: receipt and proof made for it.

bundle = logged(Story().bundle())
"""

from __future__ import annotations

from omega_core.bundle import Bundle
from omega_core.canonical import digest_hex
from omega_core.control import LogPosition, Receipt
from omega_core.envelope import PayloadType, parse_envelope
from omega_core.keys import SigningKey
from omega_core.log.hashing import EntryKind, entry_hash, leaf_hash
from omega_core.log.note import NoteSignature
from omega_core.log.proof_file import InclusionProof
from omega_core.models import parse_model
from support import builders
from support.builders import SERVER_KEY
from support.log_trees import LOG_ORIGIN, MemoryLog

BEFORE = 4
AFTER = 2


def log_around(envelope: bytes) -> MemoryLog:
    """Return a log with the record in it: `BEFORE` others before it, `AFTER` behind it."""
    log = MemoryLog.of(f"before {number}".encode() for number in range(BEFORE))
    log.append(entry_hash(EntryKind.RECORD, digest_hex(envelope)))
    for number in range(AFTER):
        log.append(leaf_hash(f"after {number}".encode()))
    return log


def place(**changes: object) -> LogPosition:
    """Return where `log_around` has the record."""
    stated = LogPosition(origin=LOG_ORIGIN, index=BEFORE, tree_size=BEFORE + 1)
    return stated.model_copy(update=changes)


def proof_of(
    envelope: bytes, *cosigned: NoteSignature, key: SigningKey = SERVER_KEY
) -> InclusionProof:
    """Return the proof that the record is in the log, under a checkpoint with these witnesses."""
    proof = log_around(envelope).proof(BEFORE, key=key)
    note = proof.checkpoint + "".join(each.line for each in cosigned)
    return InclusionProof(proof.index, proof.path, note)


def checkpoint_text(envelope: bytes) -> str:
    """Return what witnesses of that checkpoint sign."""
    return log_around(envelope).checkpoint().text


def with_place(bundle: Bundle, stated: LogPosition) -> Bundle:
    """Return the bundle with a receipt that names this place."""
    sealed = parse_envelope(str(bundle.receipt).encode())
    receipt = parse_model(Receipt, sealed.payload).model_copy(update={"log": stated})
    envelope = builders.sealed(receipt, PayloadType.RECEIPT, SERVER_KEY)
    return bundle.model_copy(update={"receipt": envelope.decode()})


def logged(bundle: Bundle, *cosigned: NoteSignature) -> Bundle:
    """Return the bundle as it is of a server that has a log."""
    proof = proof_of(bundle.record.encode(), *cosigned).to_text()
    return with_place(bundle, place()).model_copy(update={"proof": proof})
