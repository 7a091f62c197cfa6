"""The log against RFC 6962 as it is written, and what a changed octet does to its proofs."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.log.checkpoint import parse_checkpoint
from omega_core.log.errors import FormError, LogError, ProofError
from omega_core.log.hashing import leaf_hash
from omega_core.log.note import parse_note
from omega_core.log.proof_file import parse_proof
from omega_core.log.proofs import check_consistency, check_inclusion
from omega_core.log.tree import consistency_path, inclusion_path, root_of
from support.log_trees import (
    LOG_KEY,
    WITNESS,
    MemoryLog,
    cosignature,
    naive_consistency,
    naive_path,
    naive_root,
)

LEAVES = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


@given(leaves=LEAVES, data=st.data())
def test_roots_and_proofs_are_those_of_the_bare_definition(
    leaves: list[bytes], data: st.DataObject
) -> None:
    log = MemoryLog.of(leaves)
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    root = naive_root(leaves[:size])
    assert root_of(log, size) == root
    path = inclusion_path(log, index, size)
    assert path == naive_path(index, leaves[:size])
    check_inclusion(leaf_hash(leaves[index]), index=index, size=size, path=path, root=root)
    proof = consistency_path(log, old, size)
    assert proof == (naive_consistency(old, leaves[:size]) if old else [])
    check_consistency(old, naive_root(leaves[:old]), size, root, proof)


@given(count=st.integers(2, 40), data=st.data())
def test_a_path_holds_for_no_other_leaf_and_place(count: int, data: st.DataObject) -> None:
    log = MemoryLog.of(number.to_bytes(2, "big") for number in range(count))
    index, other = data.draw(
        st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)
    )
    path, root = inclusion_path(log, index, count), root_of(log, count)
    leaf, other_leaf = (leaf_hash(each.to_bytes(2, "big")) for each in (index, other))
    for stated, place in ((other_leaf, index), (leaf, other), (other_leaf, other)):
        with pytest.raises(ProofError):
            check_inclusion(stated, index=place, size=count, path=path, root=root)


@given(count=st.integers(2, 40), data=st.data())
def test_a_changed_bit_of_a_proof_is_found(count: int, data: st.DataObject) -> None:
    log = MemoryLog.of(number.to_bytes(2, "big") for number in range(count))
    old = data.draw(st.integers(1, count - 1))
    proof = consistency_path(log, old, count)
    which = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    proof[which] = (int.from_bytes(proof[which], "big") ^ (1 << bit)).to_bytes(32, "big")
    with pytest.raises(ProofError):
        check_consistency(old, root_of(log, old), count, root_of(log, count), proof)


def test_every_changed_character_of_a_proof_file_is_found() -> None:
    """All positions, each with several other characters; leaf, index and both keys are known."""
    log = MemoryLog.of(f"leaf-{number}".encode() for number in range(7))
    tree = log.checkpoint()
    checkpoint = tree.signed(LOG_KEY) + cosignature(tree.text).line
    text = log.proof(2).to_text().partition("\n\n")[0] + "\n\n" + checkpoint
    _check_all(text)
    others = "\x00\n +-0A=\x7fé—"
    for position, character in enumerate(text):
        for other in {*others, chr(ord(character) ^ 1), chr(ord(character) ^ 32)} - {character}:
            with pytest.raises(LogError):
                _check_all(text[:position] + other + text[position + 1 :])
    for position in range(len(text)):
        with pytest.raises(LogError):
            _check_all(text[:position] + text[position + 1 :])


def _check_all(text: str) -> None:
    """Check a proof of `leaf-2` as somebody does who has pinned log and witness."""
    proof = parse_proof(text)
    if proof.extra is not None or proof.index != 2:
        raise ProofError("not the place that the receipt names")
    signed = proof.opened()
    proof.check(leaf_hash(b"leaf-2"), signed)
    if not signed.is_signed_by_log([LOG_KEY.public]) or not signed.witnesses([WITNESS]):
        raise ProofError("not signed by all that are asked for")


@given(text=st.text(max_size=300) | st.text(alphabet="ab \n—+=019", max_size=120))
def test_whatever_the_text_it_is_read_or_refused(text: str) -> None:
    for parse in (parse_note, parse_checkpoint, parse_proof):
        for prefix in ("", "c2sp.org/tlog-proof@v1\n", "o\n0\n"):
            with suppress(FormError):
                parse(prefix + text)
