"""The words of a judgement: outcome of a criterion, verdict of a line, and why.

Here stand only the shapes, because records carry a judgement and everybody reads it. The judge is
`omega_acceptance`, which alone knows what a plan promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from omega_core.evidence import Family
from omega_core.facts import Count, Fact, Name, Signed
from omega_core.metrics import Unit


class Outcome(StrEnum):
    """What one criterion came to."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Verdict(StrEnum):
    """What the line came to: pass is accepted and fail rejected, on the sheet and in the shell."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


class Fault(StrEnum):
    """What spoiled a run: it says nothing about the line. The first remedy is the technician's."""

    MEDIUM_NOT_ALLOWED = "medium_not_allowed"
    NIC_RATE_BELOW_PLAN = "nic_rate_below_plan"
    CROSS_TRAFFIC = "cross_traffic"
    TUNNEL = "tunnel"
    CPU_LIMITED = "cpu_limited"
    HOST_DROPS = "host_drops"
    CLOCK_STEP = "clock_step"
    PATH_CHANGED = "path_changed"
    TEST_POINT_SATURATED = "test_point_saturated"
    OBSERVERS_DISAGREE = "observers_disagree"
    GRANT_EXPIRED = "grant_expired"
    CONTRACT_UNKNOWN = "contract_unknown"
    FLOW_FAILED = "flow_failed"


class Mode(StrEnum):
    """How long an answer may take, and what it may claim."""

    MEASURE = "measure"
    QUICK = "quick"
    STANDARD = "standard"
    CAMPAIGN = "campaign"


class Because(StrEnum):
    """Why a criterion came out as it did; the sentences for people stand in `omega_acceptance`."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_MEASURED = "not_measured"
    TOO_FEW_SAMPLES = "too_few_samples"
    INSIDE_GUARD_BAND = "inside_guard_band"
    NOT_PROVABLE_IN_MODE = "not_provable_in_mode"
    BUDGET = "budget"
    UDP_BLOCKED = "udp_blocked"
    OBSERVED_TIME_TOO_SHORT = "observed_time_too_short"
    NO_VALID_RUN = "no_valid_run"
    MIXED_ATTEMPTS = "mixed_attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRef(Fact):
    """Which version of which acceptance profile, and the digest of its parsed content."""

    id: Name
    version: Count
    digest: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareEvidence(Fact):
    """The evidence on a share of events (lost packets, late ones, bad seconds) when it was read.

    `limit_ppm` is the share that is allowed. `events` among `samples` were read; for the evidence
    both are divided by 2b - 1, b being the burst of `burst_ppm` millionths of a packet: the one
    assumed or, where it is longer, the one observed. `pass_unats` and `fail_unats` are millionths
    of a nat.
    """

    limit_ppm: Count
    events: Count
    samples: Count
    effective_samples: Count
    burst_ppm: Count
    assumed_burst_ppm: Count
    pass_unats: Signed
    fail_unats: Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvidence(Fact):
    """The evidence on a rate R against the promise T, from so many runs.

    All others are in millionths: of ln(R/T) its mean, its standard deviation, the bounds around its
    mean, and the guard band that they must clear; `correlation_ppm` is how alike runs are taken to
    be.
    """

    runs: Count
    mean_ppm: Signed
    spread_ppm: Count
    lower_ppm: Signed
    upper_ppm: Signed
    guard_ppm: Count
    correlation_ppm: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Fact):
    """With which error probability a criterion was decided, or what it would take.

    `false_outcome_ppm` is how likely, at most, a line exactly at the limit comes out like this;
    None while it is open. The test keeps `false_pass_ppm` and `false_fail_ppm`. `after_stop`
    samples came after it was decided and were not read. Where it is open, `more_needed` further
    samples would pass it: packets without an event, runs like those seen; None where no number is
    known to.
    """

    false_outcome_ppm: Count | None
    false_pass_ppm: Count
    false_fail_ppm: Count
    after_stop: Count = 0
    more_needed: Count | None = None
    share: ShareEvidence | None = None
    runs: RunEvidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionOutcome(Fact):
    """One criterion, what was found, and why it came out as it did.

    `value` and `limit` are in `unit`; `value` is None where nothing was measured. An advisory
    criterion (`mandatory` false) is judged and shown, and never decides. `statistic` is how the
    sample was read (None in a judgement made before it was kept), `family` the one IP family that
    the criterion looks at, if it does. `decision` is None of a criterion that is decided without an
    error probability (attempts), was not measured, or was judged by rules that stated none.
    """

    id: Name
    metric: Name
    op: Name
    limit: Signed
    unit: Unit
    value: Signed | None
    samples: Count
    samples_needed: Count
    mandatory: bool
    outcome: Outcome
    because: Because
    statistic: Name | None = None
    family: Family | None = None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement(Fact):
    """The verdict and everything it rests on.

    `rules` is the version of the judge's rules; None in a judgement made before they had one, which
    is version 1.
    """

    verdict: Verdict
    mode: Mode
    profile: ProfileRef
    outcomes: tuple[CriterionOutcome, ...]
    faults: tuple[Fault, ...] = ()
    rules: Count | None = None


EXIT_CODE_OF_VERDICT = {
    Verdict.PASS: 0,
    Verdict.FAIL: 10,
    Verdict.INCONCLUSIVE: 11,
    Verdict.INVALID: 12,
}
