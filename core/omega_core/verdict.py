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
class CriterionOutcome(Fact):
    """One criterion, what was found, and why it came out as it did.

    `value` and `limit` are in `unit`; `value` is None where nothing was measured. An advisory
    criterion (`mandatory` false) is judged and shown, and never decides. `statistic` is how the
    sample was read (None in a judgement made before it was kept), `family` the one IP family that
    the criterion looks at, if it does.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement(Fact):
    """The verdict and everything it rests on."""

    verdict: Verdict
    mode: Mode
    profile: ProfileRef
    outcomes: tuple[CriterionOutcome, ...]
    faults: tuple[Fault, ...] = ()


EXIT_CODE_OF_VERDICT = {
    Verdict.PASS: 0,
    Verdict.FAIL: 10,
    Verdict.INCONCLUSIVE: 11,
    Verdict.INVALID: 12,
}
