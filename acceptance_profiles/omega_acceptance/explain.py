"""A judgement in words: the verdict first, then every criterion with its reason and its remedy.

The sentences stand in `sentences`, the figures are written by `figures`; here they are put together
from codes alone, so a record that was judged elsewhere reads the same. Nothing is judged here.
"""

from __future__ import annotations

from omega_acceptance import sentences
from omega_acceptance.figures import LANGUAGES, Language, count, figure, figure_pair
from omega_acceptance.sentences import Advice, Words
from omega_core.units import PPM
from omega_core.verdict import Because, CriterionOutcome, Fault, Judgement, Outcome, Verdict

__all__ = [
    "LANGUAGES",
    "Language",
    "criterion_name",
    "criterion_sentence",
    "explain",
    "fault_sentence",
    "figure",
    "metric_name",
    "verdict_sentence",
]


def explain(judgement: Judgement, lang: Language) -> tuple[str, ...]:
    """Return the judgement as lines of text, the most important first.

    Verdict; what spoiled the run, if anything did; the criteria that decide, failures first; the
    advisory ones; what the mode's answer is worth.
    """
    decisive = [each for each in judgement.outcomes if each.mandatory]
    advisory = [each for each in judgement.outcomes if not each.mandatory]
    lines = [verdict_sentence(judgement.verdict, lang)]
    lines += [fault_sentence(fault, lang) for fault in judgement.faults]
    if judgement.verdict is Verdict.INCONCLUSIVE and not decisive:
        lines.append(_in(sentences.NOTHING_MANDATORY, lang))
    order = [Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS]
    decisive.sort(key=lambda each: order.index(each.outcome))
    lines += [criterion_sentence(each, lang) for each in (*decisive, *advisory)]
    lines.append(_in(sentences.SCOPE[judgement.mode], lang))
    return tuple(lines)


def verdict_sentence(verdict: Verdict, lang: Language) -> str:
    """Return what the line came to, in one sentence."""
    return _in(sentences.VERDICT[verdict], lang)


def fault_sentence(fault: Fault, lang: Language) -> str:
    """Return what spoiled the run, and who can do what about it."""
    return _advice(sentences.FAULT[fault], lang)


def metric_name(name: str, lang: Language) -> str:
    """Return what people call a metric; a name of a newer Omega stays as it is."""
    words = sentences.METRIC.get(name)
    return name if words is None else _in(words, lang)


def criterion_name(outcome: CriterionOutcome, lang: Language) -> str:
    """Return what a criterion is about: its metric, over which family, and how it is read."""
    name = metric_name(outcome.metric, lang)
    if outcome.family is not None:
        name += f", IPv{outcome.family}"
    words = sentences.STATISTIC.get(outcome.statistic or "")
    return name if words is None else name + _in(words, lang)


def criterion_sentence(outcome: CriterionOutcome, lang: Language) -> str:
    """Return what was found against what is promised, and why it came out so."""
    found, promised = _found_and_promised(outcome, lang)
    colon = " :" if lang == "fr" else ":"
    head = _in(sentences.OUTCOME[outcome.outcome], lang)
    if not outcome.mandatory:
        head = f"{head} ({_in(sentences.ADVISORY, lang)})"
    counted = outcome.samples > 0 and outcome.because is not Because.TOO_FEW_SAMPLES
    sample = f" ({_sample(outcome, lang)})" if counted else ""
    body = f"{criterion_name(outcome, lang)}{colon} {found}, {promised}{sample}"
    reasons = _reasons(outcome, lang)
    return f"{head} - {body}" + (f" - {reasons}" if reasons else "")


def _found_and_promised(outcome: CriterionOutcome, lang: Language) -> tuple[str, str]:
    words = sentences.PROMISED.get(outcome.op)
    promise = f"{outcome.op} {{limit}}" if words is None else _in(words, lang)
    if outcome.value is None:
        found = _in(sentences.NO_VALUE, lang)
        limit = figure(outcome.limit, outcome.unit, lang)
    else:
        found, limit = figure_pair(outcome.value, outcome.limit, outcome.unit, lang)
    return found, promise.replace("{limit}", limit)


def _reasons(outcome: CriterionOutcome, lang: Language) -> str:
    advice = sentences.BECAUSE[outcome.because]
    if advice is None:
        return ""
    told = _advice(advice, lang)
    told = told.replace("{samples}", _samples(outcome, lang))
    told = told.replace("{needed}", count(outcome.samples_needed, lang))
    if _failed_by_loss(outcome):
        return f"{_in(sentences.LOST_IS_LATE, lang)} - {told}"
    return told + _what_would_prove_it(outcome, lang)


def _what_would_prove_it(outcome: CriterionOutcome, lang: Language) -> str:
    """Return how much more of what would pass; the reason itself says so of too small a sample."""
    more = outcome.decision.more_needed if outcome.decision else None
    if not more or outcome.because is Because.TOO_FEW_SAMPLES:
        return ""
    one, several = sentences.MORE[outcome.statistic or ""]
    words = one if more == 1 else several
    return f" - {_in(words, lang).replace('{more}', count(more, lang))}"


def _sample(outcome: CriterionOutcome, lang: Language) -> str:
    """Return the size of the sample, the burst that is assumed, and how likely one is wrong."""
    told, decision = _samples(outcome, lang), outcome.decision
    if decision is None:
        return told
    burst_ppm = decision.share.burst_ppm if decision.share else PPM
    if burst_ppm > PPM:
        packets = count(-(-burst_ppm // PPM), lang)
        told += _in(sentences.IN_BURSTS, lang).replace("{packets}", packets)
    if decision.false_outcome_ppm is not None:
        error = figure(decision.false_outcome_ppm, "ppm", lang)
        told += _in(sentences.ERROR_AT_MOST, lang).replace("{error}", error)
    return told


def _failed_by_loss(outcome: CriterionOutcome) -> bool:
    """Say whether a delay failed although the packets that arrived were in time."""
    return (
        outcome.outcome is Outcome.FAIL
        and outcome.unit == "us"
        and (outcome.value is None or outcome.value <= outcome.limit)
    )


def _samples(outcome: CriterionOutcome, lang: Language) -> str:
    one, several = sentences.SAMPLES.get(outcome.metric.partition("_")[0], sentences.SAMPLES_ELSE)
    singular = outcome.samples < 2 if lang == "fr" else outcome.samples == 1
    return f"{count(outcome.samples, lang)} {_in(one if singular else several, lang)}"


def _advice(advice: Advice, lang: Language) -> str:
    return f"{_in(advice.cause, lang)} - {_in(advice.remedy, lang)}"


def _in(words: Words, lang: Language) -> str:
    return words.fr if lang == "fr" else words.en
