"""Files that are either there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from omega_core.errors import StorageError


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write beside, sync, rename, sync the folder: a reader sees the old file or the new one.

    Raises StorageError, with the draft removed, when the disk does not take it.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft")
    try:
        _write_synced(draft, data, mode)
        draft.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(f"{path}: {os.strerror(error.errno or 0)}") from error


def sync_directory(directory: Path) -> None:
    """Make renames in a folder durable: else a name may be lost though the bytes are safe."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
