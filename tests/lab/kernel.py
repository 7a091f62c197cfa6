"""What the lab needs from Linux that Python 3.11 has no name for.

`unshare`, `setns` and `mount` act on the calling *thread*: the lab calls them in threads of its
own, so that the test around it stays where it is.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
MNT_DETACH = 2

_PR_SET_TIMERSLACK = 29
_SIOCETHTOOL = 0x8946
# ETHTOOL_STXCSUM, _SSG, _STSO, _SGSO, _SGRO: checksum, scatter-gather, TSO, GSO, GRO
_OFFLOADS = (0x17, 0x19, 0x1F, 0x24, 0x2C)
_IFREQ = struct.Struct("16sP16x")  # struct ifreq: a name and a union, here a pointer

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Give this thread namespaces of its own. Raises OSError."""
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Move this thread into the namespace behind a descriptor. Raises OSError."""
    _check(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: str, *, kind: str | None = None, flags: int = 0) -> None:
    """Mount a file system, or bind `source`. Raises OSError."""
    kind_bytes = None if kind is None else kind.encode()
    code = _libc.mount(
        source.encode(), target.encode(), kind_bytes, ctypes.c_ulong(flags), ctypes.c_void_p()
    )
    _check(code, f"mount {target}")


def unmount(target: str) -> None:
    """Take away the topmost mount on `target`, now or when its last user is gone."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def set_timer_slack_ns(slack_ns: int) -> None:
    """Allow the kernel to wake this thread so much late; the default is 50 us."""
    _check(_libc.prctl(_PR_SET_TIMERSLACK, slack_ns, 0, 0, 0), "prctl")


def switch_offloads_off(interface: str) -> None:
    """Make an interface of this network namespace send plain frames with their checksums.

    Raises OSError.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in _OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("=II", command, 0))
            request = _IFREQ.pack(interface.encode(), ctypes.addressof(value))
            fcntl.ioctl(any_socket.fileno(), _SIOCETHTOOL, request)


def open_own_namespace(kind: str) -> int:
    """Return a descriptor of this thread's `net` or `mnt` namespace."""
    return os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)


def own_capabilities() -> int:
    """Return the effective capabilities of this process as a bit set."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _check(code: int, call: str) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
