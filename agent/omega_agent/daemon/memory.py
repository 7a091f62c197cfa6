"""What the daemon remembers over its starts: how often it was started, and a few figures.

    HOME/daemon.json

`starts` is written before anything is said to the server: two devices with one key can't say the
same number for long without being noticed. What was used is kept for a day, a schedule until the
server says otherwise. A file that is lost costs nothing but that; one that is damaged counts as
lost.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import Field

from omega_agent.daemon.local_limits import Used
from omega_agent.errors import not_kept
from omega_core.canonical import NotPlainJsonError
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.files import write_durably
from omega_core.instruction import Schedule
from omega_core.limits import RETURN_SPREAD_S_MAX
from omega_core.models import ContentError, StrictModel, UnixUs, model_bytes, parse_model
from omega_core.units import US_PER_S

_OWNER_ONLY = 0o600
_FOLDER = 0o700
_BYTES_MAX = 64 * 1024
_USED_MAX = 512  # tests of a day: one every three minutes
_DAY_US = 86_400 * US_PER_S
FIRST_SPREAD_S = 5


class Remembered(StrictModel):
    """The file."""

    schema_version: Version1 = 1
    starts: Annotated[int, Field(ge=0, le=INTEGER_MAX)] = 0
    return_spread_s: Annotated[int, Field(ge=0, le=RETURN_SPREAD_S_MAX)] = FIRST_SPREAD_S
    used: Annotated[tuple[Used, ...], Field(max_length=_USED_MAX)] = ()
    schedule: Schedule | None = None
    scheduled_unix_us: UnixUs = 0
    """Up to when what the schedule wants has been looked at."""


class Memory:
    """The file and what stands in it now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.now = self._read()

    def begin(self) -> None:
        """Count this start; raises StorageError, for a daemon that can't must not run."""
        self._write(self.now.model_copy(update={"starts": self.now.starts + 1}))

    def spread(self, return_spread_s: int) -> None:
        """Remember over how long a return is to be spread."""
        if return_spread_s != self.now.return_spread_s:
            self._write(self.now.model_copy(update={"return_spread_s": return_spread_s}))

    def keep_schedule(self, schedule: Schedule | None, now_unix_us: int) -> None:
        """Remember a schedule, from now on; the same again changes nothing."""
        if schedule != self.now.schedule:
            update = {"schedule": schedule, "scheduled_unix_us": now_unix_us}
            self._write(self.now.model_copy(update=update))

    def looked_at_schedule(self, now_unix_us: int) -> None:
        """Remember that what was due by now has been begun, or was missed."""
        self._write(self.now.model_copy(update={"scheduled_unix_us": now_unix_us}))

    def use(self, used: Used) -> None:
        """Remember a test that begins; the same moment again replaces it, with what it took."""
        oldest = used.begun_unix_us - _DAY_US
        kept = [
            each
            for each in self.now.used
            if each.begun_unix_us > oldest and each.begun_unix_us != used.begun_unix_us
        ]
        self._write(self.now.model_copy(update={"used": (*kept, used)[-_USED_MAX:]}))

    def _read(self) -> Remembered:
        with suppress(FileNotFoundError, NotPlainJsonError, ContentError):
            try:
                with self._path.open("rb") as file:
                    return parse_model(Remembered, file.read(_BYTES_MAX))
            except FileNotFoundError:
                raise
            except OSError as error:
                raise not_kept(self._path, error) from error
        return Remembered()

    def _write(self, remembered: Remembered) -> None:
        try:
            self._path.parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise not_kept(self._path, error) from error
        write_durably(self._path, model_bytes(remembered), mode=_OWNER_ONLY)
        self.now = remembered
