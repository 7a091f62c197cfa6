"""The acceptance profile: what one plan promises, as data. Complete, strict and frozen.

A profile is one TOML file that stands by itself: nothing is inherited or included, so its digest
says everything. The digest is SHA-256 over the RFC 8785 form of what was written, dates as
`YYYY-MM-DD`; comments and layout do not count, and a key that was left out stays out. That is why
`content()` gives back the keys that were set and no defaults.

    parse_profile(bytes of a TOML file)  --+
                                           +--> AcceptanceProfile --> content(), digest, ref
    profile_from_content(JSON object)    --+

Types and ranges stand here; how fields must fit each other stands in `omega_acceptance.relations`.
Both ways in (`omega_acceptance.schema`) apply the two. Units are at the end of each name.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag

from omega_acceptance.layers import Encapsulation, Layer, PacketForm
from omega_core import limits
from omega_core.canonical import canonical_bytes, digest_hex
from omega_core.environment import Medium
from omega_core.evidence import Family
from omega_core.facts import INTEGER_MAX
from omega_core.metrics import Direction, Unit
from omega_core.models import Id, StrictModel
from omega_core.units import NS_PER_S, NS_PER_US, PPM
from omega_core.verdict import Fault, Mode, ProfileRef

_STREAM_S_MAX = limits.STREAM_DURATION_NS_MAX // NS_PER_S
_RUN_S_MAX = limits.GOODPUT_RUN_NS_MAX // NS_PER_S
_PPS_MAX = NS_PER_S // limits.STREAM_PERIOD_NS_MIN
_WAITING_US = limits.WAITING_TIME_NS // NS_PER_US
_DAYS_MAX = 366  # a campaign or a window of observation is settled within a year
_CAMPAIGN_RUNS_MAX = 10_000  # thirty a day for a year
_STEPS_MAX = 3  # 25, 50 and 75 %: more of them say no more, and each takes two seconds
_COUNT_MAX = 1_000_000  # samples or runs; more than any budget yields

Version: TypeAlias = Annotated[int, Field(ge=1, le=_COUNT_MAX)]
Slug: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")]
Bps: TypeAlias = Annotated[int, Field(ge=1, le=limits.PLAN_RATE_BPS_MAX)]
Octets: TypeAlias = Annotated[int, Field(ge=1, le=INTEGER_MAX)]
Ppm: TypeAlias = Annotated[int, Field(ge=0, le=PPM)]
Share: TypeAlias = Annotated[int, Field(ge=1, le=PPM)]
"""A share of something promised: more than nothing, at most all of it."""
Probability: TypeAlias = Annotated[int, Field(ge=1, le=PPM - 1)]
"""In ppm; never certain and never impossible."""
Confidence: TypeAlias = Annotated[int, Field(ge=PPM // 2, le=PPM - 1)]
"""In ppm; below one half it would be a guess against the odds."""


def _day(value: object) -> object:
    """Return the day that `YYYY-MM-DD` names; pydantic alone would also take seconds since 1970."""
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError("not a day written YYYY-MM-DD")
        return date.fromisoformat(value)
    return value


Day: TypeAlias = Annotated[date, BeforeValidator(_day)]
SampleCount: TypeAlias = Annotated[int, Field(ge=1, le=_COUNT_MAX)]
JudgedMode: TypeAlias = Literal["quick", "standard", "campaign"]


class Statistic(StrEnum):
    """How the judge reads the sample of a metric."""

    ALL = "all"
    PERCENTILE = "percentile"
    SHARE = "share"
    BLOCK = "block"
    WINDOW = "window"
    MEAN_LOG = "mean_log"
    SHARE_OF_RUNS = "share_of_runs"
    BOUNDS = "bounds"
    READING = "reading"


class RuleRef(StrictModel):
    """A regulator's or contract's rule that is evaluated beside the verdict."""

    id: Id
    version: Version


class ContractShare(StrictModel):
    """A limit as a share of a contracted rate of the metric's own direction."""

    of: Literal["advertised", "max", "normal", "min"]
    share_ppm: Share


def _kind_of_limit(value: object) -> str:
    return "share" if isinstance(value, dict | ContractShare) else "figure"


Figure: TypeAlias = Annotated[int, Field(ge=0, le=limits.PLAN_RATE_BPS_MAX)]
Limit: TypeAlias = Annotated[
    Annotated[Figure, Tag("figure")] | Annotated[ContractShare, Tag("share")],
    Discriminator(_kind_of_limit),
]


class Criterion(StrictModel):
    """One line of a profile: a metric, how to judge its sample, and the limit.

    `limit` is in `unit`; a rate is in the profile's `rate_layer` and is converted before judging.
    `mandatory_in` are the modes in which it decides; elsewhere it is judged and shown only.
    Which of the optional fields belong to which statistic: `omega_acceptance.relations`.
    """

    id: Slug
    metric: Annotated[str, Field(min_length=1, max_length=64)]
    statistic: Statistic
    op: Literal["at_least", "at_most"]
    limit: Limit
    unit: Unit
    mandatory_in: Annotated[tuple[JudgedMode, ...], Field(max_length=3)]
    n_min: SampleCount = 1
    family: Family | None = None
    confidence_ppm: Confidence | None = None
    n_max: SampleCount | None = None
    n_fixed: SampleCount | None = None
    p0_ppm: Probability | None = None
    run_s: Annotated[int, Field(ge=1, le=_RUN_S_MAX)] | None = None
    steps_ppm: Annotated[tuple[Share, ...], Field(min_length=1, max_length=_STEPS_MAX)] | None = (
        None
    )
    monitor_only: bool = False
    window_days: Annotated[int, Field(ge=1, le=_DAYS_MAX)] | None = None
    observed_min_ppm: Ppm | None = None

    @property
    def direction(self) -> Direction | None:
        """The way the metric's name ends with; None for one that covers both at once."""
        ending = self.metric.rpartition("_")[2]
        return Direction(ending) if ending in set(Direction) else None

    def decides_in(self, mode: Mode) -> bool:
        """Say whether the criterion is mandatory in `mode`."""
        return mode in self.mandatory_in

    def is_measured_in(self, mode: Mode) -> bool:
        """Say whether a session of `mode` measures for it: standard also for the advisory ones."""
        return self.decides_in(mode) or (mode is Mode.STANDARD and not self.mandatory_in)


class ContractedRates(StrictModel):
    """The rates of one direction as the contract has them, and what the network lets through.

    Advertised, max, normal and min as in EU 2015/2120 article 4(1)(d), in the `rate_layer`.
    """

    advertised_bps: Bps
    max_bps: Bps
    normal_bps: Bps
    min_bps: Bps
    provisioned_bps: Bps


class Contracted(StrictModel):
    """The rates of both directions."""

    down: ContractedRates
    up: ContractedRates

    def rates(self, direction: Direction) -> ContractedRates:
        """Return the rates of one direction."""
        return self.down if direction is Direction.DOWN else self.up


class Statistics(StrictModel):
    """The error rates that are promised and the assumptions behind them; printed on the sheet."""

    false_pass_max_ppm: Probability
    false_fail_max_ppm: Probability
    guard_band_ppm: Ppm
    loss_burst_us: Annotated[int, Field(ge=1, le=_WAITING_US)]
    block_burst_s: Annotated[int, Field(ge=1, le=_STREAM_S_MAX)]
    run_correlation_ppm: Annotated[int, Field(ge=0, le=PPM - 1)]
    run_sd_floor_ppm: Ppm
    queue_allowance_us: Annotated[int, Field(ge=0, le=_WAITING_US)]
    bucket_allowance_us: Annotated[int, Field(ge=0, le=_WAITING_US)]
    rate_loss_ppm: Annotated[int, Field(ge=0, le=PPM - 1)]
    probe_pps: Annotated[int, Field(ge=1, le=_PPS_MAX)]


class Preconditions(StrictModel):
    """What must hold for a run to say anything about the line; else it is invalid."""

    media: Annotated[tuple[Medium, ...], Field(min_length=1, max_length=len(Medium))]
    nic_rate_min_share_ppm: Ppm
    cross_traffic_max_ppm: Ppm
    cross_traffic_floor_bps: Annotated[int, Field(ge=0, le=limits.PLAN_RATE_BPS_MAX)]
    tunnel: Literal["refuse", "allow"]
    contract_known: bool

    def forgives(self, fault: Fault) -> bool:
        """Say whether the plan takes a run as it is in spite of this fault."""
        return (fault is Fault.TUNNEL and self.tunnel == "allow") or (
            fault is Fault.CONTRACT_UNKNOWN and not self.contract_known
        )


class SessionBudget(StrictModel):
    """What one session of a mode may take at most: seconds, and IP octets each way."""

    s: Annotated[int, Field(ge=1, le=limits.GRANT_LIFE_S)]
    idle_s: Annotated[int, Field(ge=1, le=_STREAM_S_MAX)]
    bytes_down: Octets
    bytes_up: Octets


class CampaignBudget(StrictModel):
    """What a campaign may take at most, all its runs together; `idle_s` is of one run, or 60."""

    days: Annotated[int, Field(ge=1, le=_DAYS_MAX)]
    runs: Annotated[int, Field(ge=1, le=_CAMPAIGN_RUNS_MAX)]
    bytes_down: Octets
    bytes_up: Octets
    idle_s: Annotated[int, Field(ge=1, le=_STREAM_S_MAX)] | None = None


class Budget(StrictModel):
    """The modes the profile provides for; a mode that is left out can't be asked for."""

    quick: SessionBudget | None = None
    standard: SessionBudget | None = None
    campaign: CampaignBudget | None = None

    def session(self, mode: Mode) -> SessionBudget | None:
        """Return the budget of a mode that is one session; None where there is none."""
        return {Mode.QUICK: self.quick, Mode.STANDARD: self.standard}.get(mode)


class AcceptanceProfile(StrictModel):
    """What one plan promises; (id, version) never changes meaning once released."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    id: Slug
    version: Version
    plan_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=limits.PROFILE_PLANS_MAX)]
    technology: Slug
    effective_from: Day
    effective_until: Day | None = None
    rate_layer: Literal["ethernet", "atm", "ip", "tcp"]
    encapsulation: Encapsulation | None = None
    mtu_bytes: Annotated[int, Field(ge=limits.PLAN_MTU_BYTES_MIN, le=limits.PLAN_MTU_BYTES_MAX)]
    rule_refs: Annotated[tuple[RuleRef, ...], Field(max_length=32)]
    criteria: Annotated[
        tuple[Criterion, ...], Field(min_length=1, max_length=limits.PROFILE_CRITERIA_MAX)
    ]
    contracted: Contracted
    statistics: Statistics
    preconditions: Preconditions
    budget: Budget

    def content(self) -> dict[str, Any]:
        """Return what was written, as plain JSON values; dates are `YYYY-MM-DD`."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the RFC 8785 form of `content()`, as 64 hexadecimal digits."""
        return digest_hex(canonical_bytes(self.content()))

    @property
    def ref(self) -> ProfileRef:
        """What a grant pins and a record repeats."""
        return ProfileRef(id=self.id, version=self.version, digest=self.digest)

    def criteria_by(self, statistic: Statistic, direction: Direction) -> list[Criterion]:
        """Return the criteria that are read by this statistic in one direction."""
        return [
            each
            for each in self.criteria
            if each.statistic is statistic and each.direction is direction
        ]

    @property
    def layer(self) -> Layer:
        """The layer in which every rate of the profile is counted."""
        return Layer(self.rate_layer)

    def packet(self, family: Family = 4) -> PacketForm:
        """Return a full-sized packet of this line."""
        return PacketForm(mtu_bytes=self.mtu_bytes, family=family, encapsulation=self.encapsulation)

    def is_effective(self, on: date) -> bool:
        """Say whether new sessions of day `on` use this version; both ends of the time belong."""
        return self.effective_from <= on and (
            self.effective_until is None or on <= self.effective_until
        )
