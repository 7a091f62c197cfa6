"""Run something in a namespace of the lab without any capability, as a user's program would.

Capabilities, like namespaces, belong to a thread and are inherited by those it starts. So a thread
of its own enters the namespace, gives everything up, and does the work; nothing of it can or need
be taken back. The user stays the one of the test, who may read its files: the kernel's network
asks for capabilities and groups, not for the number 0.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from typing import Final, TypeVar

from lab.host import Namespace
from lab.kernel import CLONE_NEWNET, setns
from lab.threads import in_own_thread

ResultT = TypeVar("ResultT")
_VERSION_3: Final = 0x20080522
_HEADER: Final = struct.pack("=Ii", _VERSION_3, 0)
_NOTHING: Final = bytes(24)  # effective, permitted, inheritable: twice 32 bits of each


def without_capabilities(namespace: Namespace, work: Callable[[], ResultT]) -> ResultT:
    """Return what `work` returns when the namespace's least user does it."""

    def do() -> ResultT:
        setns(namespace.net, CLONE_NEWNET)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.capset(_HEADER, _NOTHING) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"capset: {os.strerror(number)}")
        return work()

    return in_own_thread(do)
