"""The attempts of a sheet as one process: they are pooled, and none is chosen. Pure.

A line that breaks its promise passes a session with a small probability, and one of many sessions
with a large one. So the valid attempts of a sheet since the last *recorded change* are judged as if
they were one long session: packets, runs and blocks one after the other, each look at its place;
windows and attempts at connectivity all together. Whatever a session decided on packets or runs
stays decided, and what it left open goes on where it stopped. An invalid attempt never enters.

Only something that changed makes a new line of it, and opens a new *epoch*:

    a change entry      what the technician recorded before the attempt: a new cable, an antenna
                        turned; several before the next attempt open one epoch
    another profile     the version of the plan's profile is another: other criteria, another test

Each epoch gives a line that breaks its promise one more chance, so after j of them it has passed
with a probability of at most min(1, j x alpha); that bound is told beside the verdict. Attempts are
those of mode standard, the only ones that complete a sheet; a change counts in any mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from omega_acceptance.decision.error_rates import false_pass_of_epochs_ppm
from omega_acceptance.evaluate import cases, combine, evaluate, outcome_of
from omega_acceptance.joining import joined
from omega_acceptance.judges.case import Case
from omega_acceptance.judges.runs import finished_runs
from omega_acceptance.judges.table import RULES
from omega_acceptance.own_limits import own_limits
from omega_acceptance.profile import AcceptanceProfile
from omega_core.derive import derive
from omega_core.environment import Environment
from omega_core.evidence import Evidence
from omega_core.verdict import CriterionOutcome, Fault, Judgement, Mode, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The facts of one session: what `evaluate` takes, and when it began (UTC, one clock)."""

    began_unix_us: int
    evidence: Evidence
    environment: Environment
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A grant that was handed out for a sheet; `profile` is the digest of what it pinned.

    `changed` is what was changed on the line before it, None where nothing was.
    """

    mode: Mode
    profile: str | None
    changed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """Attempts between two changes, by their places among all attempts of the sheet.

    `number` counts from 1; `changes` are the entries that opened it. `profile` is None of the last
    epoch while nothing has been attempted since its change.
    """

    number: int
    changes: tuple[str, ...]
    profile: str | None
    attempts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """What the attempts of an epoch come to; `judgement` is None where none of them is valid.

    `false_pass_bound_ppm` is how likely, at most, a line that breaks its promise has passed in one
    of the epochs so far.
    """

    epochs: int
    attempts: int
    valid: int
    invalid: int
    missing: int
    false_pass_bound_ppm: int
    judgement: Judgement | None


def epochs_of(attempts: Sequence[Attempt]) -> tuple[Epoch, ...]:
    """Return the epochs of a sheet's attempts, which stand in the order of their grants."""
    epochs: list[Epoch] = []
    changes: list[str] = []
    for place, attempt in enumerate(attempts):
        if attempt.changed is not None:
            changes.append(attempt.changed)
        if attempt.mode is not Mode.STANDARD:
            continue
        if changes or not epochs or epochs[-1].profile != attempt.profile:
            epochs.append(_epoch(len(epochs) + 1, changes, attempt.profile, place))
        else:
            epochs[-1] = replace(epochs[-1], attempts=(*epochs[-1].attempts, place))
        changes = []
    if changes:
        epochs.append(_epoch(len(epochs) + 1, changes, None))
    return tuple(epochs)


def pool(
    profile: AcceptanceProfile, sessions: Iterable[Session | None], *, epochs: int = 1
) -> Pooled:
    """Return what the attempts of one epoch come to, None being one that led to no record.

    Sessions stand in the order in which they were held, all of mode standard and of this profile.
    `epochs` is how many there have been on the sheet, this one included.
    """
    tried = [*sessions]
    posted = [each for each in tried if each is not None]
    valid = [each for each in posted if _is_valid(profile, each)]
    alpha_ppm = profile.statistics.false_pass_max_ppm
    return Pooled(
        epochs=epochs,
        attempts=len(tried),
        valid=len(valid),
        invalid=len(posted) - len(valid),
        missing=len(tried) - len(posted),
        false_pass_bound_ppm=false_pass_of_epochs_ppm(alpha_ppm, epochs),
        judgement=judged_together(profile, valid) if valid else None,
    )


def judged_together(profile: AcceptanceProfile, sessions: Sequence[Session]) -> Judgement:
    """Return the judgement of valid sessions as of one; of one session it is `evaluate`'s."""
    outcomes: list[CriterionOutcome] = []
    spoiled: list[Fault] = []
    for case in _cases(profile, sessions):
        outcome = outcome_of(case)
        outcomes.append(outcome)
        for session in _read(case, outcome, sessions):
            spoiled += own_limits([outcome], session.evidence, session.environment)
    faults = tuple(
        each for each in dict.fromkeys(spoiled) if not profile.preconditions.forgives(each)
    )
    return Judgement(
        verdict=combine((each.outcome for each in outcomes if each.mandatory), faults),
        mode=Mode.STANDARD,
        profile=profile.ref,
        outcomes=tuple(outcomes),
        faults=faults,
        rules=RULES,
    )


def _epoch(number: int, changes: Sequence[str], profile: str | None, *places: int) -> Epoch:
    return Epoch(number=number, changes=tuple(changes), profile=profile, attempts=places)


def _is_valid(profile: AcceptanceProfile, session: Session) -> bool:
    judgement = evaluate(
        profile,
        Mode.STANDARD,
        evidence=session.evidence,
        environment=session.environment,
        faults=session.faults,
    )
    return judgement.verdict is not Verdict.INVALID


def _cases(profile: AcceptanceProfile, sessions: Sequence[Session]) -> Iterator[Case]:
    """Yield each criterion with the facts of all sessions, and of each by itself."""
    together = joined((each.began_unix_us, each.evidence) for each in sessions)
    ways = [
        cases(profile, profile.criteria, Mode.STANDARD, evidence, derive(evidence))
        for evidence in (together, *(each.evidence for each in sessions))
    ]
    for case, *parts in zip(*ways, strict=True):
        yield replace(case, sessions=tuple(parts))


def _read(case: Case, outcome: CriterionOutcome, sessions: Sequence[Session]) -> Iterator[Session]:
    """Yield the sessions whose TCP runs were read for an outcome: those after it spoil nothing."""
    reading = outcome.decision and outcome.decision.runs
    left = reading.runs if reading else 0
    for part, session in zip(case.sessions, sessions, strict=True):
        if left > 0:
            yield session
        left -= len(finished_runs(part).rates_bps)
