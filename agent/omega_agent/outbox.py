"""Where sealed records wait until the Collector has given a receipt: the port.

Its docstrings are promises; tests/contract/test_outbox.py holds every implementation to them, the
one in memory included, so tests elsewhere may use that. What stands inside an item is
`omega_agent.waiting_record`'s business: here it is bytes.

    put --> pending --+--> acknowledge     the receipt came: forgotten
                      +--> refuse          it can never succeed: set aside with the reason, kept
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from omega_agent.errors import OutboxFullError, RecordConflictError
from omega_core.limits import OUTBOX_RECORDS_MAX

_RECORD_ID = re.compile(r"[a-z0-9-]{1,64}")
_REASON = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record that is still to be sent."""

    record_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that the server will never take; `reason` is a refusal's code."""

    record_id: str
    reason: str
    content: bytes


class Outbox(Protocol):
    """Keeps sealed records until they are acknowledged."""

    def put(self, record_id: str, content: bytes) -> None:
        """Keep a record until it is acknowledged; when this returns it survives a power cut.

        The same id and content again change nothing; the same id with another content raises
        RecordConflictError. Raises OutboxFullError when as many wait as may, StorageError when the
        disk does not take it; then nothing of it is kept. An id is 1 to 64 of a-z, 0-9 and hyphen,
        else ValueError.
        """
        ...

    def pending(self) -> Iterator[Waiting]:
        """Yield what is still to be sent, oldest first."""
        ...

    def get(self, record_id: str) -> Waiting | None:
        """Return one record that is still to be sent, None when it is not pending."""
        ...

    def newest(self) -> Waiting | None:
        """Return the record that was put last, None when nothing waits."""
        ...

    def acknowledge(self, record_id: str) -> None:
        """Forget a record; forgetting an unknown one changes nothing."""
        ...

    def refuse(self, record_id: str, reason: str) -> None:
        """Set a record aside for ever, with the reason; an unknown one changes nothing.

        It is not pending any more and never deleted. A reason is 1 to 64 of a-z, 0-9 and _, else
        ValueError. Needs no space on a full disk.
        """
        ...

    def set_aside(self) -> Iterator[SetAside]:
        """Yield what was refused, oldest first."""
        ...

    def sending(self) -> AbstractContextManager[bool]:
        """Give True to one sender at a time, and False to any other, without waiting.

        Whoever gets True may send what is pending until it leaves; else two would send the same.
        """
        ...


class MemoryOutbox:
    """Outbox for tests: everything the port promises, except that it dies with the process."""

    def __init__(self, records_max: int = OUTBOX_RECORDS_MAX) -> None:
        self._records_max = records_max
        self._pending: dict[str, bytes] = {}
        self._aside: list[SetAside] = []
        self._sender = threading.Lock()

    def put(self, record_id: str, content: bytes) -> None:
        """See `Outbox.put`."""
        check_record_id(record_id)
        if record_id not in self._pending and len(self._pending) >= self._records_max:
            raise OutboxFullError("outbox_full", limit=self._records_max)
        if self._pending.setdefault(record_id, content) != content:
            raise RecordConflictError(f"two records under the id {record_id}")

    def pending(self) -> Iterator[Waiting]:
        """See `Outbox.pending`."""
        yield from [Waiting(*item) for item in self._pending.items()]

    def get(self, record_id: str) -> Waiting | None:
        """See `Outbox.get`."""
        content = self._pending.get(record_id)
        return None if content is None else Waiting(record_id, content)

    def newest(self) -> Waiting | None:
        """See `Outbox.newest`."""
        return None if not self._pending else self.get(next(reversed(self._pending)))

    def acknowledge(self, record_id: str) -> None:
        """See `Outbox.acknowledge`."""
        self._pending.pop(record_id, None)

    def refuse(self, record_id: str, reason: str) -> None:
        """See `Outbox.refuse`."""
        check_reason(reason)
        content = self._pending.pop(record_id, None)
        if content is not None:
            self._aside.append(SetAside(record_id, reason, content))

    def set_aside(self) -> Iterator[SetAside]:
        """See `Outbox.set_aside`."""
        yield from list(self._aside)

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """See `Outbox.sending`."""
        mine = self._sender.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                self._sender.release()


def check_record_id(record_id: str) -> None:
    """Raise ValueError for an id that is not safe as a part of a file's name."""
    if _RECORD_ID.fullmatch(record_id) is None:
        raise ValueError(f"not a record id: {record_id!r}")


def check_reason(reason: str) -> None:
    """Raise ValueError for a reason that is not safe as a part of a file's name."""
    if _REASON.fullmatch(reason) is None:
        raise ValueError(f"not a reason: {reason!r}")
