"""A campaign's report in words, put together from codes alone. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterator

from omega_acceptance.figures import Language, figure
from omega_acceptance.rules import words
from omega_acceptance.rules.report import (
    CampaignReport,
    PredicatePart,
    RiskPart,
    StatisticalPart,
)
from omega_acceptance.rules.rule import Rule
from omega_acceptance.rules.share_verdict import ShareVerdict
from omega_acceptance.sentences import Words
from omega_core.units import PPM, US_PER_S


def told(report: CampaignReport, rule: Rule, lang: Language) -> tuple[str, ...]:
    """Return the report as lines: how it stands, the rule, statistics, what both are worth."""
    return (rule.title.said(lang), *_standing(report, lang), *_results(report, rule, lang))


def rule_told(rule: Rule, lang: Language) -> tuple[str, ...]:
    """Return what a rule asks for, as lines: what it is, where from, its demands, our doubts."""
    source = words.SOURCE[rule.source.read]
    return (
        rule.title.said(lang),
        f"{rule.id} ({rule.version}){_colon(lang)} {_in(words.STATUS[rule.status], lang)}",
        _filled(source, lang, act=rule.source.act),
        *(f"- {each.said(lang)}" for each in rule.demands),
        *(_filled(words.READ_AS, lang, taken=each.taken.said(lang)) for each in rule.doubts),
        *(
            _filled(words.UNCONFIRMED, lang, about=each.about, value=each.value)
            for each in rule.unconfirmed
        ),
    )


def reason(report: CampaignReport, lang: Language) -> str:
    """Return why it is too early, or why the campaign is void; empty where neither is so."""
    if report.why is None:
        return ""
    day = f" ({report.day})" if report.day else ""
    return _in(words.WHY[report.why], lang) + day


def _standing(report: CampaignReport, lang: Language) -> Iterator[str]:
    yield _filled(
        words.HEAD,
        lang,
        id=report.id,
        plan=report.plan_id,
        phase=_in(words.PHASE[report.phase], lang),
        done=report.done,
        needed=report.needed,
    )
    if said := reason(report, lang):
        yield f"  {said}"
    yield "  " + _filled(
        words.TRIED, lang, attempts=report.attempts, valid=report.valid, zone=report.zone
    )


def _results(report: CampaignReport, rule: Rule, lang: Language) -> Iterator[str]:
    found = report.regulatory
    outcome = _in(words.OUTCOME[found.outcome], lang)
    if found.because is not None:
        outcome += f" - {_in(words.NOT_EVALUATED[found.because], lang)}"
    name = f"{report.rule.id} ({report.rule.version})"
    yield _filled(words.RULE_SAYS, lang, rule=name, outcome=outcome)
    for predicate in found.predicates:
        yield f"  {_predicate(predicate, rule, lang)}"
    for cycle in found.cycles:
        minutes = cycle.length_us // (60 * US_PER_S)
        line = _filled(words.CYCLE, lang, day=cycle.day, tests=cycle.tests, minutes=minutes)
        yield f"  {line}{'' if cycle.whole else _in(words.CYCLE_CUT, lang)}"
    if not rule.predicates:
        return
    for part in report.statistical:
        yield _statistical(part, lang)
    if not report.statistical:
        yield _in(words.NO_STATISTICS, lang)
    yield _in(words.SIDE_BY_SIDE, lang)
    yield from _wrong(report.risks, lang)


def _predicate(part: PredicatePart, rule: Rule, lang: Language) -> str:
    about = part.id
    if part.direction is not None:
        about += f", {_in(words.DIRECTION[part.direction], lang)}"
    share = figure(part.found * PPM // part.among, "ppm", lang)
    counted = _filled(
        words.COUNTED[part.stat], lang, found=part.found, among=part.among, share=share
    )
    form = words.DEVIATES_IF if rule.deviation_if_any else words.COMPLIES_IF
    bound = _filled(form, lang, op=part.op, bound=part.bound)
    return f"{about}{_colon(lang)} {counted} ({bound})"


def _statistical(part: StatisticalPart, lang: Language) -> str:
    return _filled(
        words.STATISTICS_SAY,
        lang,
        predicate=part.predicate,
        direction=_in(words.DIRECTION[part.direction], lang),
        outcome=_looks(part.verdict, lang),
        bad=part.bad_runs,
        runs=part.runs,
        p0=figure(part.p0_ppm, "ppm", lang),
    )


def _looks(verdict: ShareVerdict, lang: Language) -> str:
    once = ""
    if verdict.one_look is not None:
        once = _filled(words.ONE_LOOK, lang, one=_in(words.STATISTICAL[verdict.one_look], lang))
    return _filled(
        words.LOOKS,
        lang,
        one=once,
        any=_in(words.STATISTICAL[verdict.anytime], lang),
        low=figure(verdict.share_low_ppm, "ppm", lang),
        high=figure(verdict.share_high_ppm, "ppm", lang),
    )


def _wrong(risks: tuple[RiskPart, ...], lang: Language) -> Iterator[str]:
    """Yield one sentence a predicate: the first part is of a line exactly at the bound."""
    for name in dict.fromkeys(each.predicate for each in risks):
        exact, *others = (each for each in risks if each.predicate == name)
        more = ", ".join(
            _filled(
                words.WRONG_AT,
                lang,
                wrong=_six(each.deviates_ppm, lang),
                share=figure(each.true_share_ppm, "ppm", lang),
            )
            for each in others
        )
        yield _filled(
            words.WRONG,
            lang,
            predicate=name,
            runs=exact.runs,
            share=figure(exact.true_share_ppm, "ppm", lang),
            wrong=_six(exact.deviates_ppm, lang),
            more=more,
        )


def _six(ppm: int, lang: Language) -> str:
    """Return a probability with its six decimals."""
    text = f"{ppm // PPM}.{ppm % PPM:06}"
    return text.replace(".", ",") if lang == "fr" else text


def _colon(lang: Language) -> str:
    return " :" if lang == "fr" else ":"


def _filled(form: Words, lang: Language, **fields: object) -> str:
    return _in(form, lang).format(**fields)


def _in(form: Words, lang: Language) -> str:
    return form.fr if lang == "fr" else form.en
