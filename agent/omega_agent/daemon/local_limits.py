"""What the owner of a device lets a server do with it: checked here, whatever a server says.

    HOME/limits.toml
        kinds = ["availability", "measure"]   what may be done at all
        watch = true                     whether the line's availability is watched
        on_the_cpe = false               whether this device is itself the line's end
        bytes_a_day_max = 5_000_000_000  both directions together, over the last 24 hours
        tests_an_hour_max = 12
        hours = ["00:00-24:00"]          local time in which a line may be loaded
        targets = ["198.51.100.0/24"]    test points and references; all, where it is left out

A file that can't be read stops the daemon with one line: limits that somebody has set and that are
not kept would be worse than none. The decision is a pure function of instruction, limits, what was
used, and the time.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, ValidationError, field_validator

from omega_agent.errors import WrongUseError, not_kept
from omega_core.facts import INTEGER_MAX
from omega_core.instruction import KINDS, Instruction, Kind
from omega_core.limits import LOCAL_LIMITS_BYTES_MAX
from omega_core.models import StrictModel, UnixUs, first_fault
from omega_core.units import US_PER_S

_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAY_US = 86_400 * US_PER_S
_HOUR_US = 3_600 * US_PER_S
_MINUTE_US = 60 * US_PER_S
_MINUTES_OF_DAY = 1_440
_Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]


class LocalLimits(StrictModel):
    """The limits of this device; what the file leaves out is as here."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kinds: Annotated[tuple[Kind, ...], Field(strict=False)] = tuple(sorted(KINDS))
    bytes_a_day_max: _Count = 5_000_000_000
    tests_an_hour_max: _Count = 12
    hours: Annotated[tuple[str, ...], Field(strict=False)] = ("00:00-24:00",)
    targets: Annotated[tuple[str, ...], Field(strict=False)] | None = None
    watch: bool = True
    on_the_cpe: bool = False

    @field_validator("hours")
    @classmethod
    def _hours_are_times(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            begin, end = _minutes(each)
            if begin == end or max(begin, end) > _MINUTES_OF_DAY:
                raise ValueError("hours are such as 22:00-06:00")
        return value

    @field_validator("targets")
    @classmethod
    def _targets_are_networks(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for each in value or ():
            ipaddress.ip_network(each)  # its ValueError says what is wrong
        return value

    def allows_target(self, address: str) -> bool:
        """Say whether packets may be sent to this address for a server."""
        if self.targets is None:
            return True
        wanted = ipaddress.ip_address(address)
        networks = (ipaddress.ip_network(each) for each in self.targets)
        return any(wanted.version == net.version and wanted in net for net in networks)

    def opens_at(self, local: datetime) -> int | None:
        """Return in how many minutes a line may be loaded: 0 now, None never."""
        now = local.hour * 60 + local.minute
        if not self.hours:
            return None
        return min(_until(now, *_minutes(each)) for each in self.hours)


class Used(StrictModel):
    """One test that was begun, and what it took or may take."""

    begun_unix_us: UnixUs
    octets: _Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """It is not done: why."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """It is not done before a time, the server's: why."""

    code: str
    detail: str
    until_unix_us: int


def decide(
    instruction: Instruction,
    limits: LocalLimits,
    used: Iterable[Used],
    *,
    now_unix_us: int,
    local: datetime,
) -> Refusal | Deferral | None:
    """Return why this device does not do it, or not now; None where it may begin.

    `local` is the same moment as `now_unix_us` in the device's time zone. What would be possible
    only after the instruction's time is refused.
    """
    if instruction.kind not in KINDS:
        return Refusal(code="kind_unknown", detail=f"this version has no {instruction.kind}")
    if instruction.kind not in limits.kinds:
        return Refusal(code="kind_not_allowed", detail=f"{instruction.kind} is not allowed here")
    if not instruction.loads_the_line:
        return None
    for address in instruction.references:
        if not limits.allows_target(address):
            return Refusal(code="target_not_allowed", detail=f"{address} is not allowed here")
    later = _later(instruction, limits, list(used), now_unix_us, local)
    if isinstance(later, Deferral) and later.until_unix_us > instruction.not_after_unix_us:
        return Refusal(code=later.code, detail=later.detail)
    return later


def _later(
    instruction: Instruction,
    limits: LocalLimits,
    used: list[Used],
    now_unix_us: int,
    local: datetime,
) -> Refusal | Deferral | None:
    opens_in = limits.opens_at(local)
    if opens_in is None:
        return Refusal(code="outside_hours", detail="no hour is allowed here")
    if opens_in:
        return Deferral(
            code="outside_hours",
            detail=f"allowed here at {', '.join(limits.hours)}",
            until_unix_us=now_unix_us + opens_in * _MINUTE_US,
        )
    wanted = instruction.bytes_down + instruction.bytes_up
    if wanted > limits.bytes_a_day_max:
        return Refusal(
            code="too_many_bytes", detail=f"{wanted} octets; {limits.bytes_a_day_max} a day"
        )
    today = [each for each in used if each.begun_unix_us > now_unix_us - _DAY_US]
    free_us = _free_at(today, wanted, limits.bytes_a_day_max)
    if free_us is not None:
        return Deferral(
            code="bytes_used_up",
            detail=f"{limits.bytes_a_day_max} octets a day are allowed here",
            until_unix_us=free_us + _DAY_US,
        )
    lately = sorted(
        each.begun_unix_us for each in today if each.begun_unix_us > now_unix_us - _HOUR_US
    )
    if len(lately) >= limits.tests_an_hour_max:
        if not limits.tests_an_hour_max:
            return Refusal(code="tests_used_up", detail="no test is allowed here")
        oldest = lately[-limits.tests_an_hour_max]
        return Deferral(
            code="tests_used_up",
            detail=f"{limits.tests_an_hour_max} tests an hour are allowed here",
            until_unix_us=oldest + _HOUR_US,
        )
    return None


def _free_at(today: list[Used], wanted: int, octets_max: int) -> int | None:
    """Return when the test began after which there is room once it is a day old; None for now."""
    spent = sum(each.octets for each in today)
    if spent + wanted <= octets_max:
        return None
    for each in sorted(today, key=lambda each: each.begun_unix_us):
        spent -= each.octets
        if spent + wanted <= octets_max:
            return each.begun_unix_us
    return None


def load_limits(path: Path) -> LocalLimits:
    """Return the limits of the file, or the defaults where there is none; raises WrongUseError."""
    try:
        with path.open("rb") as file:
            data = file.read(LOCAL_LIMITS_BYTES_MAX + 1)
    except FileNotFoundError:
        return LocalLimits()
    except OSError as error:
        raise not_kept(path, error) from error
    if len(data) > LOCAL_LIMITS_BYTES_MAX:
        raise WrongUseError("limits_file", path=path, why="too large")
    try:
        return LocalLimits.model_validate(tomllib.loads(data.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongUseError("limits_file", path=path, why=error) from None
    except ValidationError as error:
        raise WrongUseError("limits_file", path=path, why=first_fault(error, LocalLimits)) from None


def _minutes(text: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("hours are such as 22:00-06:00")
    hours = [int(each) for each in found.groups()]
    return hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]


def _until(now: int, begin: int, end: int) -> int:
    """Return how many minutes before a time of day that may go over midnight begins, 0 inside."""
    inside = begin <= now < end if begin < end else now >= begin or now < end
    return 0 if inside else (begin - now) % _MINUTES_OF_DAY
