"""One contract, two journals: what a daemon has begun is known after the power was away."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_agent.daemon.journal import DirectoryJournal, Journal, MemoryJournal
from omega_agent.daemon.work import Stage, Work
from omega_core.errors import StorageError
from support.instructions import INSTANCE, instruction


def work(number: int = 1) -> Work:
    return Work(instruction=instruction(number), taken_as=INSTANCE)


class JournalContract:
    """What every Journal promises."""

    def test_oldest_first(self, journal: Journal) -> None:
        for number in (3, 1, 2):
            journal.keep(work(number))
        assert [each.name for each in journal.load()] == ["i-001", "i-002", "i-003"]

    def test_as_it_is_now(self, journal: Journal) -> None:
        journal.keep(work())
        changed = work().with_report("accepted").model_copy(update={"stage": Stage.TAKEN})
        journal.keep(changed)
        assert journal.load() == [changed]

    def test_forgotten_once_and_again(self, journal: Journal) -> None:
        journal.keep(work())
        journal.forget("i-001")
        journal.forget("i-001")
        assert journal.load() == []

    def test_nothing_kept(self, journal: Journal) -> None:
        journal.forget("i-001")
        assert journal.load() == []


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def journal(self) -> Journal:
        return MemoryJournal()


class TestDirectoryJournal(JournalContract):
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "instructions"

    @pytest.fixture
    def journal(self, folder: Path) -> Journal:
        return DirectoryJournal(folder)

    def test_another_process_finds_it(self, journal: Journal, folder: Path) -> None:
        journal.keep(work())
        assert DirectoryJournal(folder).load() == [work()]

    def test_a_file_cut_short_anywhere_stops_nothing(self, journal: Journal, folder: Path) -> None:
        journal.keep(work(1))
        journal.keep(work(2))
        path = folder / "i-001.json"
        whole = path.read_bytes()
        for octets in range(len(whole)):
            path.write_bytes(whole[:octets])
            assert [each.name for each in DirectoryJournal(folder).load()] == ["i-002"]
            assert not path.exists()

    def test_a_file_under_another_name_is_left_out(self, journal: Journal, folder: Path) -> None:
        journal.keep(work())
        (folder / "i-001.json").rename(folder / "i-002.json")
        assert journal.load() == []

    def test_a_draft_that_was_left_is_left_out(self, journal: Journal, folder: Path) -> None:
        journal.keep(work())
        (folder / ".i-002.json.abcd.draft").write_bytes(b"x")
        assert len(journal.load()) == 1

    def test_a_place_that_takes_nothing_is_told(self, folder: Path) -> None:
        folder.write_text("a file")
        with pytest.raises(StorageError):
            DirectoryJournal(folder).keep(work())
