"""A regulator's rule: what it asks for, as data. Complete, strict and frozen, as a profile is.

One TOML file a rule and version, never edited once it is released; the digest is SHA-256 over the
RFC 8785 form of what was written, as for a profile. Types and ranges stand here; how fields must
fit each other stands in `omega_acceptance.rules.fitting`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from omega_acceptance.figures import Language
from omega_acceptance.profile import Day, Slug, Version
from omega_acceptance.rules.codes import ContractBase, Decision
from omega_core import limits
from omega_core.canonical import canonical_bytes, digest_hex
from omega_core.metrics import Direction
from omega_core.models import Digest, Id, StrictModel
from omega_core.units import NS_PER_US
from omega_core.verdict import ProfileRef

_SENTENCE_CHARS_MAX = 600
_COUNT_MAX = 10_000
_DAYS_MAX = 366
_DAY_S = 86_400
_WAITING_US = limits.WAITING_TIME_NS // NS_PER_US
_FRACTION: Final = r"^[1-9][0-9]{0,5}/[1-9][0-9]{0,5}$"

FractionText: TypeAlias = Annotated[str, Field(pattern=_FRACTION)]
"""A share as people write it, `9/10`: exact, where a decimal number would not be."""
Sentence: TypeAlias = Annotated[str, Field(min_length=1, max_length=_SENTENCE_CHARS_MAX)]
Count: TypeAlias = Annotated[int, Field(ge=1, le=_COUNT_MAX)]
Days: TypeAlias = Annotated[int, Field(ge=1, le=_DAYS_MAX)]
Seconds: TypeAlias = Annotated[int, Field(ge=0, le=_DAY_S)]
Op: TypeAlias = Literal[">=", ">", "<=", "<"]


class Status(StrEnum):
    """Whether a rule is evaluated: a draft waits for somebody to read the original text."""

    ACTIVE = "active"
    DRAFT = "draft"
    RETIRED = "retired"


class Stat(StrEnum):
    """What is counted over the runs of a campaign, each direction by itself."""

    DAYS_WITH_ANY = "days_with_any"
    SHARE_OF_RUNS = "share_of_runs"
    SHARE_OF_TIME = "share_of_time"
    SHARE_OF_DELAY_TESTS = "share_of_delay_tests"


class Text(StrictModel):
    """One thing said in both languages."""

    fr: Sentence
    en: Sentence

    def said(self, lang: Language) -> str:
        """Return it in one of them."""
        return self.fr if lang == "fr" else self.en


class Source(StrictModel):
    """Which text the rule is taken from, and who read it.

    `read` is `secondary` where the rule was written from what others say of the text; `text_sha256`
    is the digest of an archived copy of the original, once there is one.
    """

    act: Sentence
    read: Literal["original", "secondary"]
    text_sha256: Digest | None = None


class Doubt(StrictModel):
    """A place where the words leave more than one reading: `taken` says which one we take."""

    about: Slug
    taken: Text


class Unconfirmed(StrictModel):
    """A value that nobody has found in the original text; it is kept and never used."""

    about: Slug
    value: Sentence


class LongGap(StrictModel):
    """A longer pause between two runs of a day: after run `after`, before run `before`."""

    after: Count
    before: Count
    s_min: Seconds


class CampaignShape(StrictModel):
    """When the runs of a campaign are taken. Each shape has its own fields.

    `runs`: `n` runs on `days` days, `per_day` each, with `day_gap_min` whole days between two of
    them, all within `span_days_max`; `gap_s_min` from the end of a run to the start of the next,
    `long_gap` once a day. These four bind only where they are given.
    `cycles`: `cycles` series on as many days, a run every `interval_s` for at least `cycle_s_min`.
    `week`: `days` days in a row once a `per`; nothing says yet when in them, so none is planned.
    """

    shape: Literal["runs", "cycles", "week"]
    n: Count | None = None
    days: Days | None = None
    per_day: Count | None = None
    day_gap_min: Annotated[int, Field(ge=0, le=_DAYS_MAX)] | None = None
    gap_s_min: Seconds | None = None
    long_gap: LongGap | None = None
    span_days_max: Days | None = None
    cycles: Count | None = None
    distinct_days: Days | None = None
    cycle_s_min: Seconds | None = None
    interval_s: Annotated[int, Field(ge=1, le=_DAY_S)] | None = None
    per: Literal["quarter", "year"] | None = None


class RunCondition(StrictModel):
    """What one run is held against: a `share` of a contracted rate `base`, or a delay in us.

    Share `cell` is the one that `share_by_households` gives for the place of the line.
    """

    op: Op
    share: Annotated[str, Field(pattern=rf"{_FRACTION}|^cell$")] | None = None
    base: ContractBase | None = None
    us: Annotated[int, Field(ge=1, le=_WAITING_US)] | None = None


class Predicate(StrictModel):
    """A count over the runs against a bound: `days` for days_with_any, a `share` for the others."""

    id: Slug
    stat: Stat
    run: RunCondition
    op: Op
    days: Days | None = None
    share: FractionText | None = None

    @property
    def bound(self) -> Fraction:
        """The number of days, or the share, that the count is held against."""
        return Fraction(self.days or 0) if self.share is None else fraction(self.share)


class HouseholdShare(StrictModel):
    """The share that counts where at least so many households are in the cell of the grid."""

    at_least: Annotated[int, Field(ge=0, le=1_000_000)]
    share: FractionText


class NotBefore(StrictModel):
    """An event counts only `days` after an earlier step: on that day already, or the day after."""

    days: Days
    since: Slug
    opens: Literal["on_that_day", "the_day_after"]


class Step(StrictModel):
    """One event a sequence waits for; `run` is the condition of a measurement."""

    id: Slug
    event: Slug
    run: RunCondition | None = None
    not_before: NotBefore | None = None
    outcome: Slug | None = None


class Requires(StrictModel):
    """Which rates a contract names, by the kind of access, in both directions."""

    fixed: Annotated[tuple[ContractBase, ...], Field(min_length=1, max_length=8)]
    mobile: Annotated[tuple[ContractBase, ...], Field(min_length=1, max_length=8)]


class Rule(StrictModel):
    """What one regulator's text asks for; (id, version) never changes meaning once released."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    id: Id
    version: Version
    status: Status
    effective_from: Day | None = None
    effective_until: Day | None = None
    zone: Annotated[str, Field(pattern=r"^[A-Za-z]+(/[A-Za-z_]+){0,2}$")]
    decision: Decision
    directions: Annotated[tuple[Direction, ...], Field(max_length=2)] = ()
    source: Source
    title: Text
    demands: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]
    doubts: Annotated[tuple[Doubt, ...], Field(max_length=20)] = ()
    unconfirmed: Annotated[tuple[Unconfirmed, ...], Field(max_length=20)] = ()
    preconditions: Annotated[tuple[Slug, ...], Field(max_length=20)] = ()
    campaign: CampaignShape | None = None
    deviation_if_any: Annotated[tuple[Predicate, ...], Field(max_length=20)] = ()
    compliant_if_all: Annotated[tuple[Predicate, ...], Field(max_length=20)] = ()
    share_by_households: Annotated[tuple[HouseholdShare, ...], Field(max_length=20)] = ()
    sequence: Annotated[tuple[Step, ...], Field(max_length=20)] = ()
    requires: Requires | None = None

    def content(self) -> dict[str, Any]:
        """Return what was written, as plain JSON values; dates are `YYYY-MM-DD`."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the RFC 8785 form of `content()`, as 64 hexadecimal digits."""
        return digest_hex(canonical_bytes(self.content()))

    @property
    def ref(self) -> ProfileRef:
        """Id, version and digest, as a record names them."""
        return ProfileRef(id=self.id, version=self.version, digest=self.digest)

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """The predicates of a point rule, whichever way round it puts them."""
        return self.deviation_if_any or self.compliant_if_all

    def is_effective(self, on: date) -> bool:
        """Say whether the rule is in force on a day; both ends of the time belong."""
        begun = self.effective_from is None or self.effective_from <= on
        return begun and (self.effective_until is None or on <= self.effective_until)

    def share_of_cell(self, households: int) -> Fraction | None:
        """Return the share that counts for a cell of so many households; None where none does."""
        fitting = [each for each in self.share_by_households if each.at_least <= households]
        most = max(fitting, key=lambda each: each.at_least, default=None)
        return None if most is None else fraction(most.share)


def fraction(text: str) -> Fraction:
    """Return the number that `9/10` names; the text is one that the model has accepted."""
    above, below = text.split("/")
    return Fraction(int(above), int(below))


def compared(left: Fraction | int, op: Op, right: Fraction | int) -> bool:
    """Compare two exact numbers as a rule writes it."""
    return {">=": left >= right, ">": left > right, "<=": left <= right, "<": left < right}[op]


def is_bare_fraction(text: str) -> bool:
    """Say whether a share is a number, and no name for one."""
    return re.match(_FRACTION, text) is not None


Rates: TypeAlias = Mapping[ContractBase, int]
"""The contracted rates of one direction, in bit/s of the contract's layer; what is not there is not
in the contract."""
