"""Every code has words in both languages; nothing that is told blames or leaves a gap open."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cache
from typing import Any

import pytest

from omega_acceptance.decision.availability import Outage
from omega_acceptance.sentences import Words
from omega_acceptance.zone import LineSeen, SectorView, Zone, ZoneFinding, locate, words
from omega_acceptance.zone.codes import (
    Advice,
    Condition,
    Confidence,
    Criticality,
    FactCode,
    NextStep,
    Point,
    Reason,
    Scope,
    Symptom,
)
from omega_acceptance.zone.edge import ZoneReport
from omega_acceptance.zone.fact_words import FACT
from omega_acceptance.zone.finding import ZoneFact
from omega_acceptance.zone.telling import LANGUAGES, Audience, told
from omega_core.metrics import Direction
from omega_core.models import parse_model
from omega_core.verdict import Fault, Verdict
from support.zone_facts import judged, line, path4, short_rate
from support.zone_lines import draw_line, seen_of

TABLES: list[tuple[type[StrEnum], Mapping[Any, Words]]] = [
    (Zone, words.CUSTOMER_ZONE),
    (Zone, words.CLERK_ZONE),
    (Zone, words.ZONE_NAME),
    (Symptom, words.SYMPTOM),
    (Point, words.POINT),
    (Scope, words.SCOPE),
    (Confidence, words.CONFIDENCE),
    (Reason, words.REASON),
    (Criticality, words.CRITICALITY),
    (Condition, words.CONDITION),
    (Direction, words.DIRECTION),
    (Advice, words.ADVICE),
    (NextStep, words.NEXT_STEP),
    (FactCode, FACT),
]
BLAME = re.compile(r"votre faute|vous avez mal|your fault|you did|coupable|blame", re.IGNORECASE)
SPOILED = judged(verdict=Verdict.INVALID, faults=(Fault.CROSS_TRAFFIC,))


@pytest.mark.parametrize(("codes", "table"), TABLES)
def test_every_code_has_words_in_both_languages(
    codes: type[StrEnum], table: Mapping[Any, Words]
) -> None:
    assert table.keys() == {*codes}


@cache
def findings() -> list[ZoneFinding]:
    """Return findings of every zone and nearly every symptom."""
    drawn: list[LineSeen] = [seen_of(draw_line(seed)) for seed in range(120)]
    drawn += [
        line(judgement=SPOILED),
        line(judgement=short_rate(), sector=SectorView(good=1, bad=5)),
        line(outages=(Outage(1, 2_000_000),)),
        line(path=path4(dead_from=1), session=False),
    ]
    return [locate(each) for each in drawn]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("audience", Audience)
def test_no_word_is_left_open_and_nobody_is_blamed(audience: Audience, lang: str) -> None:
    assert {each.zone for each in findings()} == {*Zone}
    for finding in findings():
        for sentence in told(finding, audience, lang):  # type: ignore[arg-type] # fr or en
            assert sentence.strip() == sentence
            assert sentence
            assert not re.search(r"[{}]", sentence)
            assert not BLAME.search(sentence)


def test_the_customer_reads_no_address_and_no_zone_number() -> None:
    for finding in findings():
        for sentence in told(finding, Audience.CUSTOMER, "fr"):
            assert not re.search(r"\d+\.\d+\.\d+\.\d+|Z[0-4]|IPv|::", sentence)


def test_a_cut_line_is_told_to_everybody() -> None:
    cut = locate(line(path=path4(dead_from=2), session=False))
    assert told(cut, Audience.CUSTOMER, "en")[0] == words.CUSTOMER_ZONE[cut.zone].en
    assert told(cut, Audience.CLERK, "fr")[0] == words.CLERK_ZONE[cut.zone].fr
    assert told(cut, Audience.ENGINEER, "en")[-1] == "omega-zone v1"


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        pytest.param(
            ZoneFact(
                code=FactCode.LOSS_SHARE,
                value=40_000,
                unit="ppm",
                low=15_000,
                high=85_000,
                samples=150,
                limit=5_000,
                direction=Direction.UP,
            ),
            "up: loss of 4 %, between 1.5 % and 8.5 %, of 150 packets; limit 0.5 %",
            id="a share with its interval",
        ),
        pytest.param(
            ZoneFact(code=FactCode.MTU_FAILED, value=1_401, unit="octets", family=6),
            "IPv6: packets of 1,401 bytes: vanish",
            id="a size",
        ),
        pytest.param(
            ZoneFact(
                code=FactCode.RATE_SHORT,
                unit="bps",
                limit=2_000_000,
                about="qualified_bps_down",
            ),
            "sold IP rate carried down of - against 2 Mbit/s",
            id="a rate without a value",
        ),
        pytest.param(
            ZoneFact(code=FactCode.RATE_SHORT, value=1, unit="bps", limit=2, about="new_bps_down"),
            "new_bps_down of 0 Mbit/s against 0 Mbit/s",
            id="a metric of a newer Omega",
        ),
        pytest.param(
            ZoneFact(code=FactCode.NO_CARRIER, part=Zone.LAN),
            "the customer's network (Z0): no carrier on the interface",
            id="a part",
        ),
        pytest.param(
            ZoneFact(
                code=FactCode.ANSWERS,
                value=3,
                unit="packets",
                samples=10,
                point=Point.GATEWAY,
                address="192.168.1.1",
            ),
            "the box, 192.168.1.1: 3 answers to 10",
            id="a point",
        ),
    ],
)
def test_a_fact_is_told_with_its_figures(fact: ZoneFact, sentence: str) -> None:
    finding = locate(line())
    shown = replace(finding, evidence=(fact,), conditions=())
    assert sentence in told(shown, Audience.ENGINEER, "en")


def test_the_json_form_comes_back_as_it_was() -> None:
    for finding in findings():
        report = ZoneReport.of(finding)
        again = parse_model(ZoneReport, report.model_dump_json().encode())
        assert again == report
        assert again.finding == finding
        assert {*again.said} == {"fr", "en"}
