"""A campaign's report in words, put together from codes alone. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from omega_acceptance.figures import NO_BREAK_SPACE, Language, figure
from omega_acceptance.rules import words
from omega_acceptance.rules.campaign import NotPlanned
from omega_acceptance.rules.codes import Decision
from omega_acceptance.rules.named import RuleBeside
from omega_acceptance.rules.report import (
    CampaignReport,
    PredicatePart,
    RiskPart,
    StatisticalPart,
)
from omega_acceptance.rules.rule import Predicate, Rule, RunCondition, fraction, is_bare_fraction
from omega_acceptance.rules.share_verdict import ERROR_PPM
from omega_acceptance.sentences import Words
from omega_core.units import PPM, US_PER_S


def told(report: CampaignReport, rule: Rule, lang: Language) -> tuple[str, ...]:
    """Return the report as lines: how it stands, the rule, statistics, what both are worth."""
    return (
        rule.title.said(lang),
        *_standing(report, lang),
        *_results(report, rule, lang),
        *([_in(words.NOT_NAMED, lang)] if report.named_by_plan is False else []),
        *_listed(words.BESIDE_CAMPAIGN, report.beside, lang),
    )


def beside_told(found: Iterable[RuleBeside], lang: Language) -> tuple[str, ...]:
    """Return what the rules that a plan names say beside a verdict, as lines."""
    return tuple(_listed(words.BESIDE, found, lang))


def not_planned_told(rule: Rule, because: NotPlanned, lang: Language) -> str:
    """Return why no campaign can be planned for a rule, as the end of a sentence."""
    others = (step.event for step in rule.sequence if step.run is None)
    return _filled(
        words.NOT_PLANNED[because],
        lang,
        force=force_told(rule, lang),
        events=", ".join(dict.fromkeys(others)),
        unconfirmed=", ".join(each.about for each in rule.unconfirmed),
    )


def force_told(rule: Rule, lang: Language) -> str:
    """Return from when to when a rule is in force."""
    begin, end = rule.effective_from, rule.effective_until
    form = words.FORCE[begin is not None, end is not None]
    return _filled(form, lang, begin=begin, end=end)


def rule_told(rule: Rule, lang: Language) -> tuple[str, ...]:
    """Return what a rule asks for, as lines: what it is, where from, its demands, our doubts."""
    source, digest = words.SOURCE[rule.source.read], rule.source.text_sha256
    archived = words.ARCHIVED if digest else words.NOT_ARCHIVED
    return (
        rule.title.said(lang),
        f"{rule.id} ({rule.version}){_colon(lang)} {_in(words.STATUS[rule.status], lang)},"
        f" {force_told(rule, lang)}",
        _filled(source, lang, act=rule.source.act),
        _filled(archived, lang, digest=digest),
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
        yield _statistical(part, rule, lang)
    if not report.statistical:
        yield _in(words.NO_STATISTICS, lang)
    yield _in(words.SIDE_BY_SIDE, lang)
    yield from _wrong(report.risks, rule, lang)


def _listed(head: Words, found: Iterable[RuleBeside], lang: Language) -> Iterator[str]:
    lines = [f"  {each.id} ({each.version}){_colon(lang)} {_beside(each, lang)}" for each in found]
    if lines:
        yield _in(head, lang)
        yield from lines


def _beside(found: RuleBeside, lang: Language) -> str:
    said = _in(words.OUTCOME[found.outcome], lang)
    if found.because is not None:
        said += f" - {_in(words.NOT_EVALUATED[found.because], lang)}"
    if (needs := found.campaign) is not None:
        facts = found.decision is Decision.FACTS
        series = words.HAS_CYCLES if facts else words.HAS_RUNS
        form = words.HAS_DAYS if needs.needed is None else series
        said += _filled(form, lang, done=needs.done, needed=needs.needed, days=needs.days)
    if found.missing:
        rates = (
            f"{_in(words.BASE[each.base], lang)}, {_in(words.DIRECTION[each.direction], lang)}"
            for each in found.missing
        )
        said += _filled(words.MISSING, lang, rates="; ".join(rates))
    return said


def _predicate(part: PredicatePart, rule: Rule, lang: Language) -> str:
    predicate = _named(rule, part.id)
    about = _condition(predicate.run, lang)
    if part.direction is not None:
        about = f"{_in(words.DIRECTION[part.direction], lang)}, {about}"
    share = figure(part.found * PPM // part.among, "ppm", lang)
    counted = _filled(
        words.COUNTED[part.stat], lang, found=part.found, among=part.among, share=share
    )
    bound = _filled(words.BOUND[part.op], lang, bound=_bound(predicate, lang))
    form = words.DEVIATES_IF if rule.deviation_if_any else words.COMPLIES_IF
    sign = "✗" if part.holds == bool(rule.deviation_if_any) else "✓"
    return f"{sign} {about}{_colon(lang)} {counted} ({_filled(form, lang, bound=bound)})"


def _named(rule: Rule, predicate_id: str) -> Predicate:
    (found,) = (each for each in rule.predicates if each.id == predicate_id)
    return found


def _condition(run: RunCondition, lang: Language) -> str:
    """Return what one run is held against: at least 90 % of the maximum rate."""
    return _filled(words.CONDITION[run.op], lang, limit=_limit(run, lang))


def _limit(run: RunCondition, lang: Language) -> str:
    if run.base is None:
        return figure(run.us or 0, "us", lang)
    base, share = _in(words.BASE[run.base], lang), run.share or ""
    if not is_bare_fraction(share):
        return _filled(words.SHARE_OF_CELL, lang, base=base)
    if fraction(share) == 1:
        return _filled(words.WHOLE_RATE, lang, base=base)
    return _filled(words.SHARE_OF_RATE, lang, share=_percent(fraction(share), lang), base=base)


def _bound(predicate: Predicate, lang: Language) -> str:
    if predicate.days is not None:
        return _filled(words.DAYS, lang, days=predicate.days)
    return _percent(predicate.bound, lang)


def _percent(share: Fraction, lang: Language) -> str:
    return figure(int(share * PPM), "ppm", lang)


def _statistical(part: StatisticalPart, rule: Rule, lang: Language) -> str:
    return _filled(
        words.STATISTICS_SAY,
        lang,
        direction=_in(words.DIRECTION[part.direction], lang),
        condition=_condition(_named(rule, part.predicate).run, lang),
        promised=figure(PPM - part.p0_ppm, "ppm", lang),
        outcome=_looks(part, lang),
        error=figure(ERROR_PPM, "ppm", lang),
        bad=part.bad_runs,
        runs=part.runs,
        low=figure(part.verdict.share_low_ppm, "ppm", lang),
        high=figure(part.verdict.share_high_ppm, "ppm", lang),
    )


def _looks(part: StatisticalPart, lang: Language) -> str:
    """Return what is proved: of a whole campaign by one look at it, else so far."""
    once, anytime = part.verdict.one_look, _in(words.STATISTICAL[part.verdict.anytime], lang)
    if once is None:
        return _filled(words.SO_FAR, lang, outcome=anytime)
    outcome = _in(words.STATISTICAL[once], lang)
    if outcome == anytime:
        return outcome
    return _filled(words.ALL_TOGETHER, lang, outcome=outcome, anytime=anytime, runs=part.runs)


def _wrong(risks: tuple[RiskPart, ...], rule: Rule, lang: Language) -> Iterator[str]:
    """Yield one sentence a predicate: the first part is of a line exactly at the bound."""
    for name in dict.fromkeys(each.predicate for each in risks):
        exact, *others = (each for each in risks if each.predicate == name)
        more = _in(words.AND, lang).join(
            _filled(
                words.WRONG_AT,
                lang,
                wrong=_exactly(each.deviates_ppm, lang),
                share=figure(each.true_share_ppm, "ppm", lang),
            )
            for each in others
        )
        yield _filled(
            words.WRONG,
            lang,
            condition=_condition(_named(rule, name).run, lang),
            runs=exact.runs,
            share=figure(exact.true_share_ppm, "ppm", lang),
            wrong=_exactly(exact.deviates_ppm, lang),
            more=more,
        )


def _exactly(ppm: int, lang: Language) -> str:
    """Return a probability in percent, to the last ppm."""
    percent = PPM // 100
    text = f"{ppm // percent}.{ppm % percent:04} %"
    return text.replace(".", ",").replace(" ", NO_BREAK_SPACE) if lang == "fr" else text


def _colon(lang: Language) -> str:
    return " :" if lang == "fr" else ":"


def _filled(form: Words, lang: Language, **fields: object) -> str:
    return _in(form, lang).format(**fields)


def _in(form: Words, lang: Language) -> str:
    return form.fr if lang == "fr" else form.en
