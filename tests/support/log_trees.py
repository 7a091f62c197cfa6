"""A second oracle for the log: RFC 6962 section 2.1 as it is written, recursive and slow.

Also logs kept in memory, and a witness, for tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from omega_core.keys import SigningKey
from omega_core.log.checkpoint import Checkpoint
from omega_core.log.hashing import leaf_hash
from omega_core.log.note import KeyKind, NoteKey, NoteSignature, cosigned_message
from omega_core.log.proof_file import InclusionProof
from omega_core.log.tree import Frontier, Node, inclusion_path, root_of

LOG_ORIGIN = "omega.example/log1"
LOG_KEY = SigningKey.from_octets(bytes(range(0x20, 0x40)))
WITNESS_NAME = "witness.example/w1"
WITNESS_KEY = SigningKey.from_octets(bytes(range(0x40, 0x60)))
WITNESS = NoteKey(WITNESS_NAME, WITNESS_KEY.public, KeyKind.COSIGNATURE)
WITNESSED_UNIX_S = 1_790_000_000


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n])."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = naive_split(len(leaves))
    parts = naive_root(leaves[:split]) + naive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + parts).digest()


def naive_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    split = naive_split(len(leaves))
    if index < split:
        return [*naive_path(index, leaves[:split]), naive_root(leaves[split:])]
    return [*naive_path(index - split, leaves[split:]), naive_root(leaves[:split])]


def naive_consistency(old: int, leaves: Sequence[bytes], *, is_whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b)."""
    if old == len(leaves):
        return [] if is_whole else [naive_root(leaves)]
    split = naive_split(len(leaves))
    if old <= split:
        inner = naive_consistency(old, leaves[:split], is_whole=is_whole)
        return [*inner, naive_root(leaves[split:])]
    inner = naive_consistency(old - split, leaves[split:], is_whole=False)
    return [*inner, naive_root(leaves[:split])]


def naive_split(count: int) -> int:
    """Return the largest power of two below the count."""
    split = 1
    while 2 * split < count:
        split *= 2
    return split


@dataclass
class MemoryLog:
    """A log kept in memory; `read_count` says how many hashes were asked for."""

    frontier: Frontier = field(default_factory=Frontier)
    hashes: dict[Node, bytes] = field(default_factory=dict)
    read_count: int = 0

    @classmethod
    def of(cls, leaves: Iterable[bytes]) -> MemoryLog:
        """Return the log with these leaves."""
        log = cls()
        for leaf in leaves:
            log.append(leaf_hash(leaf))
        return log

    def append(self, leaf: bytes) -> None:
        """Append a leaf hash."""
        self.hashes.update(self.frontier.append(leaf))

    def read(self, nodes: Sequence[Node]) -> list[bytes]:
        """See `HashReader.read`."""
        self.read_count += len(nodes)
        return [self.hashes[node] for node in nodes]

    def checkpoint(self, *, origin: str = LOG_ORIGIN, size: int | None = None) -> Checkpoint:
        """Return the checkpoint of the first `size` leaves, of all of them by default."""
        leaves = self.frontier.size if size is None else size
        return Checkpoint(origin, leaves, root_of(self, leaves))

    def proof(self, index: int, *, key: SigningKey = LOG_KEY) -> InclusionProof:
        """Return the proof of a leaf under a signed checkpoint of the whole log."""
        tree = self.checkpoint()
        path = inclusion_path(self, index, tree.size)
        return InclusionProof(index, tuple(path), tree.signed(key))


def cosignature(
    text: str,
    *,
    key: SigningKey = WITNESS_KEY,
    name: str = WITNESS_NAME,
    unix_s: int = WITNESSED_UNIX_S,
) -> NoteSignature:
    """Return what a witness adds to a checkpoint with this text."""
    key_id = NoteKey(name, key.public, KeyKind.COSIGNATURE).key_id
    signature = key.sign(cosigned_message(unix_s, text))
    return NoteSignature(name, key_id, unix_s.to_bytes(8, "big") + signature)
