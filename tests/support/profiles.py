"""Acceptance profiles to start from, and evidence that just keeps or just misses their limits.

profile(criterion(limit=250_000))        one criterion, everything else a valid plan
changed(home(), ("mtu_bytes",), 1_500)   a shipped plan with one value changed
exact_run(Direction.DOWN, 1_386_515)     a run whose steady rate is exactly this
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.schema import AcceptanceProfile, parse_profile, profile_from_content
from omega_acceptance.windows import allowance_of, offer_bps, windows
from omega_core.evidence import (
    Attempt,
    AttemptKind,
    CapacityRun,
    Ended,
    Evidence,
    Family,
    FlowCounts,
    GoodputRun,
    TaskEnd,
)
from omega_core.metrics import Direction
from omega_core.units import BITS_PER_OCTET, PPM, US_PER_S
from omega_core.verdict import Mode
from support.facts import goodput_run, idle_stream
from support.windows import window

VECTORS = Path(__file__).parents[1] / "vectors" / "profiles"
RUN_US = BITS_PER_OCTET * US_PER_S  # over it one octet is one bit per second
PACKETS = 3_501  # 70 s of the idle stream: what a loss of 1 % in bursts of five takes to prove


def example(name: str) -> AcceptanceProfile:
    """Return a profile of the vectors."""
    return parse_profile((VECTORS / name / "profile.toml").read_bytes(), name)


@functools.cache
def home() -> AcceptanceProfile:
    """Return the WiMAX plan in its first version: short streams, and TCP decides in quick."""
    return Catalogue.builtin().get("wimax-home-2m", 1)


def newest() -> list[AcceptanceProfile]:
    """Return the shipped plans as they are sold today."""
    by_id = {each.id: each for each in Catalogue.builtin().profiles}
    return [*by_id.values()]


def carried(plan: AcceptanceProfile, share: float = 1.0) -> tuple[CapacityRun, ...]:
    """Return what the windows of a standard session come to on a line of a share of the offer.

    The repeats begin late enough to count.
    """
    allowance = allowance_of(plan)
    runs = []
    for each in windows(plan, Mode.STANDARD):
        offered = offer_bps(plan, each.fixed_bps)
        kept = min(int(share * each.fixed_bps * 1.25), offered)
        runs.append(
            window(
                kept,
                fixed_bps=each.fixed_bps,
                lost_ppm=max((offered - kept) * PPM // offered, 0),
                allowance=allowance,
                direction=each.direction,
                started_us=20 * US_PER_S if each.repeat else 0,
            )
        )
    return tuple(runs)


def criterion(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a criterion
    """Return a delay criterion as it stands in a file; None takes a field out."""
    fields: dict[str, Any] = {
        "id": "one",
        "metric": "idle_rtt_us_p95",
        "statistic": "percentile",
        "op": "at_most",
        "limit": 200_000,
        "unit": "us",
        "confidence_ppm": 950_000,
        "n_min": 100,
        "mandatory_in": ["standard"],
    }
    return {key: value for key, value in {**fields, **changes}.items() if value is not None}


def profile(*criteria: dict[str, Any], **changes: Any) -> AcceptanceProfile:  # noqa: ANN401 - fields of a profile
    """Return the WiMAX plan with these criteria instead of its own."""
    return profile_from_content({**home().content(), "criteria": list(criteria), **changes})


def changed(of: AcceptanceProfile, path: tuple[str | int, ...], value: Any) -> AcceptanceProfile:  # noqa: ANN401 - any JSON value
    """Return a profile with the value at `path` replaced."""
    return profile_from_content(edited(of, path, lambda _: value))


def edited(
    of: AcceptanceProfile,
    path: tuple[str | int, ...],
    edit: Callable[[Any], Any],
) -> dict[str, Any]:
    """Return a profile's content with the value at `path` replaced by what `edit` makes of it."""
    content = copy.deepcopy(of.content())
    inner: Any = content
    for part in path[:-1]:
        inner = inner[part]
    present = inner.get(path[-1]) if isinstance(inner, dict) else inner[path[-1]]
    inner[path[-1]] = edit(present)
    return content


def exact_run(
    direction: Direction = Direction.DOWN,
    rate_bps: int = 1_600_000,
    *,
    family: Family = 4,
    ended: Ended = Ended.COMPLETED,
) -> GoodputRun:
    """Return a run of one flow without ramp whose steady rate is `rate_bps`, to the bit."""
    flow = FlowCounts(flow=0, at_us=(0, RUN_US), octets=(0, rate_bps))
    run = goodput_run(direction, flows=1, ended=ended, base_rtt_us=0, family=family, senders=())
    return replace(run, flows=(flow,))


def tries(
    tcp: tuple[bool, ...] = (True,) * 3,
    udp: tuple[bool, ...] = (True,) * 3,
    *,
    family: Family = 4,
    to_test_point: bool = True,
) -> tuple[Attempt, ...]:
    """Return attempts on the test point, answered or not."""
    return tuple(
        Attempt(
            kind=kind,
            family=family,
            to_test_point=to_test_point,
            answered=answered,
            elapsed_us=20_000,
            reason=None if answered else "no answer within 3 s",
        )
        for kind, outcomes in ((AttemptKind.TCP, tcp), (AttemptKind.UDP, udp))
        for answered in outcomes
    )


def task(name: str, ended: Ended = Ended.COMPLETED) -> TaskEnd:
    """Return how one task ended."""
    return TaskEnd(task=name, ended=ended, started_offset_us=0, duration_us=1_000_000)


def good_evidence(**changes: Any) -> Evidence:  # noqa: ANN401 - fields of the fact
    """Return what a standard session of the WiMAX plan leaves on a line that keeps it."""
    runs = {Direction.DOWN: 1_900_000, Direction.UP: 480_000}
    fields: dict[str, Any] = {
        "tasks": tuple(task(name) for name in ("connectivity", "idle", "goodput_down")),
        "attempts": tries(),
        "idle": (idle_stream(packets=PACKETS, rtt_us=60_000),),
        "goodput": tuple(exact_run(way, rate) for way, rate in [*runs.items()] * 3),
    }
    return Evidence(**{**fields, **changes})


# One valid criterion of each statistic, as it stands in a file.
RUN = criterion(
    metric="goodput_bps_down",
    statistic="mean_log",
    op="at_least",
    limit={"of": "normal", "share_ppm": 900_000},
    unit="bps",
    n_min=3,
    n_max=8,
    run_s=5,
)
LOSS = criterion(metric="loss_ppm_up", statistic="share", limit=10_000, unit="ppm", n_min=950)
WINDOW = criterion(
    metric="qualified_bps_up",
    statistic="window",
    op="at_least",
    limit={"of": "normal", "share_ppm": 1_000_000},
    unit="bps",
    n_min=1,
    confidence_ppm=None,
)
REACH = criterion(
    metric="reachable_ppm",
    statistic="all",
    op="at_least",
    limit=1_000_000,
    unit="ppm",
    n_min=3,
    confidence_ppm=None,
)
SHARE = criterion(
    metric="goodput_bps_up",
    statistic="share_of_runs",
    op="at_least",
    limit={"of": "min", "share_ppm": 1_000_000},
    unit="bps",
    p0_ppm=100_000,
    n_min=30,
    mandatory_in=[],
)
AVAILABILITY = criterion(
    metric="availability_ppm",
    statistic="bounds",
    op="at_least",
    limit=990_000,
    unit="ppm",
    n_min=None,
    confidence_ppm=None,
    monitor_only=True,
    window_days=30,
    observed_min_ppm=900_000,
    mandatory_in=[],
)
SYNC = criterion(
    metric="dsl_sync_bps_up",
    statistic="reading",
    op="at_least",
    limit=500_000,
    unit="bps",
    confidence_ppm=None,
    n_min=1,
    mandatory_in=[],
)
CINR = criterion(
    metric="radio_cinr_db",
    statistic="reading",
    op="at_least",
    limit=15,
    unit="dB",
    confidence_ppm=None,
    n_min=1,
    mandatory_in=[],
)
BLOCK = criterion(metric="working_rtt_us_p50_up", statistic="block", n_min=18, mandatory_in=[])
