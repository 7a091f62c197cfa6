"""One contract, every implementation: the outbox in memory keeps the promises of the real one."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from omega_agent.errors import OutboxFullError, RecordConflictError
from omega_agent.outbox import MemoryOutbox, Outbox, SetAside, Waiting
from omega_agent.outbox_directory import DirectoryOutbox
from omega_core.errors import StorageError

MakeOutbox: TypeAlias = Callable[[int], Outbox]


def waiting(outbox: Outbox) -> list[str]:
    return [each.record_id for each in outbox.pending()]


class OutboxContract:
    """What every Outbox promises. A subclass for each implementation has the fixture `make`."""

    @pytest.fixture
    def outbox(self, make: MakeOutbox) -> Outbox:
        return make(10_000)

    def test_sends_oldest_first(self, outbox: Outbox) -> None:
        for record_id in ("b", "a", "c"):
            outbox.put(record_id, record_id.encode("ascii"))
        assert list(outbox.pending()) == [
            Waiting("b", b"b"),
            Waiting("a", b"a"),
            Waiting("c", b"c"),
        ]

    def test_forgets_once_acknowledged(self, outbox: Outbox) -> None:
        outbox.put("a", b"1")
        outbox.put("b", b"2")
        outbox.acknowledge("a")
        assert waiting(outbox) == ["b"]

    def test_order_survives_an_acknowledgement(self, outbox: Outbox) -> None:
        for record_id in ("a", "b"):
            outbox.put(record_id, b"1")
        outbox.acknowledge("a")
        outbox.put("c", b"3")
        assert waiting(outbox) == ["b", "c"]

    def test_order_survives_more_than_nine(self, outbox: Outbox) -> None:
        names = [f"r{number}" for number in range(12)]
        for name in names:
            outbox.put(name, b"1")
        assert waiting(outbox) == names

    def test_repeating_anything_changes_nothing(self, outbox: Outbox) -> None:
        outbox.put("a", b"1")
        outbox.put("a", b"1")
        assert waiting(outbox) == ["a"]
        outbox.acknowledge("a")
        outbox.acknowledge("a")
        outbox.refuse("a", "grant_used")
        assert waiting(outbox) == []
        assert list(outbox.set_aside()) == []

    def test_one_id_is_one_record(self, outbox: Outbox) -> None:
        outbox.put("a", b"1")
        with pytest.raises(RecordConflictError):
            outbox.put("a", b"2")
        assert list(outbox.pending()) == [Waiting("a", b"1")]

    def test_may_acknowledge_while_reading(self, outbox: Outbox) -> None:
        for record_id in ("a", "b", "c"):
            outbox.put(record_id, b"1")
        seen = []
        for each in outbox.pending():
            seen.append(each.record_id)
            outbox.acknowledge(each.record_id)
        assert seen == ["a", "b", "c"]
        assert waiting(outbox) == []

    def test_gives_one_record_by_its_id(self, outbox: Outbox) -> None:
        outbox.put("a", b"1")
        assert outbox.get("a") == Waiting("a", b"1")
        assert outbox.get("b") is None

    def test_knows_the_newest(self, outbox: Outbox) -> None:
        assert outbox.newest() is None
        for record_id in ("b", "a"):
            outbox.put(record_id, b"1")
        assert outbox.newest() == Waiting("a", b"1")

    def test_what_is_refused_is_kept_with_its_reason(self, outbox: Outbox) -> None:
        for record_id in ("a", "b"):
            outbox.put(record_id, record_id.encode("ascii"))
        outbox.refuse("a", "grant_used")
        assert waiting(outbox) == ["b"]
        assert list(outbox.set_aside()) == [SetAside("a", "grant_used", b"a")]

    def test_an_acknowledgement_never_removes_what_was_refused(self, outbox: Outbox) -> None:
        outbox.put("a", b"1")
        outbox.refuse("a", "grant_used")
        outbox.acknowledge("a")
        assert len(list(outbox.set_aside())) == 1

    @pytest.mark.parametrize("record_id", ["", "../a", "A", "a" * 65, "a\n", "a.b"])
    def test_refuses_an_unsafe_id(self, outbox: Outbox, record_id: str) -> None:
        with pytest.raises(ValueError, match="record id"):
            outbox.put(record_id, b"")

    @pytest.mark.parametrize("reason", ["", "../a", "a.b", "a b", "a" * 65])
    def test_refuses_an_unsafe_reason(self, outbox: Outbox, reason: str) -> None:
        outbox.put("a", b"1")
        with pytest.raises(ValueError, match="reason"):
            outbox.refuse("a", reason)
        assert waiting(outbox) == ["a"]

    def test_takes_as_many_as_the_limit_and_no_more(self, make: MakeOutbox) -> None:
        outbox = make(2)
        outbox.put("a", b"1")
        outbox.put("b", b"1")
        outbox.put("a", b"1")
        with pytest.raises(OutboxFullError, match="2 records"):
            outbox.put("c", b"1")
        outbox.acknowledge("a")
        outbox.put("c", b"1")
        assert waiting(outbox) == ["b", "c"]

    def test_what_was_refused_takes_no_place(self, make: MakeOutbox) -> None:
        outbox = make(1)
        outbox.put("a", b"1")
        outbox.refuse("a", "grant_used")
        outbox.put("b", b"1")
        assert waiting(outbox) == ["b"]

    def test_one_sender_at_a_time(self, outbox: Outbox) -> None:
        with outbox.sending() as first:
            assert first
            with outbox.sending() as second:
                assert not second
        with outbox.sending() as again:
            assert again

    def test_many_writers_at_once_lose_nothing(self, outbox: Outbox) -> None:
        names = [f"r{number}" for number in range(24)]
        threads = [threading.Thread(target=outbox.put, args=(name, b"1")) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(waiting(outbox)) == sorted(names)


class TestMemoryOutbox(OutboxContract):
    @pytest.fixture
    def make(self) -> MakeOutbox:
        return MemoryOutbox


class TestDirectoryOutbox(OutboxContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeOutbox:
        return lambda records_max: DirectoryOutbox(tmp_path / "outbox", records_max)

    def test_survives_a_restart(self, tmp_path: Path) -> None:
        DirectoryOutbox(tmp_path / "outbox").put("a", b"1")
        assert waiting(DirectoryOutbox(tmp_path / "outbox")) == ["a"]

    def test_is_for_its_owner_only(self, tmp_path: Path) -> None:
        DirectoryOutbox(tmp_path / "outbox").put("a", b"1")
        assert (tmp_path / "outbox").stat().st_mode & 0o077 == 0
        assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "outbox").iterdir())

    def test_half_written_record_is_never_read_and_goes_with_the_next(self, tmp_path: Path) -> None:
        outbox = DirectoryOutbox(tmp_path / "outbox")
        outbox.put("a", b"1")
        draft = tmp_path / "outbox" / ".000000000002.b.0123.draft"
        draft.write_bytes(b"cut sho")
        assert waiting(outbox) == ["a"]
        outbox.put("c", b"1")
        assert not draft.exists()

    def test_a_full_disk_keeps_nothing_of_the_record_and_all_of_the_others(
        self, tmp_path: Path
    ) -> None:
        outbox = DirectoryOutbox(tmp_path / "outbox")
        outbox.put("a", b"1")
        with files_at_most(1_000), pytest.raises(StorageError):
            outbox.put("b", b"x" * 1_001)
        assert waiting(outbox) == ["a"]
        assert not list((tmp_path / "outbox").glob(".*"))
        outbox.put("b", b"x" * 1_001)
        assert waiting(outbox) == ["a", "b"]

    def test_a_full_disk_does_not_keep_a_refused_record_pending(self, tmp_path: Path) -> None:
        outbox = DirectoryOutbox(tmp_path / "outbox")
        outbox.put("a", b"1")
        with files_at_most(0):
            outbox.refuse("a", "grant_used")
        assert [each.reason for each in outbox.set_aside()] == ["grant_used"]

    def test_a_place_that_is_no_folder_is_one_clear_error(self, tmp_path: Path) -> None:
        (tmp_path / "outbox").write_text("not a folder")
        with pytest.raises(StorageError, match="outbox"):
            DirectoryOutbox(tmp_path / "outbox").put("a", b"1")

    def test_another_process_is_not_a_second_sender(self, tmp_path: Path) -> None:
        outbox = DirectoryOutbox(tmp_path / "outbox")
        with outbox.sending() as mine:
            assert mine
            assert child(_TRY_TO_SEND, tmp_path).stdout == "False\n"
        assert child(_TRY_TO_SEND, tmp_path).stdout == "True\n"

    def test_a_sender_that_is_killed_lets_go(self, tmp_path: Path) -> None:
        assert child(_SEND_AND_DIE, tmp_path).returncode == -signal.SIGKILL
        with DirectoryOutbox(tmp_path / "outbox").sending() as mine:
            assert mine

    def test_a_record_is_safe_the_moment_put_returns(self, tmp_path: Path) -> None:
        assert child(_PUT_AND_DIE, tmp_path).returncode == -signal.SIGKILL
        assert waiting(DirectoryOutbox(tmp_path / "outbox")) == ["a"]


_BEGIN = """
import os, signal, sys
from pathlib import Path
from omega_agent.outbox_directory import DirectoryOutbox
outbox = DirectoryOutbox(Path(sys.argv[1]) / "outbox")
"""
_TRY_TO_SEND = f"{_BEGIN}\nwith outbox.sending() as mine: print(mine)"
_SEND_AND_DIE = f"{_BEGIN}\nwith outbox.sending(): os.kill(os.getpid(), signal.SIGKILL)"
_PUT_AND_DIE = f"{_BEGIN}\noutbox.put('a', b'1'); os.kill(os.getpid(), signal.SIGKILL)"


def child(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@contextmanager
def files_at_most(octets: int) -> Iterator[None]:
    """Let no file grow beyond so many octets: what a full disk does, without filling one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
