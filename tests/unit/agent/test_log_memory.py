"""What a device remembers of a log, and what it makes of a log that is another one today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omega_agent.errors import BusyError, NoAnswerError
from omega_agent.home import Home
from omega_agent.log_findings import Rewritten
from omega_agent.log_memory import AskConsistency, LogMemory
from omega_agent.surroundings import Surroundings
from omega_agent.texts import Language, Speaker
from omega_core.control import ConsistencyProof
from omega_core.errors import OmegaError, RefusedError, StorageError
from omega_core.limits import LOG_EVIDENCE_MAX
from omega_core.log.checkpoint import SignedCheckpoint, parse_checkpoint
from omega_core.log.hashing import leaf_hash
from omega_core.log.note import to_base64
from omega_core.log.tree import consistency_path
from support.log_trees import LOG_KEY, LOG_ORIGIN, MemoryLog

LEAVES = [f"leaf-{number}".encode() for number in range(9)]


class Log(MemoryLog):
    """A log, as a server has it: signs its checkpoints, proves that it grew."""

    def signed(self, *, origin: str = LOG_ORIGIN, size: int | None = None) -> SignedCheckpoint:
        return parse_checkpoint(self.checkpoint(origin=origin, size=size).signed(LOG_KEY))

    def ask(self, old_size: int, new_size: int) -> ConsistencyProof:
        if new_size > self.frontier.size:
            raise RefusedError("log_size_unknown", "never", "operator: see to it")
        hashes = map(to_base64, consistency_path(self, old_size, new_size))
        return ConsistencyProof(old_size=old_size, new_size=new_size, hashes=tuple(hashes))


def log(count: int, *, changed: int | None = None) -> Log:
    made = Log()
    leaves = [b"changed" if each == changed else leaf for each, leaf in enumerate(LEAVES)]
    for leaf in leaves[:count]:
        made.append(leaf_hash(leaf))
    return made


def silent(error: OmegaError) -> AskConsistency:
    def ask(_old: int, _new: int) -> ConsistencyProof:
        raise error

    return ask


@pytest.fixture
def memory(tmp_path: Path) -> LogMemory:
    return LogMemory(tmp_path / "log")


def looked(memory: LogMemory, made: Log) -> Rewritten | None:
    return memory.look(made.signed(), made.ask)


def found(memory: LogMemory, made: Log) -> Rewritten:
    rewritten = looked(memory, made)
    assert rewritten is not None
    return rewritten


def test_a_log_that_grows_is_as_it_should_be(memory: LogMemory) -> None:
    for count in (0, 1, 1, 4, 7, 9):
        assert looked(memory, log(count)) is None


def test_a_log_whose_past_was_changed_is_found_and_the_evidence_kept(memory: LogMemory) -> None:
    looked(memory, log(4))
    rewritten = found(memory, log(7, changed=2))
    assert (rewritten.origin, rewritten.seen_size, rewritten.size) == (LOG_ORIGIN, 4, 7)
    assert rewritten.evidence is not None
    evidence = json.loads(rewritten.evidence.read_text("utf-8"))
    assert parse_checkpoint(evidence["older"]) == log(4).signed()
    assert parse_checkpoint(evidence["newer"]) == log(7, changed=2).signed()
    assert "another root" in evidence["why"]


def test_two_roots_of_one_size_need_no_question(memory: LogMemory) -> None:
    looked(memory, log(4))
    other = log(4, changed=0).signed()
    assert memory.look(other, silent(NoAnswerError("no_attempt", server="x"))) is not None


def test_a_log_that_was_cut_is_found(memory: LogMemory) -> None:
    looked(memory, log(7))
    rewritten = found(memory, log(5))
    assert (rewritten.seen_size, rewritten.size) == (7, 5)


def test_it_is_said_again_until_somebody_looks(memory: LogMemory) -> None:
    looked(memory, log(4))
    first, second = found(memory, log(7, changed=2)), found(memory, log(7, changed=2))
    assert first == second
    assert looked(memory, log(8)) is None, "the log that was seen first is still a good one"


def test_a_checkpoint_that_comes_late_is_no_cut(memory: LogMemory) -> None:
    made = log(7)
    looked(memory, made)
    assert memory.look(made.signed(size=5), made.ask) is None
    assert found(memory, log(6, changed=5)).seen_size == 7


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(NoAnswerError("no_attempt", server="x"), id="silence"),
        pytest.param(BusyError("busy", "later", "nobody"), id="a busy server"),
        pytest.param(RefusedError("not_found", "no", "nobody"), id="a server without proofs"),
    ],
)
def test_a_log_that_does_not_answer_has_shown_nothing(memory: LogMemory, error: OmegaError) -> None:
    looked(memory, log(4))
    assert memory.look(log(7, changed=2).signed(), silent(error)) is None
    assert found(memory, log(7, changed=2)).seen_size == 4, "nor is it believed"


def test_each_log_is_remembered_by_its_name(memory: LogMemory) -> None:
    looked(memory, log(4))
    other = log(3, changed=0)
    assert memory.look(other.signed(origin="another.example/log"), other.ask) is None


@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b"no checkpoint"])
def test_a_damaged_memory_is_none(memory: LogMemory, tmp_path: Path, damage: bytes) -> None:
    looked(memory, log(4))
    (kept,) = (tmp_path / "log").iterdir()
    kept.write_bytes(damage)
    assert looked(memory, log(4, changed=1)) is None


def test_the_memory_of_another_log_under_this_name_is_none(
    memory: LogMemory, tmp_path: Path
) -> None:
    looked(memory, log(4))
    (kept,) = (tmp_path / "log").iterdir()
    kept.write_text(log(4).signed(origin="another.example/log").note.to_text(), "utf-8")
    assert looked(memory, log(4, changed=1)) is None


def test_evidence_is_bounded_and_the_first_stays(memory: LogMemory, tmp_path: Path) -> None:
    looked(memory, log(4))
    for number in range(LOG_EVIDENCE_MAX - 1):
        (tmp_path / "log" / f"{number}.evidence.json").touch()
    assert found(memory, log(7, changed=2)).evidence is not None
    assert found(memory, log(8, changed=2)).evidence is None


def test_a_device_that_can_not_remember_says_so(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    with pytest.raises(StorageError):
        looked(LogMemory(tmp_path / "log"), log(4))
    with pytest.raises(StorageError):
        looked(LogMemory(Path("/dev/null/log")), log(4))


def test_evidence_that_can_not_be_written_is_told_without_it(
    memory: LogMemory,
) -> None:
    looked(memory, log(4))
    newer = log(7, changed=2)
    path = found(memory, newer).evidence
    assert path is not None
    path.unlink()
    path.symlink_to("/dev/null/nowhere")
    assert found(memory, newer).evidence is None


@pytest.mark.parametrize(("language", "words"), [("en", "WARNING: the log"), ("fr", "ATTENTION")])
def test_a_log_that_was_rewritten_is_told_loudly_beside_the_result(
    memory: LogMemory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    language: Language,
    words: str,
) -> None:
    looked(memory, log(4))
    rewritten = found(memory, log(7, changed=2))
    around = Surroundings(home=Home(tmp_path), speaker=Speaker(language))
    around.tell_rewritten([rewritten])
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert LOG_ORIGIN in said.err
    assert str(rewritten.evidence) in said.err
