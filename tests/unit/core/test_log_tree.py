"""The log's tree: golden values, bounds, and how much of it a proof needs."""

from __future__ import annotations

import pytest

from omega_core.log.errors import ProofError
from omega_core.log.hashing import EMPTY_ROOT, EntryKind, entry_hash, leaf_hash
from omega_core.log.proofs import check_consistency, check_inclusion
from omega_core.log.tree import (
    Frontier,
    Node,
    consistency_path,
    inclusion_path,
    peaks_of,
    position_of,
    positions_of,
    root_of,
)
from support.log_trees import MemoryLog

LEAVES = [f"leaf-{number}".encode() for number in range(7)]
LOG = MemoryLog.of(LEAVES)
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "305df59f9590c3c9ac63d2b2743c388e3792449078cebf7fb3dbe6471643b2b7",
    3: "cf763a041c81ceef1578a6083f75c61bef2e0014f2a3e683a97fcfca5be7f19a",
    7: "0b007fb915eb9b2a146f54b1c86ec53b664f8e455b7660b0b6ee13edc0d921c0",
}
PATH_OF_2_IN_7 = [
    "f76836325aec5699d8d71f8e42e9d47c5c29b08059ba296384f7ca40ad3a40ae",
    "60a53eed0de87a90c8e59427c59c46253c33a76a09502a51801300927b7e6bdc",
    "8eae6bd3b3a07f1f75ee72a531629e6eb31e42e62f760e47de52a53c3641ef23",
]
FROM_3_TO_7 = ["fca89f57c9f8c8eb4047a7ff9d333acf9e0f3384b20b255bceab0f216dcca267", *PATH_OF_2_IN_7]


def test_the_golden_leaf_of_an_entry() -> None:
    empty_envelope = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert entry_hash(EntryKind.RECORD, empty_envelope).hex() == (
        "1901ebd8b7092d79d5e8244387fd6b5e332c45da9cb8da521426f99439de4731"
    )


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_the_golden_roots(size: int, root: str) -> None:
    assert root_of(LOG, size).hex() == root


def test_the_golden_path() -> None:
    path = inclusion_path(LOG, 2, 7)
    assert [each.hex() for each in path] == PATH_OF_2_IN_7
    check_inclusion(leaf_hash(b"leaf-2"), index=2, size=7, path=path, root=root_of(LOG, 7))


def test_the_golden_consistency_proof() -> None:
    path = consistency_path(LOG, 3, 7)
    assert [each.hex() for each in path] == FROM_3_TO_7
    check_consistency(3, root_of(LOG, 3), 7, root_of(LOG, 7), path)


def test_a_frontier_knows_the_root_of_what_it_has_seen() -> None:
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT
    for size, leaf in enumerate(LEAVES, 1):
        frontier.append(leaf_hash(leaf))
        assert (frontier.size, frontier.root()) == (size, root_of(LOG, size))


def test_a_frontier_is_taken_up_from_its_peaks() -> None:
    taken_up = Frontier(5, LOG.read(peaks_of(5)))
    assert [node for node, _ in taken_up.append(leaf_hash(LEAVES[5]))] == [Node(0, 5), Node(1, 2)]
    assert taken_up.root() == root_of(LOG, 6)


@pytest.mark.parametrize("count", [0, 1, 3], ids=lambda count: f"with {count} peaks")
def test_a_frontier_without_its_own_peaks_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="5 leaves has 2 peaks"):
        Frontier(5, [EMPTY_ROOT] * count)


def test_subtrees_are_numbered_in_the_order_they_come_into_being() -> None:
    frontier = Frontier()
    made = [node for _ in range(100) for node, _ in frontier.append(EMPTY_ROOT)]
    assert [position_of(node) for node in made] == list(range(len(made)))
    assert positions_of(100) == len(made)


@pytest.mark.parametrize(
    ("index", "size"),
    [
        pytest.param(7, 7, id="one past the last"),
        pytest.param(8, 7, id="further on"),
        pytest.param(0, 0, id="of an empty tree"),
        pytest.param(-1, 7, id="before the first"),
    ],
)
def test_there_is_no_path_of_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_path(LOG, index, size)
    with pytest.raises(ProofError, match="no leaf"):
        check_inclusion(leaf_hash(b""), index=index, size=size, path=[], root=EMPTY_ROOT)


@pytest.mark.parametrize(("old", "new"), [(7, 6), (-1, 7)])
def test_a_tree_does_not_begin_with_a_larger_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="does not begin"):
        consistency_path(LOG, old, new)
    with pytest.raises(ProofError, match="does not begin"):
        check_consistency(old, EMPTY_ROOT, new, EMPTY_ROOT, [])


@pytest.mark.parametrize(
    ("path", "why"),
    [
        pytest.param(PATH_OF_2_IN_7[:2], "ends below the root", id="one hash short"),
        pytest.param([], "ends below the root", id="no hash at all"),
        pytest.param([*PATH_OF_2_IN_7, ROOTS[7]], "above the root", id="one hash more"),
        pytest.param(PATH_OF_2_IN_7[::-1], "another root", id="in another order"),
    ],
)
def test_a_path_of_another_length_or_order_is_refused(path: list[str], why: str) -> None:
    with pytest.raises(ProofError, match=why):
        check_inclusion(
            leaf_hash(b"leaf-2"),
            index=2,
            size=7,
            path=[bytes.fromhex(each) for each in path],
            root=root_of(LOG, 7),
        )


@pytest.mark.parametrize(
    ("old", "new", "path", "why"),
    [
        pytest.param(3, 7, [], "empty", id="nothing where something is to be proved"),
        pytest.param(3, 7, FROM_3_TO_7[:3], "below the root", id="one hash short"),
        pytest.param(3, 7, [*FROM_3_TO_7, ROOTS[1]], "above the root", id="one hash more"),
        pytest.param(7, 7, [ROOTS[7]], "nothing to prove", id="a proof of sameness"),
        pytest.param(0, 7, [ROOTS[7]], "nothing to prove", id="a proof from nothing"),
        pytest.param(4, 7, FROM_3_TO_7, "above the root", id="the proof of another size"),
    ],
)
def test_a_consistency_proof_of_another_length_is_refused(
    old: int, new: int, path: list[str], why: str
) -> None:
    with pytest.raises(ProofError, match=why):
        check_consistency(
            old, root_of(LOG, old), new, root_of(LOG, new), [bytes.fromhex(each) for each in path]
        )


def test_equal_sizes_need_equal_roots_and_nothing_else() -> None:
    check_consistency(7, root_of(LOG, 7), 7, root_of(LOG, 7), [])
    with pytest.raises(ProofError, match="two roots"):
        check_consistency(7, root_of(LOG, 7), 7, EMPTY_ROOT, [])


def test_every_tree_begins_with_the_empty_one() -> None:
    check_consistency(0, b"not looked at", 7, root_of(LOG, 7), consistency_path(LOG, 0, 7))


def test_a_log_whose_old_part_was_changed_is_found() -> None:
    rewritten = MemoryLog.of([b"changed", *LEAVES[1:]])
    proof = consistency_path(rewritten, 3, 7)
    with pytest.raises(ProofError, match="begin with the old one"):
        check_consistency(3, root_of(LOG, 3), 7, root_of(rewritten, 7), proof)


def test_a_log_whose_new_part_was_changed_is_found() -> None:
    rewritten = MemoryLog.of([*LEAVES[:6], b"changed"])
    with pytest.raises(ProofError, match="another root"):
        check_consistency(3, root_of(LOG, 3), 7, root_of(rewritten, 7), consistency_path(LOG, 3, 7))


@pytest.mark.parametrize("size", [1_000, 4_096, 4_097])
def test_proofs_read_a_logarithmic_number_of_hashes(size: int) -> None:
    log = MemoryLog.of(number.to_bytes(4, "big") for number in range(size))
    most = 2 * size.bit_length()
    for index in (0, 1, size // 3, size - 2, size - 1):
        log.read_count = 0
        assert len(inclusion_path(log, index, size)) <= size.bit_length()
        assert log.read_count <= most
        log.read_count = 0
        assert len(consistency_path(log, index, size)) <= size.bit_length() + 1
        assert log.read_count <= most
