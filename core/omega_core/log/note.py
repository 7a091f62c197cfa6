"""Signed notes: text that people can read, and under it who signed it (C2SP signed-note).

    omega.example/log1                        the text, whole lines
    7
    CwB/uRXrmyoUb1SxyG7FO2ZPjkVbdmCwtu4T7cDZIcA=
                                              an empty line
    — omega.example/log1 95QuLH4...           one line a signature: name, key id and signature

A signature is over the text with its last line end. The 4-octet *key id* says which key is meant
and is no reason to trust it; signatures of unknown keys are ignored, so that a witness can sign
before everybody knows it, and one of a known key that does not hold spoils the whole note. Base64
is taken in its one form only: no octet of a signature line is free to change.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from omega_core.keys import PUBLIC_KEY_OCTETS, SIGNATURE_OCTETS, PublicKey, SigningKey
from omega_core.limits import LOG_NOTE_BYTES_MAX, LOG_NOTE_SIGNATURES_MAX
from omega_core.log.errors import FormError, NoteError

KEY_NAME = re.compile(r"[^\s+\x00-\x1f]{1,128}")
_KEY_ID_OCTETS = 4
_TIME_OCTETS = 8
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")  # and half of a surrogate pair
_SIGNATURE_LINE = re.compile(r"— ([^ ]+) ([^ ]+)")


class KeyKind(IntEnum):
    """What a key signs; a part of its id, so a key of one kind never passes for the other."""

    NOTE = 0x01
    """The note's text."""
    COSIGNATURE = 0x04
    """A time, and the text after it: "I have seen this checkpoint" (C2SP tlog-cosignature)."""


@dataclass(frozen=True)
class NoteKey:
    """An Ed25519 key under the name that stands in signature lines."""

    name: str
    key: PublicKey
    kind: KeyKind = KeyKind.NOTE

    def __post_init__(self) -> None:
        if KEY_NAME.fullmatch(self.name) is None:
            raise FormError("a key's name is 1 to 128 characters without spaces or plus signs")

    @cached_property
    def key_id(self) -> bytes:
        """The first octets of SHA-256 over name, kind and key."""
        named = self.name.encode("utf-8") + b"\n" + bytes([self.kind]) + self.key.octets
        return hashlib.sha256(named).digest()[:_KEY_ID_OCTETS]

    @property
    def text(self) -> str:
        """The key in one line, `name+id+base64`: what is pinned in files."""
        kind_and_key = bytes([self.kind]) + self.key.octets
        return f"{self.name}+{self.key_id.hex()}+{to_base64(kind_and_key)}"

    @classmethod
    def from_text(cls, text: str) -> NoteKey:
        """Return the key written as `text`; raises FormError, also for a kind we don't know."""
        name, _, rest = text.partition("+")
        stated_id, _, encoded = rest.partition("+")
        octets = from_base64(encoded)
        if len(octets) != 1 + PUBLIC_KEY_OCTETS or octets[0] not in tuple(KeyKind):
            raise FormError("not an Ed25519 key of a note or a cosignature")
        key = cls(name, PublicKey(octets[1:]), KeyKind(octets[0]))
        if key.key_id.hex() != stated_id:
            raise FormError("the key is not the one its id says")
        return key


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One line under a note: nothing in it has been checked."""

    name: str
    key_id: bytes
    octets: bytes

    @property
    def line(self) -> str:
        """The line as it stands under the note."""
        return f"— {self.name} {to_base64(self.key_id + self.octets)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was received."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def to_text(self) -> str:
        """Return the note with its signatures."""
        return f"{self.text}\n{''.join(each.line for each in self.signatures)}"

    def signers(self, keys: Iterable[NoteKey]) -> frozenset[NoteKey]:
        """Return which of these keys have signed; raises NoteError where one's does not hold."""
        known = list(keys)
        signed: set[NoteKey] = set()
        for signature in self.signatures:
            meant = [
                key for key in known if (key.name, key.key_id) == (signature.name, signature.key_id)
            ]
            held = [key for key in meant if _holds(self.text, signature, key)]
            if meant and not held:
                raise NoteError(f"key {signature.key_id.hex()} did not sign this note")
            signed.update(held)
        return frozenset(signed)


def parse_note(text: str) -> Note:
    """Return the note, its signatures unchecked; raises FormError."""
    if len(text) > LOG_NOTE_BYTES_MAX:
        raise FormError(f"{len(text)} characters, {LOG_NOTE_BYTES_MAX} at most")
    if _CONTROL.search(text) is not None:
        raise FormError("a control character in a note")
    body, found, lines = text.rpartition("\n\n")
    if not found or not body or not lines.endswith("\n"):
        raise FormError("a note is whole lines, an empty one, and lines of signatures")
    signatures = tuple(map(_signature, lines[:-1].split("\n")))
    if len(signatures) > LOG_NOTE_SIGNATURES_MAX:
        raise FormError(f"{len(signatures)} signatures, {LOG_NOTE_SIGNATURES_MAX} at most")
    return Note(f"{body}\n", signatures)


def sign_note(text: str, name: str, key: SigningKey) -> Note:
    """Return the note with the signature of its author. `text` ends with a line end."""
    key_id = NoteKey(name, key.public).key_id
    return Note(text, (NoteSignature(name, key_id, key.sign(text.encode("utf-8"))),))


def cosigned_message(unix_s: int, text: str) -> bytes:
    """Return what a witness signs: that it has seen this checkpoint, at this time."""
    return f"cosignature/v1\ntime {unix_s}\n{text}".encode()


def to_base64(octets: bytes) -> str:
    """Return the standard alphabet with padding."""
    return base64.standard_b64encode(octets).decode("ascii")


def from_base64(text: str) -> bytes:
    """Return the octets; raises FormError unless encoding them gives the same text again."""
    try:
        octets = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:
        raise FormError("not base64") from error
    if to_base64(octets) != text:
        raise FormError("not base64 in its one form")
    return octets


def _signature(line: str) -> NoteSignature:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None or KEY_NAME.fullmatch(match[1]) is None:
        raise FormError("a line under a note is no signature")
    octets = from_base64(match[2])
    if len(octets) <= _KEY_ID_OCTETS:
        raise FormError("a signature of no octets")
    return NoteSignature(match[1], octets[:_KEY_ID_OCTETS], octets[_KEY_ID_OCTETS:])


def _holds(text: str, signature: NoteSignature, key: NoteKey) -> bool:
    """Say whether the key made the signature; of another length it never does."""
    octets, message = signature.octets, text.encode("utf-8")
    if key.kind is KeyKind.COSIGNATURE:
        unix_s = int.from_bytes(octets[:_TIME_OCTETS], "big")
        octets, message = octets[_TIME_OCTETS:], cosigned_message(unix_s, text)
    return len(octets) == SIGNATURE_OCTETS and key.key.verifies(message, octets)
