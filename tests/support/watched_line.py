"""A real daemon watches a real line that is cut at drawn moments: what it says against what was.

    with Lab(LINK) as lab, site_over(lab, folder) as site:
        found = watched(lab, site, drawn(seed, outages=12, within_s=3_600))

A cut and a mend each take effect somewhere within the call that orders them, so an outage's true
duration is known to some milliseconds: `Cut` has both ends of that.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lab.topology import Lab
from omega_core.availability import Watched, joined
from omega_core.availability_record import AvailabilityRecord
from omega_core.clock import SystemClock
from omega_core.envelope import parse_envelope
from omega_core.models import parse_model
from omega_core.units import US_PER_S
from support.daemons import Daemon, resident
from support.main_job import Json, Site

SHORTEST_S, LONGEST_S = 2.0, 200.0
_SETTLE_S = 6.0  # before the first outage, and after the last
_POSTED_S = 120.0
_SINGLE_LOSS_US = 2 * US_PER_S


@dataclass(frozen=True, slots=True)
class Planned:
    """So long good, then so long cut."""

    good_s: float
    down_s: float


@dataclass(frozen=True, slots=True)
class Cut:
    """An outage as it was: it began and ended within these times, in microseconds since 1970."""

    began_us: tuple[int, int]
    ended_us: tuple[int, int]

    @property
    def least_us(self) -> int:
        """For how long it was down at least."""
        return self.ended_us[0] - self.began_us[1]

    @property
    def most_us(self) -> int:
        """For how long it was down at most."""
        return self.ended_us[1] - self.began_us[0]


@dataclass(frozen=True, slots=True)
class Found:
    """What was cut, and what the records tell of it."""

    cuts: tuple[Cut, ...]
    watched: Watched
    records: int

    def faults(self) -> list[str]:
        """Return what is wrong with what was seen; nothing, where all was found and bounded."""
        seen = self.watched
        told, faults = list(seen.outages), []
        for down in self.cuts:
            mine = [
                each
                for each in told
                if each.since_us <= down.began_us[1]
                and down.ended_us[0] <= (each.until_us or 2**62)
            ]
            if len(mine) != 1:
                faults.append(f"{len(mine)} outages are told of {down}: {told}")
                continue
            told.remove(mine[0])
            least_us = mine[0].least_us(seen.started_us, seen.ended_us)
            most_us = mine[0].most_us(seen.started_us, seen.ended_us)
            if least_us > down.most_us:
                faults.append(f"{down} is said to have lasted at least {least_us} us")
            if most_us < down.least_us:
                faults.append(f"{down} is said to have lasted at most {most_us} us")
        faults += [f"nothing was cut, and {each} is told" for each in told if each.is_sure]
        return faults


def drawn(seed: int, *, outages: int, within_s: float) -> list[Planned]:
    """Draw outages from the shortest to the longest, and the good times around them."""
    rng = random.Random(seed)  # noqa: S311 - draws a plan
    lengths = [SHORTEST_S * (LONGEST_S / SHORTEST_S) ** rng.random() for _ in range(outages)]
    lengths[:2] = [SHORTEST_S, LONGEST_S]
    rng.shuffle(lengths)
    left_s = within_s - sum(lengths) - outages * _SETTLE_S
    cuts = sorted(rng.random() for _ in range(outages - 1))
    shares = [after - before for before, after in zip([0.0, *cuts], [*cuts, 1.0], strict=True)]
    return [
        Planned(_SETTLE_S + left_s * share, length)
        for share, length in zip(shares, lengths, strict=True)
    ]


def watched(
    lab: Lab, site: Site, plan: Sequence[Planned], *, say: Callable[[str], None] = lambda _: None
) -> Found:
    """Carry the plan out beside a daemon, have its watch report, and return what was told."""
    device = resident(site, "watcher")
    cuts = []
    with Daemon(device) as daemon:
        agent_id = str(daemon.await_said("daemon_starts")["agent"])
        daemon.await_said("daemon_watches")
        started_us = SystemClock().unix_us()
        for each in plan:
            time.sleep(each.good_s)
            cuts.append(cut(lab, each.down_s))
            say(f"cut for {each.down_s:.1f} s")
        time.sleep(_SETTLE_S)
        digest = reported(site, agent_id)
    records = chain_to(site, digest)
    whole = joined([each.watched for each in records], started_us, records[-1].watched.ended_us)
    return Found(tuple(cuts), whole, len(records))


def cut(lab: Lab, down_s: float) -> Cut:
    """Cut the line for so long; return when it was down, as far as the calls tell."""
    clock = SystemClock()
    before_us = clock.unix_us()
    lab.link.cut()
    began_us = before_us, clock.unix_us()
    time.sleep(down_s)
    before_us = clock.unix_us()
    lab.link.mend()
    return Cut(began_us, (before_us, clock.unix_us()))


def reported(site: Site, agent_id: str) -> str:
    """Have an agent's watch seal what it has seen; return the record's digest, which is posted.

    A watch that has only begun has nothing to tell yet, and is asked again.
    """
    deadline = time.monotonic() + _POSTED_S
    told = _asked(site, agent_id, deadline)
    while told["state"] != "done" and time.monotonic() < deadline:
        assert told["events"][-1]["code"] == "nothing_watched", told
        time.sleep(1)
        told = _asked(site, agent_id, deadline)
    digest = str(told["record_digest"])
    while time.monotonic() < deadline:
        status, _ = site.ask("GET", f"/v1/log/proofs/{digest}")
        if status == 200:
            return digest
        time.sleep(0.5)
    raise TimeoutError("the record was not posted")


def _asked(site: Site, agent_id: str, deadline: float) -> Json:
    wish = {"by": "clerk", "agent_id": agent_id, "kind": "availability"}
    told = site.call("POST", "/v1/instructions", wish)
    while not told["has_ended"] and time.monotonic() < deadline:
        time.sleep(0.5)
        told = site.call("GET", f"/v1/instructions/{told['instruction_id']}")
    return told


def chain_to(site: Site, digest: str | None) -> list[AvailabilityRecord]:
    """Return a watch's records, the first one first, as the server has them."""
    records: list[AvailabilityRecord] = []
    while digest is not None:
        bundle: Any = site.call("GET", f"/v1/records/{digest}")
        record = parse_model(AvailabilityRecord, parse_envelope(bundle["record"].encode()).payload)
        records.insert(0, record)
        digest = record.prev
    return records
