"""A zone finding in words, for each audience, put together from codes alone. Nothing is judged."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from omega_acceptance.explain import fault_sentence, metric_name
from omega_acceptance.figures import LANGUAGES, NO_BREAK_SPACE, Language, count, figure
from omega_acceptance.sentences import Words
from omega_acceptance.zone import words
from omega_acceptance.zone.codes import FactCode, Symptom, Zone
from omega_acceptance.zone.fact_words import FACT
from omega_acceptance.zone.finding import ZoneFact, ZoneFinding
from omega_core.metrics import METRICS
from omega_core.verdict import Fault

__all__ = ["LANGUAGES", "Audience", "told"]

_PLACED = frozenset(Zone) - {Zone.UNKNOWN, Zone.NONE}


class Audience(StrEnum):
    """Who reads."""

    CUSTOMER = "customer"
    CLERK = "clerk"
    ENGINEER = "engineer"


def told(finding: ZoneFinding, audience: Audience, lang: Language) -> tuple[str, ...]:
    """Return a finding as lines, the most important first."""
    if audience is Audience.CUSTOMER:
        return tuple(_to_customer(finding, lang))
    if audience is Audience.CLERK:
        return tuple(_to_clerk(finding, lang))
    return tuple(_to_engineer(finding, lang))


def _to_customer(finding: ZoneFinding, lang: Language) -> Iterator[str]:
    yield _in(words.CUSTOMER_ZONE[finding.zone], lang)
    yield from _symptom(finding, lang)
    yield from (_in(words.ADVICE[each], lang) for each in finding.advice)


def _to_clerk(finding: ZoneFinding, lang: Language) -> Iterator[str]:
    yield _in(words.CLERK_ZONE[finding.zone], lang)
    yield from _symptom(finding, lang)
    if finding.zone is Zone.UNKNOWN and finding.last_good is not None:
        point = _in(words.POINT[finding.last_good], lang)
        yield _in(words.LAST_GOOD, lang).replace("{point}", point)
    if finding.suspect is not None:
        zone = _in(words.ZONE_NAME[finding.suspect], lang)
        yield _in(words.SUSPECT, lang).replace("{zone}", zone)
    if finding.scope is not None:
        yield _in(words.SCOPE[finding.scope], lang)
    reason = _in(words.REASON[finding.reason], lang)
    yield f"{_in(words.CONFIDENCE[finding.confidence], lang)} - {reason}."
    # French sets a space before a semicolon, which must not begin a line.
    between = f"{NO_BREAK_SPACE}; " if lang == "fr" else "; "
    steps = between.join(_in(words.NEXT_STEP[each], lang) for each in finding.next_steps)
    yield f"{_in(words.CRITICALITY[finding.criticality], lang)} - {steps}."


def _to_engineer(finding: ZoneFinding, lang: Language) -> Iterator[str]:
    yield from _to_clerk(finding, lang)
    yield from (_fact(each, lang) for each in finding.evidence)
    if finding.conditions:
        yield ", ".join(_in(words.CONDITION[each], lang) for each in finding.conditions)
    yield f"{finding.rule} v{finding.rule_version}"


def _symptom(finding: ZoneFinding, lang: Language) -> Iterator[str]:
    symptom: Symptom | None = finding.symptom
    if symptom is None:
        return
    sentence = words.SYMPTOM[symptom]
    if finding.zone not in _PLACED:
        sentence = words.SYMPTOM_UNPLACED.get(symptom, sentence)
    yield _in(sentence, lang)


def _fact(fact: ZoneFact, lang: Language) -> str:
    """Return a fact: where, which way, and what."""
    where = [
        None if fact.part is None else _in(words.ZONE_NAME[fact.part], lang),
        None if fact.point is None else _in(words.POINT[fact.point], lang),
        fact.address,
        None if fact.family is None else f"IPv{fact.family}",
        None if fact.direction is None else _in(words.DIRECTION[fact.direction], lang),
    ]
    said = _in(FACT[fact.code], lang)
    for name, value in (("value", fact.value), ("low", fact.low), ("high", fact.high)):
        said = said.replace(f"{{{name}}}", _figure(value, fact, lang))
    said = said.replace("{limit}", _figure(fact.limit, fact, lang))
    said = said.replace("{samples}", count(fact.samples or 0, lang))
    said = said.replace("{about}", _about(fact, lang))
    named = ", ".join(each for each in where if each is not None)
    colon = NO_BREAK_SPACE + ":" if lang == "fr" else ":"
    return f"{named}{colon} {said}" if named else said


def _about(fact: ZoneFact, lang: Language) -> str:
    if fact.about is None:
        return ""
    if fact.code is FactCode.SPOILED_BY:
        return fault_sentence(Fault(fact.about), lang)
    return metric_name(fact.about, lang) if fact.about in METRICS else fact.about


def _figure(value: int | None, fact: ZoneFact, lang: Language) -> str:
    if value is None:
        return "-"
    if fact.unit == "octets":
        return f"{count(value, lang)} {'octets' if lang == 'fr' else 'bytes'}"
    if fact.unit in {"ppm", "us", "bps"}:
        return figure(value, fact.unit, lang)
    return count(value, lang)


def _in(text: Words, lang: Language) -> str:
    return text.fr if lang == "fr" else text.en
