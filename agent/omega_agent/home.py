"""The agent's home folder: what stands where, and one measurement at a time.

HOME/agent.pem        the device's key, mode 0600 (agent.pem.new: of an enrolment under way);
                      agent-<id>.pem once it was rotated (agent.pem.next: of a rotation under way)
     identity.json    which server it is enrolled with, and as whom
     chain.json       how many grants it has used, and its last record
     outbox/          records that wait for their receipt
     records/         the last records that got one
     campaign.json    the campaign under way; campaigns/ has those that were stopped
     log/             what servers' transparency logs were when they were seen
     lock             held while this device measures
     limits.toml      what its owner lets a server do with it
     references.toml  where a diagnosis looks past the test point
     daemon.json      what `omega run` remembers; daemon.lock is held while it runs
     instructions/    what it was told and has not finished
     availability/    the watch of the line: journal, leave.json; outbox/ and records/ of its own
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omega_agent.errors import WrongUseError, not_kept

_NAMED_BY = 16  # characters of a key's id: 96 bits, so no two keys share a file


@dataclass(frozen=True, slots=True)
class Home:
    """Paths in the agent's home; nothing is made before it is needed."""

    path: Path

    @property
    def key_file(self) -> Path:
        """The device's private key."""
        return self.path / "agent.pem"

    @property
    def new_key_file(self) -> Path:
        """The key of an enrolment under way; it becomes the device's with the server's answer."""
        return self.path / "agent.pem.new"

    @property
    def next_key_file(self) -> Path:
        """The key of a rotation under way; the server may know it already."""
        return self.path / "agent.pem.next"

    def key_file_of(self, kid: str) -> Path:
        """Return where a key stands that followed another: its file never held a different one."""
        return self.path / f"agent-{kid[:_NAMED_BY]}.pem"

    def forget_other_keys(self, in_use: str) -> None:
        """Remove key files but the one in use; what can't be removed now may stay."""
        for path in (self.key_file, *self.path.glob("agent-*.pem")):
            if path.name != in_use:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

    @property
    def identity_file(self) -> Path:
        """Who this device is to which server."""
        return self.path / "identity.json"

    @property
    def chain_file(self) -> Path:
        """The place of the next record among those of this device."""
        return self.path / "chain.json"

    @property
    def outbox(self) -> Path:
        """Records that wait for their receipt."""
        return self.path / "outbox"

    @property
    def records(self) -> Path:
        """The last records that got one."""
        return self.path / "records"

    @property
    def campaign_file(self) -> Path:
        """The campaign under way."""
        return self.path / "campaign.json"

    @property
    def campaigns(self) -> Path:
        """Campaigns that were stopped, each under its name."""
        return self.path / "campaigns"

    @property
    def log(self) -> Path:
        """What servers' transparency logs were when they were seen."""
        return self.path / "log"

    @property
    def limits_file(self) -> Path:
        """What the owner of the device lets a server do with it."""
        return self.path / "limits.toml"

    @property
    def references_file(self) -> Path:
        """Where a diagnosis looks past the test point."""
        return self.path / "references.toml"

    @property
    def daemon_file(self) -> Path:
        """What the daemon remembers over its starts."""
        return self.path / "daemon.json"

    @property
    def instructions(self) -> Path:
        """What the daemon was told and has not finished."""
        return self.path / "instructions"

    @property
    def availability(self) -> Path:
        """What belongs to the watch of the line."""
        return self.path / "availability"

    def watch_journal_of(self, agent_id: str) -> Path:
        """Return where the window under way stands; another enrolment begins another watch."""
        return self.availability / f"{agent_id}.journal"

    @property
    def watch_leave(self) -> Path:
        """The standing grant, and where its test point was found."""
        return self.availability / "leave.json"

    @property
    def watch_outbox(self) -> Path:
        """Availability records that wait for their receipt."""
        return self.availability / "outbox"

    @property
    def watch_records(self) -> Path:
        """The last availability records that got one."""
        return self.availability / "records"

    def make(self) -> None:
        """Create the folder, for its owner only, unless it is there; raises NotKeptError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise not_kept(self.path, error) from error

    @contextlib.contextmanager
    def measuring(self) -> Iterator[None]:
        """Hold the device for one measurement: two at once would measure each other.

        Raises WrongUseError when another process holds it, NotKeptError when there is no home.
        """
        with self._held("lock", otherwise="already_measuring"):
            yield

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Hold the device for one daemon; raises as `measuring` does."""
        with self._held("daemon.lock", otherwise="already_running"):
            yield

    @contextlib.contextmanager
    def _held(self, name: str, *, otherwise: str) -> Iterator[None]:
        self.make()
        try:
            descriptor = os.open(self.path / name, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise not_kept(self.path, error) from error
        try:
            _lock(descriptor, self.path, otherwise)
            yield
        finally:
            os.close(descriptor)


def _lock(descriptor: int, path: Path, otherwise: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WrongUseError(otherwise, path=path) from None
