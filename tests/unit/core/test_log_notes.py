"""Signed notes, checkpoints, cosignatures and proof files: golden values and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.keys import PublicKey, SigningKey
from omega_core.limits import (
    LOG_NOTE_BYTES_MAX,
    LOG_NOTE_SIGNATURES_MAX,
    LOG_PATH_HASHES_MAX,
    LOG_PROOF_BYTES_MAX,
)
from omega_core.log.checkpoint import Checkpoint, parse_checkpoint, parse_hash, parse_number
from omega_core.log.errors import FormError, NoteError, ProofError
from omega_core.log.hashing import leaf_hash
from omega_core.log.note import (
    KeyKind,
    Note,
    NoteKey,
    NoteSignature,
    from_base64,
    parse_note,
    sign_note,
    to_base64,
)
from omega_core.log.proof_file import InclusionProof, parse_proof
from support.builders import STRANGER_KEY
from support.log_trees import (
    LOG_KEY,
    LOG_ORIGIN,
    WITNESS,
    WITNESS_KEY,
    WITNESS_NAME,
    MemoryLog,
    cosignature,
)

LOG = MemoryLog.of(f"leaf-{number}".encode() for number in range(7))
TREE = LOG.checkpoint()
TEXT = TREE.text
SIGNED = TREE.signed(LOG_KEY)
PROOF = LOG.proof(2)
GOLDEN_SIGNATURE = (
    "95QuLH412J1tbT222X/uvLgInUVj18sFRF4lX1wQewIwnSQpbLhnlz6mzGeBUj0nxKFntcLyJckTU80Cloefq0YUfwE="
)
GOLDEN_COSIGNATURE = (
    "tyurLgAAAABqsTuAkql8LSGjRnlOtwJNzFyOGAtuXSwX8lsHkDINHXF0S38maEuKnVv9Og13p+Ro+6TcRpeIIvAULY6R"
    "2YUVedF0Bw=="
)


def names(signers: frozenset[NoteKey]) -> set[str]:
    return {key.name for key in signers}


# Golden values


def test_the_golden_key_id() -> None:
    assert NoteKey(LOG_ORIGIN, LOG_KEY.public).key_id.hex() == "f7942e2c"


def test_the_golden_checkpoint() -> None:
    assert f"{TEXT}\n— {LOG_ORIGIN} {GOLDEN_SIGNATURE}\n" == SIGNED
    assert TEXT.split("\n")[:2] == [LOG_ORIGIN, "7"]


def test_the_golden_cosignature() -> None:
    note = f"{SIGNED}— {WITNESS_NAME} {GOLDEN_COSIGNATURE}\n"
    assert SIGNED + cosignature(TEXT).line == note
    signed = parse_checkpoint(note)
    assert signed.is_signed_by_log([LOG_KEY.public])
    assert signed.witnesses([WITNESS]) == {WITNESS}


# Notes


def test_what_was_written_is_read_again() -> None:
    note = parse_note(SIGNED)
    assert note.to_text() == SIGNED
    assert parse_checkpoint(SIGNED).checkpoint == TREE


def test_a_note_may_have_empty_lines() -> None:
    note = sign_note("first\n\n\nlast\n", "key", LOG_KEY)
    assert parse_note(note.to_text()) == note


def test_unknown_keys_are_ignored() -> None:
    other = NoteSignature("somebody.example", b"\x00\x01\x02\x03", b"of a kind nobody here knows")
    note = Note(TEXT, (*parse_note(SIGNED).signatures, other))
    assert names(note.signers([NoteKey(LOG_ORIGIN, LOG_KEY.public)])) == {LOG_ORIGIN}
    assert note.signers([NoteKey(LOG_ORIGIN, STRANGER_KEY.public)]) == frozenset()
    assert note.signers([NoteKey("another.example", LOG_KEY.public)]) == frozenset()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(STRANGER_KEY.sign(TEXT.encode()), id="another key's signature"),
        pytest.param(LOG_KEY.sign(TEXT.encode())[:-1], id="a signature one octet short"),
        pytest.param(LOG_KEY.sign(TEXT.encode()[:-1]), id="over the text without its line end"),
    ],
)
def test_a_known_key_that_fails_spoils_the_note(octets: bytes) -> None:
    key = NoteKey(LOG_ORIGIN, LOG_KEY.public)
    good = parse_note(SIGNED).signatures
    note = Note(TEXT, (*good, NoteSignature(key.name, key.key_id, octets)))
    with pytest.raises(NoteError, match="f7942e2c"):
        note.signers([key])


def test_a_key_counts_once_however_often_it_signs() -> None:
    later = cosignature(TEXT, unix_s=1_790_000_001)
    note = Note(TEXT, (cosignature(TEXT), later))
    assert note.signers([WITNESS]) == {WITNESS}


def test_a_key_of_one_kind_does_not_sign_as_the_other() -> None:
    as_note = NoteKey(WITNESS_NAME, WITNESS_KEY.public)
    note = Note(TEXT, (cosignature(TEXT),))
    assert note.signers([as_note]) == frozenset()
    bare = sign_note(TEXT, WITNESS_NAME, WITNESS_KEY)
    assert bare.signers([WITNESS]) == frozenset()


def test_a_witness_whose_time_was_changed_fails() -> None:
    given = cosignature(TEXT)
    moved = NoteSignature(given.name, given.key_id, b"\x01" + given.octets[1:])
    with pytest.raises(NoteError):
        Note(TEXT, (moved,)).signers([WITNESS])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(TEXT, id="no signature"),
        pytest.param(TEXT + "\n", id="no line under the empty one"),
        pytest.param(SIGNED[:-1], id="no line end"),
        pytest.param(SIGNED + "\n", id="an empty line at the end"),
        pytest.param(SIGNED[len(TEXT) - 1 :], id="no text"),
        pytest.param(SIGNED.replace("—", "-"), id="a hyphen for the dash"),
        pytest.param(SIGNED.replace(" 95Qu", "  95Qu"), id="two spaces"),
        pytest.param(SIGNED.replace("— omega", "— +mega"), id="a plus sign in a name"),
        pytest.param(SIGNED.replace("YUfwE=", "YUfwF="), id="bits that encode nothing"),
        pytest.param(SIGNED.replace("wE=", "wE"), id="padding missing"),
        pytest.param(SIGNED.replace("95Qu", "95Q\u00fc"), id="not base64 at all"),
        pytest.param(SIGNED.replace("\n7\n", "\n7\r\n"), id="a carriage return"),
        pytest.param(SIGNED.replace("\n7\n", "\n\ud800\n"), id="half a surrogate pair"),
        pytest.param(f"{TEXT}\n— {LOG_ORIGIN} 95QuLA==\n", id="a key id without a signature"),
        pytest.param(
            f"{TEXT}\n" + parse_note(SIGNED).signatures[0].line * (LOG_NOTE_SIGNATURES_MAX + 1),
            id="one signature too many",
        ),
        pytest.param("x" * LOG_NOTE_BYTES_MAX + f"\n{SIGNED}", id="too large"),
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(FormError):
        parse_note(text)


def test_as_many_signatures_as_may_be_are_read() -> None:
    line = parse_note(SIGNED).signatures[0].line
    assert len(parse_note(f"{TEXT}\n" + line * LOG_NOTE_SIGNATURES_MAX).signatures) == (
        LOG_NOTE_SIGNATURES_MAX
    )


# Keys in one line


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_key_is_written_and_read_in_one_line(kind: KeyKind) -> None:
    key = NoteKey(LOG_ORIGIN, LOG_KEY.public, kind)
    assert NoteKey.from_text(key.text) == key


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(WITNESS.text.replace("+b72bab2e+", "+b72bab2f+"), id="another id"),
        pytest.param(WITNESS.text.replace("witness", "without"), id="another name"),
        pytest.param(WITNESS.text.replace("+", " ", 1), id="one plus sign"),
        pytest.param("w+00000000+" + to_base64(b"\x06" + bytes(32)), id="of another kind"),
        pytest.param("w+00000000+" + to_base64(b"\x04" + bytes(31)), id="an octet short"),
        pytest.param("+00000000+" + to_base64(b"\x04" + bytes(32)), id="without a name"),
    ],
)
def test_what_is_no_key_in_one_line_is_refused(text: str) -> None:
    with pytest.raises(FormError):
        NoteKey.from_text(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\u2003b", "x" * 129])
def test_what_is_no_name_of_a_key_is_refused(name: str) -> None:
    with pytest.raises(FormError, match="name"):
        NoteKey(name, LOG_KEY.public)


# Checkpoints


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{TEXT}more\n", id="a fourth line"),
        pytest.param(f"{TEXT}\n", id="an empty fourth line"),
        pytest.param(TEXT.replace("\n7\n", "\n07\n"), id="a zero before the size"),
        pytest.param(TEXT.replace("\n7\n", "\n-7\n"), id="a size below zero"),
        pytest.param(TEXT.replace("\n7\n", "\n\u0667\n"), id="a digit of another script"),
        pytest.param(TEXT.replace("\n7\n", "\n9007199254740992\n"), id="a size beyond 2^53"),
        pytest.param(TEXT.replace("\n7\n", "\n\n"), id="no size"),
        pytest.param(TEXT.replace("=\n", "\n"), id="a root without padding"),
        pytest.param(f"{LOG_ORIGIN}\n7\n{to_base64(bytes(31))}\n", id="a root an octet short"),
        pytest.param(TEXT.replace("omega.", "omega "), id="a space in the origin"),
        pytest.param("one line\n", id="one line"),
    ],
)
def test_what_is_no_checkpoint_is_refused_even_when_signed(text: str) -> None:
    with pytest.raises(FormError):
        parse_checkpoint(sign_note(text, LOG_ORIGIN, LOG_KEY).to_text())


def test_the_largest_size_is_read() -> None:
    tree = Checkpoint(LOG_ORIGIN, 2**53 - 1, bytes(32))
    assert parse_checkpoint(tree.signed(LOG_KEY)).checkpoint == tree
    assert parse_number("0") == 0


def test_only_the_logs_own_key_signs_for_it() -> None:
    signed = parse_checkpoint(SIGNED)
    assert not signed.is_signed_by_log([])
    assert not signed.is_signed_by_log([STRANGER_KEY.public, WITNESS_KEY.public])
    assert signed.is_signed_by_log([STRANGER_KEY.public, LOG_KEY.public])
    renamed = parse_checkpoint(sign_note(TEXT, "another.example", LOG_KEY).to_text())
    assert not renamed.is_signed_by_log([LOG_KEY.public])


def test_a_key_that_is_no_point_of_the_curve_signs_nothing() -> None:
    nowhere = PublicKey(b"\x02" + bytes(31))
    forged = NoteSignature(LOG_ORIGIN, NoteKey(LOG_ORIGIN, nowhere).key_id, bytes(64))
    with pytest.raises(NoteError):
        Note(TEXT, (forged,)).signers([NoteKey(LOG_ORIGIN, nowhere)])


# Proof files


def test_a_proof_is_written_and_read_again() -> None:
    assert parse_proof(PROOF.to_text()) == PROOF
    proof = parse_proof(PROOF.to_text())
    signed = proof.opened()
    proof.check(leaf_hash(b"leaf-2"), signed)
    assert signed.checkpoint == TREE
    with pytest.raises(ProofError):
        proof.check(leaf_hash(b"leaf-3"), signed)


def test_a_proof_of_the_only_leaf_has_no_path() -> None:
    proof = MemoryLog.of([b"x"]).proof(0)
    assert parse_proof(proof.to_text()) == proof


def test_a_proof_may_carry_what_nobody_signed() -> None:
    proof = InclusionProof(2, PROOF.path, SIGNED, extra=b"hello")
    assert proof.to_text().split("\n")[1] == "extra aGVsbG8="
    assert parse_proof(proof.to_text()) == proof


TEXT_OF_PROOF = PROOF.to_text()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(TEXT_OF_PROOF.replace("@v1", "@v2"), id="another version"),
        pytest.param(TEXT_OF_PROOF.partition("\n\n")[0], id="no checkpoint"),
        pytest.param(TEXT_OF_PROOF.replace("index 2\n", ""), id="no index"),
        pytest.param("c2sp.org/tlog-proof@v1\n\n" + SIGNED, id="neither index nor path"),
        pytest.param(TEXT_OF_PROOF.replace("index 2", "index 02"), id="a zero before the index"),
        pytest.param(TEXT_OF_PROOF.replace("index 2", "index  2"), id="two spaces"),
        pytest.param(TEXT_OF_PROOF.replace("index", "extra ?\nindex"), id="extra is no base64"),
        pytest.param(
            TEXT_OF_PROOF.replace("index", "extra AA==\nextra AA==\nindex"), id="extra twice"
        ),
        pytest.param(TEXT_OF_PROOF.replace("index", "other\nindex"), id="an unknown line"),
        pytest.param(
            InclusionProof(2, (bytes(32),) * (LOG_PATH_HASHES_MAX + 1), SIGNED).to_text(),
            id="one hash too many",
        ),
        pytest.param(
            InclusionProof(2, (), SIGNED, bytes(LOG_PROOF_BYTES_MAX)).to_text(), id="too large"
        ),
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(FormError):
        parse_proof(text)


def test_as_long_a_path_as_may_be_is_read() -> None:
    longest = InclusionProof(2, (bytes(32),) * LOG_PATH_HASHES_MAX, SIGNED)
    assert parse_proof(longest.to_text()) == longest


def test_base64_has_one_form() -> None:
    assert from_base64(to_base64(bytes(range(256)))) == bytes(range(256))
    with pytest.raises(FormError):
        parse_hash(to_base64(bytes(33)))


def test_a_log_signs_by_its_own_name() -> None:
    other = SigningKey.from_octets(bytes(32))
    assert TREE.signed(other) != SIGNED


# Vectors

VECTORS = Path(__file__).parents[2] / "vectors" / "log"
CASES = sorted(VECTORS.iterdir())


def told(case: Path) -> str:
    """Return who signed, or what is wrong."""
    keys = [NoteKey.from_text(line) for line in (case / "keys").read_text().split()]
    try:
        proof = parse_proof((case / "record.tlog-proof").read_bytes().decode("utf-8"))
        signed = proof.opened()
        proof.check(bytes.fromhex((case / "leaf.hex").read_text()), signed)
        signers = signed.note.signers(keys)
    except FormError:
        return "form"
    except ProofError:
        return "path"
    except NoteError:
        return "signature"
    return " ".join(sorted(names(signers))) or "signature"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_vector(case: Path) -> None:
    assert told(case) == (case / "expected").read_text("utf-8").strip()
    assert (told(case) in {"form", "path", "signature"}) is case.name.endswith("_fail")


def test_there_are_vectors() -> None:
    assert len(CASES) >= 18
