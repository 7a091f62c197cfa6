"""May this process make network namespaces, and if not, how could it.

Root may. Anyone may inside a user namespace of their own, where they are root: `python -m
lab.privilege PROGRAM ARGUMENT...` starts a program in a fresh one (user, network and mount), and
`ensure` does the same with the program that calls it. A process that has threads cannot move into a
user namespace, so it is always a fresh program.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from lab.errors import LabUnavailableError
from lab.kernel import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    MS_PRIVATE,
    MS_REC,
    mount,
    own_capabilities,
    unshare,
)

IP_MISSING = "the link lab needs `ip` (Debian: apt-get install iproute2)"
WRAPPER_NEEDED = (
    "the link lab needs root or a user namespace: start the program with"
    " `python -m lab.privilege PROGRAM ARGUMENT...`"
)
IMPOSSIBLE = "the link lab needs root or user namespaces; this user has neither here"

_CAP_NET_ADMIN, _CAP_NET_RAW, _CAP_SYS_ADMIN = 12, 13, 21
_NEEDED = 1 << _CAP_NET_ADMIN | 1 << _CAP_NET_RAW | 1 << _CAP_SYS_ADMIN
_PROBE_TIMEOUT_S = 10
_TESTS = Path(__file__).resolve().parent.parent


def available() -> str | None:
    """Return None if this process can have a lab, else why not, in one line."""
    if shutil.which("ip") is None:
        return IP_MISSING
    if own_capabilities() & _NEEDED == _NEEDED:
        return None
    return WRAPPER_NEEDED if _user_namespaces_work() else IMPOSSIBLE


def ensure(argv: Sequence[str]) -> None:
    """Return if this process can have a lab; else become `argv` inside a user namespace.

    Call it first thing in a program, before any thread. Raises LabUnavailableError.
    """
    reason = available()
    if reason == WRAPPER_NEEDED:
        run_inside(argv)
    if reason is not None:
        raise LabUnavailableError(reason)


def run_inside(argv: Sequence[str]) -> NoReturn:
    """Become `argv` as root of fresh user, network and mount namespaces. Raises OSError."""
    uid, gid = os.getuid(), os.getgid()
    unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: S607 - PATH decides
    os.execvp(argv[0], [*argv])  # noqa: S606 - becoming that program is the purpose


def _user_namespaces_work() -> bool:
    """Try it in another process, for there is no way back."""
    probe = subprocess.run(
        [sys.executable, "-m", "lab.privilege", "true"],
        cwd=_TESTS,
        capture_output=True,
        timeout=_PROBE_TIMEOUT_S,
        check=False,
    )
    return probe.returncode == 0


def main() -> None:
    """Run a program where it can have a lab; as root that is here."""
    argv = sys.argv[1:]
    if not argv:
        sys.exit("usage: python -m lab.privilege PROGRAM [ARGUMENT...]")
    try:
        if own_capabilities() & _NEEDED == _NEEDED:
            os.execvp(argv[0], argv)  # noqa: S606 - becoming that program is the purpose
        run_inside(argv)
    except OSError as error:
        sys.exit(f"{IMPOSSIBLE} ({error})")


if __name__ == "__main__":
    main()
