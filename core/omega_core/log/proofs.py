"""Check what a log proves, without the log: leaf, path and root in, silence or ProofError out.

Both walk from a leaf to the root, one hash of the proof a step; `_sides` says on which side each of
them stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from omega_core.log.errors import ProofError
from omega_core.log.hashing import node_hash


def check_inclusion(
    leaf: bytes, *, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Raise ProofError unless the leaf hash is leaf `index` of the tree of `size` with this root.

    RFC 6962 section 2.1.1; the walk is that of RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} has no leaf {index}")
    joined = leaf
    for each, is_left in zip(path, _sides(index, size - 1, len(path)), strict=True):
        joined = node_hash(each, joined) if is_left else node_hash(joined, each)
    if joined != root:
        raise ProofError("the path leads to another root")


def check_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Raise ProofError unless the tree with `new_root` begins with the one with `old_root`.

    RFC 6962 section 2.1.2; the walk is that of RFC 9162 section 2.1.4.2. The empty tree is the
    beginning of every tree: its root proves nothing and is not looked at.
    """
    if not 0 <= old_size <= new_size:
        raise ProofError(f"a tree of {new_size} does not begin with one of {old_size}")
    if old_size in {0, new_size}:
        if path:
            raise ProofError("there is nothing to prove, and yet a proof")
        if old_size == new_size and old_root != new_root:
            raise ProofError("two roots for one size")
        return
    if not path:
        raise ProofError("the proof is empty")
    place, last = old_size - 1, new_size - 1
    while place & 1:  # up to the last complete subtree of the old tree
        place, last = place >> 1, last >> 1
    # Where that is the whole of it, the old root stands for the first hash of the proof.
    first, *others = [old_root, *path] if place == 0 else path
    old_joined = new_joined = first
    for each, is_left in zip(others, _sides(place, last, len(others)), strict=True):
        if is_left:
            old_joined = node_hash(each, old_joined)
        new_joined = node_hash(each, new_joined) if is_left else node_hash(new_joined, each)
    if old_joined != old_root:
        raise ProofError("the new tree does not begin with the old one")
    if new_joined != new_root:
        raise ProofError("the proof leads to another root")


def _sides(place: int, last: int, count: int) -> list[bool]:
    """Return for each of `count` hashes whether it stands to the left of the way to the root.

    `place` is the number of the subtree we stand on at its level, `last` that of the level's last
    one. A neighbour to the left is there for a right child, and for a subtree at the ragged right
    edge, which has none to its right: that goes up until it has one. Raises ProofError unless
    `count` is exactly how many hashes the way needs.
    """
    sides = []
    for _ in range(count):
        if last == 0:
            raise ProofError("the proof goes on above the root")
        is_left = bool(place & 1) or place == last
        while is_left and not place & 1:
            place, last = place >> 1, last >> 1
        sides.append(is_left)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof ends below the root")
    return sides
