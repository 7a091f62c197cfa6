"""Whether a record is in a server's transparency log: what `omega verify` does with the proof.

    log_leaf               the proof is for this record's place: index and log of the receipt
    log_path               the path leads from the record's leaf to the checkpoint's root
    checkpoint_signature   the log's key signed the checkpoint
    witness_quorum         so many of the pinned witnesses have cosigned it

A proof must say nothing that nobody signed, so that no octet of it is free to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omega_core.control import LogPosition
from omega_core.envelope import EnvelopeError
from omega_core.keys import PublicKey
from omega_core.log.checkpoint import SignedCheckpoint
from omega_core.log.errors import FormError, LogError, ProofError
from omega_core.log.hashing import EntryKind, entry_hash
from omega_core.log.note import NoteKey
from omega_core.log.proof_file import InclusionProof, parse_proof


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Who is asked to have seen the log, and how many of them must have."""

    keys: tuple[NoteKey, ...] = ()
    quorum: int = 0


NO_WITNESSES = Witnesses()


@dataclass(frozen=True, slots=True)
class Logged:
    """What a proof has shown. `by_trusted` is false where the log's key is nobody's we trust."""

    signed: SignedCheckpoint
    by_trusted: bool


def check_logged(
    text: str,
    envelope_digest: str,
    place: LogPosition | None,
    *,
    trusted: Iterable[PublicKey],
    witnesses: Witnesses = NO_WITNESSES,
) -> Logged:
    """Return what the proof shows of the envelope with this digest.

    `place` is what the receipt says of it; receipts older than the log say nothing. Raises
    EnvelopeError, named after the step that fails.
    """
    proof = _proof(text)
    try:
        signed = proof.opened()
    except FormError as error:
        raise EnvelopeError("checkpoint_signature", str(error)) from error
    if place is not None:
        _check_place(proof, signed, place)
    try:
        proof.check(entry_hash(EntryKind.RECORD, envelope_digest), signed)
    except ProofError as error:
        raise EnvelopeError("log_path", str(error)) from error
    try:
        by_trusted = signed.is_signed_by_log(trusted)
    except LogError as error:
        raise EnvelopeError("checkpoint_signature", str(error)) from error
    _check_witnesses(signed, witnesses)
    return Logged(signed, by_trusted)


def _proof(text: str) -> InclusionProof:
    try:
        proof = parse_proof(text)
    except FormError as error:
        raise EnvelopeError("log_leaf", str(error)) from error
    if proof.extra is not None:
        raise EnvelopeError("log_leaf", "the proof says more than anybody has signed")
    return proof


def _check_place(proof: InclusionProof, signed: SignedCheckpoint, place: LogPosition) -> None:
    tree = signed.checkpoint
    if tree.origin != place.origin:
        raise EnvelopeError("log_leaf", "the proof is of another log than the receipt names")
    if proof.index != place.index:
        raise EnvelopeError("log_leaf", "the proof is of another entry than the receipt names")
    if tree.size < place.tree_size:
        raise EnvelopeError("log_leaf", "the log was smaller than when the receipt was given")


def _check_witnesses(signed: SignedCheckpoint, witnesses: Witnesses) -> None:
    try:
        seen = signed.witnesses(witnesses.keys)
    except LogError as error:
        raise EnvelopeError("witness_quorum", str(error)) from error
    count = _distinct(seen)
    if count < witnesses.quorum:
        raise EnvelopeError(
            "witness_quorum", f"{count} witnesses, {witnesses.quorum} are asked for"
        )


def _distinct(keys: Iterable[NoteKey]) -> int:
    """Count keys: one under two names is one witness."""
    return len({each.key.octets for each in keys})


def quorum_of(keys: Sequence[NoteKey], quorum: int | None) -> Witnesses:
    """Return the policy of these witnesses; all of them are asked for unless it says how many.

    Raises ValueError for more than there are, and for none of some.
    """
    known = _distinct(keys)
    wanted = known if quorum is None else quorum
    if not min(1, known) <= wanted <= known:
        raise ValueError(f"{wanted} of {known} witnesses can't be asked for")
    return Witnesses(tuple(keys), wanted)
