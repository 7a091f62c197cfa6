"""A host of a lab: a network namespace, and a mount namespace whose /sys belongs to it.

Theory of operation. /sys shows the network namespace that mounted it, so a program that looks at
/sys/class/net must also live in a mount namespace with its own /sys. Programs are started from a
thread that has entered both; they inherit them. A thread of the test itself can only enter the
network namespace (`entered`), because its file system view is shared with the other threads.

Both namespaces are anonymous: they live as long as a descriptor or a process refers to them, and
vanish with the test however it ends.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeAlias

from lab import addresses
from lab.addresses import HostAddresses
from lab.kernel import (
    CLONE_FS,
    CLONE_NEWNET,
    CLONE_NEWNS,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    mount,
    open_own_namespace,
    setns,
    unmount,
    unshare,
)
from lab.threads import in_own_thread

Stream: TypeAlias = int | IO[str] | IO[bytes] | None
Argument: TypeAlias = str | os.PathLike[str]

_RUN_TIMEOUT_S = 30
_END_TIMEOUT_S = 2  # between the polite signal and the other one
HOSTS_FILE, RESOLV_CONF = "/etc/hosts", "/etc/resolv.conf"


class Namespace:
    """A network namespace with nothing but a loopback interface in it."""

    def __init__(self) -> None:
        self.net = in_own_thread(_new_network)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Move the calling thread into the network namespace until the block ends.

        Sockets opened meanwhile stay in it; other threads are not touched.
        """
        before = open_own_namespace("net")
        try:
            setns(self.net, CLONE_NEWNET)
            try:
                yield
            finally:
                setns(before, CLONE_NEWNET)
        finally:
            os.close(before)

    def sysctl(self, name: str, value: str) -> None:
        """Set a `net.` variable of this namespace. Raises OSError if the kernel refuses."""
        with self.entered():
            Path("/proc/sys", *name.split(".")).write_text(value)

    def inode(self) -> int:
        """Return the number by which the kernel names the namespace."""
        return os.fstat(self.net).st_ino

    def close(self) -> None:
        """Let go of it; the kernel removes it when the last process has left."""
        os.close(self.net)


class Machine(Namespace):
    """A place to run programs in, which see what `files` says under these names of /etc."""

    def __init__(self, files: Mapping[str, str]) -> None:
        super().__init__()
        self._files = files
        self._children: list[subprocess.Popen[str]] = []
        try:
            self.mnt = in_own_thread(self._new_mounts)
        except BaseException:
            super().close()
            raise

    def popen(
        self,
        argv: Sequence[Argument],
        *,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        env: Mapping[str, str] | None = None,
        cwd: Argument | None = None,
        pass_fds: Sequence[int] = (),
        start_new_session: bool = False,
    ) -> subprocess.Popen[str]:
        """Start a program on this host; the lab ends it, at the latest, when it closes."""
        here = Path.cwd() if cwd is None else cwd

        def start() -> subprocess.Popen[str]:
            self._enter_for_good()
            return subprocess.Popen(
                [*argv],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=env,
                cwd=here,
                pass_fds=pass_fds,
                start_new_session=start_new_session,
                text=True,
            )

        child = in_own_thread(start)
        self._children.append(child)
        return child

    def run(
        self,
        argv: Sequence[Argument],
        *,
        check: bool = True,
        timeout_s: float = _RUN_TIMEOUT_S,
        env: Mapping[str, str] | None = None,
        cwd: Argument | None = None,
        stdin_text: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on this host to its end, and return what it wrote.

        Raises CalledProcessError, with that text, on a code other than 0 if `check`, and
        TimeoutExpired after killing it if it takes longer.
        """
        child = self.popen(
            argv,
            stdin=subprocess.DEVNULL if stdin_text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
        )
        with child:
            try:
                stdout, stderr = child.communicate(stdin_text, timeout=timeout_s)
            except BaseException:
                child.kill()
                raise
        self._children.remove(child)
        done = subprocess.CompletedProcess(child.args, child.returncode, stdout, stderr)
        if check and done.returncode != 0:
            error = subprocess.CalledProcessError(done.returncode, argv, stdout, stderr)
            error.add_note(stderr.strip() or stdout.strip())
            raise error
        return done

    def end_programs(self) -> None:
        """Ask what was started here to end, and kill what does not soon."""
        for child in self._children:
            child.terminate()
        for child in self._children:
            _bury(child)
        self._children.clear()

    def close(self) -> None:
        """Let go of the host."""
        os.close(self.mnt)
        super().close()

    def _enter_for_good(self) -> None:
        """Move this thread, which must end soon, into both namespaces."""
        unshare(CLONE_FS)  # or the kernel refuses another mount namespace
        setns(self.mnt, CLONE_NEWNS)
        setns(self.net, CLONE_NEWNET)

    def _new_mounts(self) -> int:
        """Make a mount namespace for this host, in this thread; return its descriptor."""
        setns(self.net, CLONE_NEWNET)
        unshare(CLONE_NEWNS)
        mount("none", "/", flags=MS_REC | MS_PRIVATE)
        mount("lab", "/sys", kind="tmpfs", flags=MS_NOSUID | MS_NODEV)  # a place to write
        for target, content in self._files.items():
            source = Path("/sys", Path(target).name)
            source.write_text(content)
            if Path(target).exists():
                mount(str(source), str(Path(target).resolve()), flags=MS_BIND)
        unmount("/sys")
        with suppress(OSError):  # masked in some containers: then /sys shows the machine's own
            mount("lab", "/sys", kind="sysfs", flags=MS_NOSUID | MS_NODEV | MS_NOEXEC)
        return open_own_namespace("mnt")


class Host(Machine):
    """One end of the link."""

    def __init__(self, own: HostAddresses, peer: HostAddresses) -> None:
        super().__init__({HOSTS_FILE: addresses.hosts_file(), RESOLV_CONF: addresses.resolv_conf()})
        self.own = own
        self.peer = peer
        self.interface = addresses.INTERFACE

    @property
    def v4(self) -> str:
        """This host's IPv4 address."""
        return str(self.own.v4.ip)

    @property
    def v6(self) -> str:
        """This host's IPv6 address."""
        return str(self.own.v6.ip)

    @property
    def host_name(self) -> str:
        """The name under which both hosts find this one."""
        return self.own.host_name


def _new_network() -> int:
    unshare(CLONE_NEWNET)
    return open_own_namespace("net")


def _bury(child: subprocess.Popen[str]) -> None:
    try:
        child.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            stream.close()
