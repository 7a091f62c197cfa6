r"""A tree that only grows: appending, roots and proofs from the hashes of complete subtrees.

Theory of operation. A subtree of 2^level leaves that begins at a multiple of 2^level is *complete*:
its hash never changes again. `Node(level, number)` names it, level 0 being the leaves. Every root
and every hash of a proof is a fold of a few of them, so a log stores each of them once, when its
last leaf arrives, and reads them back by name:

    level 2         0               a tree of 7 leaves: its *peaks* are (2,0) (1,2) (0,6), and
                  /   \             root = H((2,0), H((1,2), (0,6)))
    level 1     0       1       2
               / \     / \     / \
    level 0   0   1   2   3   4   5   6

A tree of n leaves has at most log2(n) + 1 peaks. To append a leaf takes these, and gives a leaf and
as many nodes as n has ones at its low end, one on average. A proof reads at most 2 log2(n) hashes.

`position_of` numbers the complete subtrees in the order they come into being: a store that appends
only keeps them as a row of hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from omega_core.log.hashing import EMPTY_ROOT, node_hash


class Node(NamedTuple):
    """A complete subtree: the `number`-th of those, from 0, with 2^level leaves."""

    level: int
    number: int


class HashReader(Protocol):
    """Where the hashes of complete subtrees are kept."""

    def read(self, nodes: Sequence[Node]) -> Sequence[bytes]:
        """Return their hashes in the order of `nodes`; raises LookupError where one is missing."""
        ...


class Frontier:
    """The peaks of a tree: enough to append to it and to know its root, whatever its size."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Take up a tree of `size` leaves; `peaks` are the hashes of `peaks_of(size)`."""
        self.size = size
        self._peaks = list(peaks)
        if len(self._peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks")

    def append(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """Append a leaf hash; return the subtrees that became complete, from the leaf upwards."""
        node, made = leaf, [(Node(0, self.size), leaf)]
        level, number = 0, self.size
        while number & 1:
            level, number = level + 1, number >> 1
            node = node_hash(self._peaks.pop(), node)
            made.append((Node(level, number), node))
        self._peaks.append(node)
        self.size += 1
        return made

    def root(self) -> bytes:
        """Return the root of the tree."""
        return _folded(self._peaks)


def position_of(node: Node) -> int:
    """Return how many complete subtrees came into being before this one.

    A subtree is complete with its last leaf, right after those below it; n leaves have made
    2n - ones(n) subtrees, each node above the leaves joining two of them.
    """
    last_leaf = ((node.number + 1) << node.level) - 1
    return positions_of(last_leaf) + node.level


def positions_of(size: int) -> int:
    """Return how many complete subtrees a tree of `size` leaves has."""
    return 2 * size - size.bit_count()


def peaks_of(size: int) -> list[Node]:
    """Return the complete subtrees that a tree of `size` leaves consists of, the largest first."""
    return _nodes_of(0, size)


def root_of(reader: HashReader, size: int) -> bytes:
    """Return the root of the first `size` leaves; what was appended later changes nothing."""
    return _hashes(reader, [(0, size)])[0]


def inclusion_path(reader: HashReader, index: int, size: int) -> list[bytes]:
    """Return the path from leaf `index` to the root of `size` leaves (RFC 6962 section 2.1.1).

    Hashes stand from the leaf's sibling upwards. Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    start, end = 0, size
    beside: list[tuple[int, int]] = []
    while end - start > 1:
        split = _split(start, end)
        if index < split:
            beside.append((split, end))
            end = split
        else:
            beside.append((start, split))
            start = split
    return _hashes(reader, beside[::-1])


def consistency_path(reader: HashReader, old: int, new: int) -> list[bytes]:
    """Return the proof that `new` leaves begin with `old` leaves (RFC 6962 section 2.1.2).

    It is empty where nothing is to be proved: for equal sizes, and from the empty tree. Raises
    ValueError unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not begin with {old}")
    if old == 0:
        return []
    start, end = 0, new
    needed: list[tuple[int, int]] = []
    while old < end:
        split = _split(start, end)
        if old <= split:
            needed.append((split, end))
            end = split
        else:
            needed.append((start, split))
            start = split
    if start > 0:  # else it is the old tree itself, whose root the reader has
        needed.append((start, end))
    return _hashes(reader, needed[::-1])


def _split(start: int, end: int) -> int:
    """Return where the larger left subtree ends: the largest power of two below the size."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _nodes_of(start: int, end: int) -> list[Node]:
    """Return the complete subtrees of a range, left to right.

    `start` is a multiple of the largest power of two in the range: every `_split` gives such.
    """
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def _hashes(reader: HashReader, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Return the hash of each range of leaves, with one question to the reader."""
    parts = [_nodes_of(*each) for each in ranges]
    read = iter(reader.read([node for part in parts for node in part]))
    return [_folded([next(read) for _ in part]) for part in parts]


def _folded(peaks: Sequence[bytes]) -> bytes:
    """Join subtrees of falling size from the right, as the definition of the root does."""
    if not peaks:
        return EMPTY_ROOT
    joined = peaks[-1]
    for peak in reversed(peaks[:-1]):
        joined = node_hash(peak, joined)
    return joined
