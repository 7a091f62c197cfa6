"""Files that are either there whole or not at all, also after a power cut."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from omega_core.errors import StorageError, storage_error


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write beside, sync, rename, sync the folder: a reader sees the old file or the new one.

    A link stays a link, and what is no file (a device, a pipe: `/dev/stdout`) is written to, never
    replaced. Raises StorageError, with the draft removed, when the disk does not take it.
    """
    if is_no_file(path):
        _write_through(path, data)
        return
    place = followed(path)
    with _draft_beside(place, data, mode) as draft:
        draft.replace(place)


def create_durably(path: Path, data: bytes, *, mode: int = 0o644) -> bool:
    """Write a file that is not there yet; return False, and change nothing, when it is.

    Of several processes that do it at once exactly one gets True. Raises StorageError.
    """
    try:
        with _draft_beside(path, data, mode) as draft:
            path.hardlink_to(draft)
    except StorageError as error:
        if isinstance(error.__cause__, FileExistsError):
            return False
        raise
    return True


def is_no_file(path: Path) -> bool:
    """Tell whether a path names something to write to that can't be replaced: a device, a pipe."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def followed(path: Path) -> Path:
    """Return the file that a link names; the path itself where it is none, or leads nowhere."""
    try:
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError):  # a name too long, a loop: said when it is written
        return path


def sync_directory(directory: Path) -> None:
    """Make renames in a folder durable: else a name may be lost though the bytes are safe."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _draft_beside(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    """Give a synced file that the caller puts in place, and leave nothing of it behind."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft")
    try:
        _write_synced(draft, data, mode)
        yield draft
        sync_directory(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # the folder itself may be what is wrong
            draft.unlink(missing_ok=True)


def _write_through(path: Path, data: bytes) -> None:
    try:
        with path.open("wb") as taker:
            taker.write(data)
    except OSError as error:
        raise storage_error(path, error) from error


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
