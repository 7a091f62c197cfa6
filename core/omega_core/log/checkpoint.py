"""Checkpoints: size and root of a log as a signed note (C2SP tlog-checkpoint).

The text is three lines: the log's *origin*, which is also the name of its key, the number of leaves
and the root in base64. The form allows further lines; no log of ours writes any, and they are
refused, because nobody here knows what they would mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from omega_core.facts import INTEGER_MAX
from omega_core.keys import PublicKey, SigningKey
from omega_core.log.errors import FormError
from omega_core.log.hashing import HASH_OCTETS
from omega_core.log.note import (
    KEY_NAME,
    Note,
    NoteKey,
    from_base64,
    parse_note,
    sign_note,
    to_base64,
)

_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log was at one time: its first `size` leaves have this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"

    def signed(self, key: SigningKey) -> str:
        """Return the note with the log's signature."""
        return sign_note(self.text, self.origin, key).to_text()


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as it was received: who signed it is still to be asked."""

    checkpoint: Checkpoint
    note: Note

    def is_signed_by_log(self, keys: Iterable[PublicKey]) -> bool:
        """Say whether one of these keys signed it as the log; raises NoteError."""
        return bool(self.note.signers(NoteKey(self.checkpoint.origin, key) for key in keys))

    def witnesses(self, keys: Iterable[NoteKey]) -> frozenset[NoteKey]:
        """Return which of these witnesses have cosigned it; raises NoteError."""
        return self.note.signers(keys)


def parse_checkpoint(text: str) -> SignedCheckpoint:
    """Return the checkpoint, its signatures unchecked; raises FormError."""
    note = parse_note(text)
    lines = note.text.split("\n")
    if len(lines) != 4:
        raise FormError("a checkpoint is three lines")
    origin, size, root = lines[0], parse_number(lines[1]), parse_hash(lines[2])
    if KEY_NAME.fullmatch(origin) is None:
        raise FormError("the origin of a checkpoint is no name")
    return SignedCheckpoint(Checkpoint(origin, size, root), note)


def parse_number(text: str) -> int:
    """Return a number of leaves, written in its one form; raises FormError."""
    if _NUMBER.fullmatch(text) is None or (number := int(text)) > INTEGER_MAX:
        raise FormError("not a number of leaves")
    return number


def parse_hash(text: str) -> bytes:
    """Return a hash of the tree; raises FormError."""
    octets = from_base64(text)
    if len(octets) != HASH_OCTETS:
        raise FormError(f"a hash has {HASH_OCTETS} octets")
    return octets
