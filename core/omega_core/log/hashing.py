"""Hashes of the log's tree (RFC 6962 section 2.1), and what its leaves are made of.

Leaves and nodes are hashed with different first octets, so that no node passes for a leaf.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

HASH_OCTETS = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


class EntryKind(StrEnum):
    """What an entry of the log is about; a part of its leaf, so never renamed."""

    RECORD = "record"


def entry_data(kind: EntryKind, envelope_digest: str) -> bytes:
    """Return the octets of a leaf: three lines. `envelope_digest` is hexadecimal SHA-256.

    The digest is of the envelope as it was received, signatures included: one that is written
    another way is another entry.
    """
    return f"omega-log/v1\n{kind}\n{envelope_digest}\n".encode("ascii")


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf with this content."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node over two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def entry_hash(kind: EntryKind, envelope_digest: str) -> bytes:
    """Return the leaf hash of an entry."""
    return leaf_hash(entry_data(kind, envelope_digest))
