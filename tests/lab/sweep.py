"""End every process inside given network namespaces.

A lab's namespaces are its own, so whatever runs in them was started for it, however indirectly.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_ROUNDS_MAX = 20  # a process may start another while the list is read


def kill_processes_in(namespaces: Collection[int], *, spare: Collection[int]) -> None:
    """Kill what runs in the network namespaces with these inode numbers, except `spare`."""
    for _ in range(_ROUNDS_MAX):
        found = [pid for pid in _processes() if pid not in spare and _inside(pid, namespaces)]
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _inside(pid: int, namespaces: Collection[int]) -> bool:
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino in namespaces
    except OSError:  # gone meanwhile, a zombie, or somebody else's
        return False
