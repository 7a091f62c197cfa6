"""Files that are there whole or not at all, also on a disk that is full or wrong."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omega_core.errors import ExitCode, StorageError
from omega_core.files import create_durably, write_durably

Write = Callable[[Path, bytes], object]


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


BOTH = pytest.mark.parametrize("write", [write_durably, create_durably], ids=["write", "create"])


@BOTH
def test_file_holds_the_bytes_and_nothing_else_is_left(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "record", b"\x00whole\xff")
    assert (tmp_path / "record").read_bytes() == b"\x00whole\xff"
    assert names(tmp_path) == ["record"]


def test_writing_again_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "chain"
    write_durably(path, b"a longer one")
    write_durably(path, b"short")
    assert path.read_bytes() == b"short"


def test_a_link_stays_a_link_to_the_new_bytes(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    link = tmp_path / "latest"
    link.symlink_to("shelf/plot.svg")
    for content in (b"first", b"second"):
        write_durably(link, content)
        assert link.is_symlink()
        assert (tmp_path / "shelf" / "plot.svg").read_bytes() == content


def test_a_link_to_itself_is_replaced_by_the_file(tmp_path: Path) -> None:
    link = tmp_path / "loop"
    link.symlink_to("loop")
    write_durably(link, b"whole")
    assert link.read_bytes() == b"whole"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_durably(pipe, b"whole")
        assert os.read(reader, 100) == b"whole"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


def test_a_full_device_is_a_storage_error_and_stays_a_device(full_device: Path) -> None:
    with pytest.raises(StorageError, match="No space left"):
        write_durably(full_device, b"x")
    assert full_device.is_char_device()


def test_creating_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert create_durably(path, b"first") is True
    assert create_durably(path, b"second") is False
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["key"]


def test_of_many_creators_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda at: create_durably(path, b"%d" % at), range(32)))
    assert won.count(True) == 1
    assert path.read_bytes() == b"%d" % won.index(True)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_mode_is_set_before_the_name_appears(mode: int, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_durably(tmp_path / "key", b"secret", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == mode


@BOTH
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("missing/record", "No such file or directory", id="no such folder"),
        pytest.param("file/record", "Not a directory", id="the folder is a file"),
        pytest.param("r" * 300, "File name too long", id="a name too long"),
    ],
)
def test_what_the_disk_refuses_is_a_storage_error(
    write: Write, name: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=reason) as caught:
        write(tmp_path / name, b"x")
    assert caught.value.exit_code == ExitCode.STORAGE
    assert names(tmp_path) == ["file"]


def test_a_folder_in_the_way_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "record").mkdir()
    with pytest.raises(StorageError, match="Is a directory"):
        write_durably(tmp_path / "record", b"x")
    assert names(tmp_path) == ["record"]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from omega_core.errors import StorageError
from omega_core.files import create_durably, write_durably

# A file size limit is the full disk of a process without privileges: writing stops in the middle.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, resource.RLIM_INFINITY))
folder = Path(sys.argv[1])
for write, name in ((write_durably, "kept"), (create_durably, "never")):
    try:
        write(folder / name, b"x" * 100_000)
    except StorageError as error:
        print(error)
"""


def test_on_a_full_disk_the_old_file_stays_and_no_draft(tmp_path: Path) -> None:
    write_durably(tmp_path / "kept", b"old")
    finished = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert finished.stdout.splitlines() == [
        f"{tmp_path}/kept: File too large",
        f"{tmp_path}/never: File too large",
    ]
    assert (tmp_path / "kept").read_bytes() == b"old"
    assert names(tmp_path) == ["kept"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


ENOSPC = """
import os, subprocess, sys
from pathlib import Path
from omega_core.errors import StorageError
from omega_core.files import create_durably, write_durably

disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "omega", disk], check=True)
write_durably(disk / "kept", b"old")
for write, name in ((write_durably, "kept"), (create_durably, "never")):
    try:
        write(disk / name, b"x" * 100_000)
    except StorageError as error:
        print(error)
print((disk / "kept").read_bytes(), os.listdir(disk))
"""


def test_no_space_left_on_a_real_file_system(tmp_path: Path) -> None:
    # A mount name space of the process's own: the disk vanishes with it.
    program = [sys.executable, "-c", ENOSPC, str(tmp_path)]
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    alone = [shutil.which("unshare") or "", "--mount", *as_root]
    if not alone[0] or subprocess.run([*alone, "true"], check=False).returncode != 0:
        pytest.skip("mounting needs root or user name spaces; the size limit above stands in")
    finished = subprocess.run(
        [*alone, *program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert finished.stdout.splitlines() == [
        f"{tmp_path}/kept: No space left on device",
        f"{tmp_path}/never: No space left on device",
        "b'old' ['kept']",
    ]
