"""The state of a campaign: a small JSON value, written before and after every attempt. Pure.

Times are the server's (UTC, microseconds), as its grants have them. An attempt without an end was
under way when the device went down; it counts as an attempt, and for nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, tzinfo
from typing import Annotated, Literal

from pydantic import Field

from omega_acceptance.layers import Layer, ratio
from omega_acceptance.profile import AcceptanceProfile, RuleRef
from omega_acceptance.rules.campaign import calendar_of
from omega_acceptance.rules.codes import ContractBase
from omega_acceptance.rules.days import day_at
from omega_acceptance.rules.results import RunFacts, Situation
from omega_acceptance.rules.rule import Rule
from omega_acceptance.rules.standing import Phase, Standing, Taken, Why
from omega_core.evidence import Family
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.limits import CAMPAIGN_RUN_S_MAX, CAMPAIGN_RUNS_MAX, PLAN_RATE_BPS_MAX
from omega_core.models import Digest, Id, StrictModel, UnixUs
from omega_core.record import CampaignRef
from omega_core.units import US_PER_S
from omega_core.verdict import ProfileRef

_Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
_Bps = Annotated[int, Field(ge=0, le=PLAN_RATE_BPS_MAX)]
_Reason = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]

CONTRACT_CHANGED = Why.CONTRACT_CHANGED.value


class Contract(StrictModel):
    """The contracted rates that runs are held against, in bit/s of the contract's `rate_layer`.

    `rule_refs` are the rules that the profile names; null in a state that an older program wrote.
    """

    profile: ProfileRef
    rule_refs: Annotated[tuple[RuleRef, ...], Field(max_length=32)] | None = None
    rate_layer: Literal["ethernet", "atm", "ip", "tcp"]
    down: dict[ContractBase, _Bps]
    up: dict[ContractBase, _Bps]

    @property
    def known(self) -> Situation:
        """What point rules need to know of it."""
        return Situation(down=self.down, up=self.up)


class Attempt(StrictModel):
    """One attempt of a campaign; `seq` is its place among those of the device.

    `ended_unix_us` is null while it is under way, or was when the power went. `invalid_because`
    is null for a valid run, else what spoiled it.
    """

    seq: _Count
    started_unix_us: UnixUs
    ended_unix_us: UnixUs | None = None
    invalid_because: _Reason | None = None
    record_digest: Digest | None = None
    down_bps: _Bps | None = None
    up_bps: _Bps | None = None

    @property
    def taken(self) -> Taken:
        """The attempt as calendars see it; one without an end has used all its time."""
        ended = self.ended_unix_us
        if ended is None:
            ended = self.started_unix_us + CAMPAIGN_RUN_S_MAX * US_PER_S
        valid = self.ended_unix_us is not None and self.invalid_because is None
        return Taken(started_unix_us=self.started_unix_us, ended_unix_us=ended, valid=valid)


class CampaignState(StrictModel):
    """A campaign of one device for one plan under one rule."""

    schema_version: Version1 = 1
    id: Id
    rule: ProfileRef
    plan_id: Id
    begun_unix_us: UnixUs
    contract: Contract | None = None
    attempts: Annotated[tuple[Attempt, ...], Field(max_length=CAMPAIGN_RUNS_MAX)] = ()

    @property
    def taken(self) -> tuple[Taken, ...]:
        """All attempts in the order of time, as calendars see them."""
        return tuple(attempt.taken for attempt in self.attempts)

    @property
    def next_ref(self) -> CampaignRef:
        """What the record of the next attempt says of the campaign."""
        return CampaignRef(id=self.id, rule=self.rule, attempt=len(self.attempts) + 1)

    def standing(self, rule: Rule, zone: tzinfo, now_unix_us: int) -> Standing:
        """Return what may be done now; `rule` is the one that the state names."""
        shape = rule.campaign
        if shape is None:
            raise ValueError("a campaign is never begun for a rule without one")
        standing = calendar_of(shape, zone).standing(self.taken, now_unix_us)
        if any(each.invalid_because == CONTRACT_CHANGED for each in self.attempts):
            return _void(standing, Why.CONTRACT_CHANGED)
        if standing.phase is Phase.COMPLETE:
            return standing
        if len(self.attempts) >= CAMPAIGN_RUNS_MAX:
            return _void(standing, Why.TOO_MANY)
        # A clock that was set back makes no rule young again.
        today = day_at(max([now_unix_us, *(each.ended_unix_us for each in self.taken)]), zone)
        if not rule.is_effective(today):
            return _void(standing, Why.NOT_IN_FORCE, today)
        return standing

    def runs(self, zone: tzinfo) -> tuple[RunFacts, ...]:
        """Return the valid runs as rules see them."""
        return tuple(
            RunFacts(
                day=day_at(each.started_unix_us, zone),
                started_unix_us=taken.started_unix_us,
                ended_unix_us=taken.ended_unix_us,
                down_bps=each.down_bps,
                up_bps=each.up_bps,
            )
            for each in self.attempts
            if (taken := each.taken).valid
        )

    def opened(self, seq: int, now_unix_us: int) -> CampaignState:
        """Return the state with an attempt that is about to be made."""
        attempt = Attempt(seq=seq, started_unix_us=now_unix_us)
        return self._with(*self.attempts, attempt)

    def closed(self, attempt: Attempt, contract: Contract | None) -> CampaignState:
        """Return the state with its last attempt as it ended, under the contract it was granted.

        The first contract is the campaign's. A run under other rates belongs to no statistic.
        """
        kept = self.contract or contract
        if contract is not None and kept is not None and not _alike(contract, kept):
            attempt = attempt.model_copy(update={"invalid_because": CONTRACT_CHANGED})
        state = self._with(*self.attempts[:-1], attempt)
        return state.model_copy(update={"contract": kept})

    def _with(self, *attempts: Attempt) -> CampaignState:
        return self.model_copy(update={"attempts": attempts})


def contract_of(profile: AcceptanceProfile) -> Contract:
    """Return the rates of the contract that a profile names."""
    down, up = profile.contracted.down, profile.contracted.up
    rates: list[dict[ContractBase, int]] = [
        {
            "advertised": each.advertised_bps,
            "max": each.max_bps,
            "normal": each.normal_bps,
            "min": each.min_bps,
        }
        for each in (down, up)
    ]
    return Contract(
        profile=profile.ref,
        rule_refs=profile.rule_refs,
        rate_layer=profile.rate_layer,
        down=rates[0],
        up=rates[1],
    )


def in_contract_layer(profile: AcceptanceProfile, tcp_bps: int, family: Family) -> int:
    """Return a TCP goodput in the contract's layer, in bit/s, rounded down.

    Whatever is compared with a whole number of bits per second is compared exactly.
    """
    return int(tcp_bps * ratio(profile.packet(family), of=Layer.TCP, into=profile.layer))


def _void(standing: Standing, why: Why, day: date | None = None) -> Standing:
    return replace(standing, phase=Phase.VOID, why=why, day=day, not_before_unix_us=None)


def _alike(one: Contract, other: Contract) -> bool:
    """Say whether two contracts promise the same; the version of the profile does not matter."""
    return (one.rate_layer, one.down, one.up) == (other.rate_layer, other.down, other.up)
