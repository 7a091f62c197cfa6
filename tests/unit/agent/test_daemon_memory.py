"""What the daemon remembers over its starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_agent.daemon.local_limits import Used
from omega_agent.daemon.memory import FIRST_SPREAD_S, Memory
from omega_core.errors import StorageError
from omega_core.units import US_PER_S
from support.store_rows import NOW

DAY_US = 86_400 * US_PER_S


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "daemon.json"


def test_each_start_is_counted(path: Path) -> None:
    for number in (1, 2, 3):
        memory = Memory(path)
        memory.begin()
        assert memory.now.starts == number


def test_the_spread_is_remembered(path: Path) -> None:
    memory = Memory(path)
    assert memory.now.return_spread_s == FIRST_SPREAD_S
    memory.spread(90)
    assert Memory(path).now.return_spread_s == 90


def test_the_same_spread_is_not_written_again(path: Path) -> None:
    memory = Memory(path)
    memory.spread(90)
    path.unlink()
    memory.spread(90)
    assert not path.exists()


def test_what_was_used_is_kept_for_a_day(path: Path) -> None:
    memory = Memory(path)
    for at in (NOW - DAY_US - 1, NOW - DAY_US + 1, NOW):
        memory.use(Used(begun_unix_us=at, octets=5))
    assert [each.begun_unix_us for each in Memory(path).now.used] == [NOW - DAY_US + 1, NOW]


def test_what_a_test_took_takes_the_place_of_what_it_might(path: Path) -> None:
    memory = Memory(path)
    for octets in (1_000, 400):
        memory.use(Used(begun_unix_us=NOW, octets=octets))
    assert [each.octets for each in memory.now.used] == [400]


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema_version": 1, "starts": -1}'])
def test_a_damaged_file_counts_as_lost(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert Memory(path).now.starts == 0


def test_a_place_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StorageError):
        Memory(tmp_path / "home" / "daemon.json")
