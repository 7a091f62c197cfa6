from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omega_core.errors import ExitCode, StorageError
from omega_core.keyfile import KeyFileError, load, load_or_create
from support.builders import AGENT_KEY


def key_file(folder: Path, *, mode: int = 0o600, pem: bytes | None = None) -> Path:
    path = folder / "agent.pem"
    path.write_bytes(AGENT_KEY.to_pem() if pem is None else pem)
    path.chmod(mode)
    return path


def test_first_start_makes_a_key_that_the_second_finds_again(tmp_path: Path) -> None:
    path = tmp_path / "agent.pem"
    made = load_or_create(path)
    assert load_or_create(path).public == made.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_that_start_together_end_up_with_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: load_or_create(tmp_path / "agent.pem"), range(16)))
    assert len({key.public for key in keys}) == 1


@pytest.mark.parametrize("mode", [0o600, 0o400], ids=oct)
def test_key_that_only_its_owner_can_read(mode: int, tmp_path: Path) -> None:
    assert load(key_file(tmp_path, mode=mode)).public == AGENT_KEY.public


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601], ids=oct)
def test_key_that_others_may_touch_is_refused(mode: int, tmp_path: Path) -> None:
    path = key_file(tmp_path, mode=mode)
    for reading in (load, load_or_create):
        with pytest.raises(KeyFileError, match="chmod 600") as caught:
            reading(path)
        assert caught.value.exit_code == ExitCode.USAGE
    assert path.read_bytes() == AGENT_KEY.to_pem()


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(b"", id="empty"),
        pytest.param(AGENT_KEY.to_pem()[:-40], id="truncated"),
        pytest.param(b"-----BEGIN PRIVATE KEY-----\n", id="only a beginning"),
    ],
)
def test_damaged_file_is_refused_and_left_alone(pem: bytes, tmp_path: Path) -> None:
    path = key_file(tmp_path, pem=pem)
    with pytest.raises(KeyFileError, match="PEM"):
        load_or_create(path)
    assert path.read_bytes() == pem


def test_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"agent\.pem: No such file or directory"):
        load(tmp_path / "agent.pem")


def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="Is a directory"):
        load_or_create(tmp_path)


def test_no_folder_to_put_a_new_key_in(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        load_or_create(tmp_path / "missing" / "agent.pem")
