"""The outbox on the disk: one file a record, whole or not there, also after a power cut.

    outbox/000000000007.<record id>              waits; names sort in the order of sending
           refused/000000000003.<record id>.<reason>
           .<name>.<random>.draft                a write that was cut short; nothing reads it

Setting aside is a rename, so it needs no space and can't lose anything. Two locks, both let go by
the kernel when a process dies: writers hold `refused/`, the sender holds `outbox/` itself. A record
that was put before a crash is sent by whoever looks next, and the Collector takes it once however
often it is sent.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from omega_agent.errors import OutboxFullError, RecordConflictError, not_kept
from omega_agent.outbox import SetAside, Waiting, check_reason, check_record_id
from omega_core.files import sync_directory, write_durably
from omega_core.limits import OUTBOX_RECORDS_MAX

_OWNER_ONLY = 0o600
_FOLDER = 0o700


class DirectoryOutbox:
    """Outbox in a folder, made when the first record is put; see `omega_agent.outbox.Outbox`."""

    def __init__(self, directory: Path, records_max: int = OUTBOX_RECORDS_MAX) -> None:
        self._directory = directory
        self._refused = directory / "refused"
        self._records_max = records_max

    def put(self, record_id: str, content: bytes) -> None:
        """See `Outbox.put`."""
        check_record_id(record_id)
        with self._storage():
            self._make()
            with _locked(self._refused, wait=True):
                self._remove_drafts()
                self._put(record_id, content)

    def pending(self) -> Iterator[Waiting]:
        """See `Outbox.pending`."""
        for path in self._waiting():
            if (waiting := self._read(path)) is not None:
                yield waiting

    def get(self, record_id: str) -> Waiting | None:
        """See `Outbox.get`."""
        return next(filter(None, map(self._read, self._files_of(record_id))), None)

    def newest(self) -> Waiting | None:
        """See `Outbox.newest`."""
        return next(filter(None, map(self._read, reversed(self._waiting()))), None)

    def acknowledge(self, record_id: str) -> None:
        """See `Outbox.acknowledge`."""
        with self._storage():
            for path in self._files_of(record_id):
                path.unlink(missing_ok=True)
                sync_directory(self._directory)

    def refuse(self, record_id: str, reason: str) -> None:
        """See `Outbox.refuse`."""
        check_reason(reason)
        with self._storage():
            for path in self._files_of(record_id):
                path.rename(self._refused / f"{path.name}.{reason}")
                sync_directory(self._refused)
                sync_directory(self._directory)

    def set_aside(self) -> Iterator[SetAside]:
        """See `Outbox.set_aside`."""
        for path in sorted(self._refused.glob("[0-9]*.*.*")):
            if (waiting := self._read(path)) is not None:
                record_id, _, reason = waiting.record_id.partition(".")
                yield SetAside(record_id, reason, waiting.content)

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """See `Outbox.sending`."""
        with self._storage():
            self._make()
        with _locked(self._directory, wait=False) as mine:
            yield mine

    def _make(self) -> None:
        """Make the folders, for their owner only, unless they are there."""
        self._directory.parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        for folder in (self._directory, self._refused):
            folder.mkdir(mode=_FOLDER, exist_ok=True)

    def _put(self, record_id: str, content: bytes) -> None:
        files = self._waiting()
        for path in files:
            if _record_id(path) == record_id:
                if path.read_bytes() != content:
                    raise RecordConflictError(f"two records under the id {record_id}")
                return
        if len(files) >= self._records_max:
            raise OutboxFullError("outbox_full", limit=self._records_max)
        number = 1 + max((int(path.name.partition(".")[0]) for path in files), default=0)
        write_durably(self._directory / f"{number:012d}.{record_id}", content, mode=_OWNER_ONLY)
        sync_directory(self._directory.parent)  # the outbox itself may be new

    def _waiting(self) -> list[Path]:
        return sorted(path for path in self._directory.glob("[0-9]*.*") if path.is_file())

    def _files_of(self, record_id: str) -> list[Path]:
        return [path for path in self._waiting() if _record_id(path) == record_id]

    def _remove_drafts(self) -> None:
        """Remove what a killed process left behind: we hold the writers' lock, so it is dead."""
        for path in self._directory.glob(".*.draft"):
            with suppress(OSError):
                path.unlink()

    def _read(self, path: Path) -> Waiting | None:
        """Return what stands in the file; None when another sender has just finished with it."""
        with self._storage():
            try:
                return Waiting(_record_id(path), path.read_bytes())
            except FileNotFoundError:
                return None

    @contextmanager
    def _storage(self) -> Iterator[None]:
        """Turn what the disk says into one sentence."""
        try:
            yield
        except OSError as error:
            raise not_kept(self._directory, error) from error


@contextmanager
def _locked(directory: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a folder against other processes; give False when it is held and we don't wait."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _record_id(path: Path) -> str:
    return path.name.partition(".")[2]
