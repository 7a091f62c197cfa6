"""A share judged by evidence: what `percentile`, `share` and `block` have in common.

What is neither proved nor refuted is open, for one of these reasons, in this order:

    not_provable_in_mode   even without an event the mode's sample could not prove it
    inside_guard_band      the share seen is half of what is allowed or more: too near to tell
    too_few_samples        fewer than `n_min`, or than prove it with the events that came

and says how many more samples without an event would prove it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omega_acceptance.decision.bursts import design_effect_ppm
from omega_acceptance.decision.reading import Looks, Reading, more_to_pass, read
from omega_acceptance.decision.shares import ShareTest, share_test
from omega_acceptance.judges.case import Case, Finding, met_or_not, not_judged
from omega_core.units import PPM
from omega_core.verdict import Because, Decision, Outcome, ShareEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a share is judged by: ascending places of the events, and the criterion's own value.

    `most` is how large the sample of this mode can be; None where that is not bounded.
    """

    events: Sequence[int]
    size: int
    limit_ppm: int
    looks: Looks
    value: int | None
    most: int | None = None


def judge_sample(case: Case, sample: Sample) -> Finding:
    """Judge whether the events of a sample are rarer than the limit."""
    if sample.limit_ppm in {0, PPM}:
        return _at_an_end(case, sample)
    test = share_test(sample.limit_ppm, case.false_pass_ppm, case.false_fail_ppm)
    reading = read(test, sample.events, sample.size, sample.looks)
    if reading.outcome is Outcome.INCONCLUSIVE:
        return _open(case, sample, test, reading)
    passed = reading.outcome is Outcome.PASS
    _, because = met_or_not(met=passed)
    false_outcome_ppm = test.false_pass_ppm if passed else test.false_fail_ppm
    return Finding(
        outcome=reading.outcome,
        because=because,
        limit=case.limit(),
        value=sample.value,
        samples=sample.size,
        samples_needed=case.criterion.n_min,
        decision=_decision(
            test, sample, reading, false_outcome_ppm=false_outcome_ppm, more_needed=None
        ),
    )


def _open(case: Case, sample: Sample, test: ShareTest, reading: Reading) -> Finding:
    more = more_to_pass(test, reading)
    clean_at_best = test.samples_to_pass(
        design_effect_ppm=design_effect_ppm(sample.looks.burst_ppm)
    )
    if sample.most is not None and clean_at_best > sample.most:
        because = Because.NOT_PROVABLE_IN_MODE
    elif reading.enough and 2 * reading.events * PPM >= test.limit_ppm * reading.samples:
        because = Because.INSIDE_GUARD_BAND
    else:
        because = Because.TOO_FEW_SAMPLES
        more = max(more, case.criterion.n_min - reading.samples)
    return not_judged(
        case,
        because,
        value=sample.value,
        samples=sample.size,
        samples_needed=reading.samples + more,
        decision=_decision(
            test,
            sample,
            reading,
            false_outcome_ppm=None,
            more_needed=None if reading.samples == sample.looks.n_max else more,
        ),
    )


def _at_an_end(case: Case, sample: Sample) -> Finding:
    """Judge a limit of nothing, or of all: that takes no error probability.

    One event refutes the first for certain and no sample proves it; every sample keeps the second.
    """
    keeps_any = sample.limit_ppm == PPM
    is_certain = keeps_any or bool(sample.events)
    if not is_certain or sample.size < case.criterion.n_min:
        because = Because.TOO_FEW_SAMPLES if is_certain else Because.NOT_PROVABLE_IN_MODE
        return not_judged(case, because, value=sample.value, samples=sample.size)
    outcome, because = met_or_not(met=keeps_any)
    return Finding(
        outcome=outcome,
        because=because,
        limit=case.limit(),
        value=sample.value,
        samples=sample.size,
        samples_needed=case.criterion.n_min,
    )


def _decision(
    test: ShareTest,
    sample: Sample,
    reading: Reading,
    *,
    false_outcome_ppm: int | None,
    more_needed: int | None,
) -> Decision:
    return Decision(
        false_outcome_ppm=false_outcome_ppm,
        false_pass_ppm=test.false_pass_ppm,
        false_fail_ppm=test.false_fail_ppm,
        after_stop=reading.after_stop,
        more_needed=more_needed,
        share=ShareEvidence(
            limit_ppm=test.limit_ppm,
            events=reading.events,
            samples=reading.samples,
            effective_samples=reading.samples * PPM // reading.design_effect_ppm,
            burst_ppm=reading.burst_ppm,
            assumed_burst_ppm=sample.looks.burst_ppm,
            pass_unats=reading.evidence.pass_unats,
            fail_unats=reading.evidence.fail_unats,
        ),
    )
