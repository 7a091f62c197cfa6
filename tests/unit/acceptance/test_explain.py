"""A judgement in words: every code in both languages, the verdict first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from omega_acceptance import sentences
from omega_acceptance.catalogue import Catalogue
from omega_acceptance.evaluate import evaluate
from omega_acceptance.explain import (
    LANGUAGES,
    Language,
    criterion_name,
    criterion_sentence,
    explain,
    fault_sentence,
    metric_name,
    verdict_sentence,
)
from omega_acceptance.profile import AcceptanceProfile
from omega_acceptance.sentences import Advice, Words
from omega_core.evidence import Evidence
from omega_core.metrics import METRICS, READINGS
from omega_core.verdict import (
    Because,
    CriterionOutcome,
    Decision,
    Fault,
    Mode,
    Outcome,
    ShareEvidence,
    Verdict,
)
from support.facts import environment, idle_stream
from support.profiles import good_evidence, home

BUILTIN = Catalogue.builtin().profiles
SHORT = CriterionOutcome(
    id="tcp-dn",
    metric="goodput_bps_down",
    op="at_least",
    limit=1_386_515,
    unit="bps",
    value=960_000,
    samples=3,
    samples_needed=3,
    mandatory=True,
    outcome=Outcome.FAIL,
    because=Because.NOT_MET,
)


def words_of(table: Mapping[object, object]) -> Iterator[Words]:
    for entry in table.values():
        if isinstance(entry, Words):
            yield entry
        elif isinstance(entry, Advice):
            yield from entry


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        pytest.param(sentences.VERDICT, {*Verdict}, id="verdicts"),
        pytest.param(sentences.OUTCOME, {*Outcome}, id="outcomes"),
        pytest.param(sentences.BECAUSE, {*Because}, id="reasons"),
        pytest.param(sentences.FAULT, {*Fault}, id="faults"),
        pytest.param(sentences.SCOPE, {*Mode}, id="modes"),
        pytest.param(sentences.METRIC, {*METRICS, *READINGS}, id="metrics"),
        pytest.param(sentences.PROMISED, {"at_least", "at_most"}, id="comparisons"),
    ],
)
def test_every_code_has_words_in_both_languages(
    table: Mapping[object, object], codes: set[object]
) -> None:
    assert table.keys() == codes
    found = [*words_of(table)]
    assert len(found) >= len(codes) - 1, "only `met` needs no reason"
    for words in found:
        assert words.fr.strip()
        assert words.en.strip()
        assert words.en.isascii()


def test_no_two_metrics_go_by_one_name() -> None:
    for lang in LANGUAGES:
        names = [metric_name(name, lang) for name in (*METRICS, *READINGS)]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("plan", BUILTIN, ids=lambda plan: plan.id)
def test_no_two_rows_of_one_table_go_by_one_name(plan: AcceptanceProfile, lang: Language) -> None:
    outcomes = evaluate(
        plan, Mode.STANDARD, evidence=Evidence(), environment=environment(), faults=()
    ).outcomes
    names = [criterion_name(each, lang) for each in outcomes]
    assert len(set(names)) == len(names)


def test_a_judgement_without_them_names_the_metric() -> None:
    assert criterion_name(SHORT, "en") == "TCP goodput down"


def test_a_metric_of_a_newer_version_keeps_its_public_name() -> None:
    assert metric_name("wifi_rssi_dbm", "fr") == "wifi_rssi_dbm"


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        pytest.param(
            "fr",
            "non tenu - débit utile TCP descendant : 0,96 Mbit/s, promis au moins 1,387 Mbit/s "
            "(3 passages) - promesse non tenue - technicien : chercher la cause sur la ligne, puis "
            "refaire l'essai",
            id="French",
        ),
        pytest.param(
            "en",
            "not kept - TCP goodput down: 0.96 Mbit/s, at least 1.387 Mbit/s promised (3 runs) - "
            "the promise is not kept - technician: look for the cause on the line, then test again",
            id="English",
        ),
    ],
)
def test_found_against_promised(lang: Language, expected: str) -> None:
    assert criterion_sentence(SHORT, lang).replace("\u00a0", " ") == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"outcome": Outcome.PASS, "because": Because.MET, "value": 1_400_000},
            "kept - TCP goodput down: 1.4 Mbit/s, at least 1.387 Mbit/s promised (3 runs)",
            id="kept needs no reason",
        ),
        pytest.param(
            {
                "outcome": Outcome.INCONCLUSIVE,
                "because": Because.TOO_FEW_SAMPLES,
                "samples": 1,
                "value": 1_400_000,
            },
            "open - TCP goodput down: 1.4 Mbit/s, at least 1.387 Mbit/s promised - "
            "1 run of 3 needed - take a longer test: mode standard, or a campaign",
            id="too few says how many",
        ),
        pytest.param(
            {
                "outcome": Outcome.INCONCLUSIVE,
                "because": Because.NOT_MEASURED,
                "samples": 0,
                "value": None,
                "mandatory": False,
            },
            "open (advisory) - TCP goodput down: no value, at least 1.387 Mbit/s promised - "
            "not measured - if its task failed, test again; else this version does not measure it",
            id="advisory and without value",
        ),
        pytest.param(
            {
                "outcome": Outcome.INCONCLUSIVE,
                "because": Because.NOT_PROVABLE_IN_MODE,
                "mandatory": False,
                "statistic": "share_of_runs",
            },
            "open (advisory) - TCP goodput down, most of the time: 0.96 Mbit/s, at least 1.387 "
            "Mbit/s promised (3 runs) - can't be proved in this mode - mode standard may judge it, "
            "or monitoring over days",
            id="a share of the runs is not their mean",
        ),
        pytest.param(
            {"outcome": Outcome.PASS, "because": Because.MET, "value": 1_400_000, "family": 6},
            "kept - TCP goodput down, IPv6: 1.4 Mbit/s, at least 1.387 Mbit/s promised (3 runs)",
            id="one family",
        ),
        pytest.param(
            {"op": "within"},
            "not kept - TCP goodput down: 0.96 Mbit/s, within 1.387 Mbit/s (3 runs) - the promise "
            "is not kept - technician: look for the cause on the line, then test again",
            id="a comparison of a newer version",
        ),
    ],
)
def test_criterion_in_english(changes: dict[str, object], expected: str) -> None:
    assert criterion_sentence(replace(SHORT, **changes), "en") == expected  # type: ignore[arg-type] # fields of the fact


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param(60_000, True, id="those that came were in time"),
        pytest.param(200_000, True, id="those that came were just in time"),
        pytest.param(None, True, id="none came"),
        pytest.param(200_001, False, id="they were late themselves"),
    ],
)
def test_a_delay_that_failed_by_loss_says_so(value: int | None, said: bool) -> None:  # noqa: FBT001 - a column of the table
    late = replace(
        SHORT, metric="idle_rtt_us_p95", op="at_most", unit="us", limit=200_000, value=value
    )
    assert ("counts as late" in criterion_sentence(late, "en")) is said
    assert ("compte comme en retard" in criterion_sentence(late, "fr")) is said


@pytest.mark.parametrize(
    ("metric", "samples", "fr", "en"),
    [
        pytest.param("loss_ppm_up", 1_001, "1 001 paquets", "1,001 packets", id="packets"),
        pytest.param("reachable_ppm", 1, "1 tentative", "1 attempt", id="one attempt"),
        pytest.param("goodput_bps_up", 2, "2 passages", "2 runs", id="runs"),
        pytest.param("radio_cinr_db", 10, "10 mesures", "10 samples", id="anything else"),
    ],
)
def test_what_a_sample_is_made_of(metric: str, samples: int, fr: str, en: str) -> None:
    outcome = replace(SHORT, metric=metric, samples=samples)
    assert f"({fr})" in criterion_sentence(outcome, "fr").replace("\u00a0", " ")
    assert f"({en})" in criterion_sentence(outcome, "en")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("faults", [(), (Fault.TUNNEL, Fault.CROSS_TRAFFIC)])
def test_explanation_begins_with_the_verdict_and_leaves_nothing_out(
    lang: Language, mode: Mode, faults: tuple[Fault, ...]
) -> None:
    judgement = evaluate(
        home(), mode, evidence=good_evidence(), environment=environment(), faults=faults
    )
    lines = explain(judgement, lang)
    assert lines[0] == verdict_sentence(judgement.verdict, lang)
    assert lines[1 : 1 + len(faults)] == tuple(fault_sentence(each, lang) for each in faults)
    assert lines[-1] == (sentences.SCOPE[mode].fr if lang == "fr" else sentences.SCOPE[mode].en)
    for outcome in judgement.outcomes:
        assert criterion_sentence(outcome, lang) in lines
    assert not any(set("{}\n") & set(line) for line in lines)


def test_failures_come_before_gaps_and_gaps_before_passes_and_advice_last() -> None:
    stream = idle_stream(packets=3_501, rtt_us=300_000, lost_somewhere=[1])
    judgement = evaluate(
        home(),
        Mode.STANDARD,
        evidence=good_evidence(idle=(stream,)),
        environment=environment(),
        faults=(),
    )
    heads = [line.partition(" - ")[0] for line in explain(judgement, "en")[1:-1]]
    assert heads[:6] == ["not kept", "open", "open", "kept", "kept", "kept"]
    assert all("(advisory)" in head for head in heads[6:])


DECIDED = Decision(false_outcome_ppm=50_000, false_pass_ppm=50_000, false_fail_ppm=6_250)
IN_FIVES = ShareEvidence(
    limit_ppm=10_000,
    events=0,
    samples=3_000,
    effective_samples=333,
    burst_ppm=4_200_000,
    assumed_burst_ppm=2_000_000,
    pass_unats=2_000_000,
    fail_unats=0,
)
OPEN = Decision(false_outcome_ppm=None, false_pass_ppm=50_000, false_fail_ppm=6_250)


@pytest.mark.parametrize(
    ("decision", "english", "french"),
    [
        pytest.param(None, "(3 runs)", "(3 passages)", id="none"),
        pytest.param(
            DECIDED,
            "(3 runs; error at most 5 %)",
            "(3 passages ; erreur d'au plus 5\u00a0%)",
            id="decided",
        ),
        pytest.param(
            replace(DECIDED, false_outcome_ppm=6_250, share=IN_FIVES),
            "(3 runs in bursts of 5; error at most 0.63 %)",
            "(3 passages, par rafales de 5 ; erreur d'au plus 0,63\u00a0%)",
            id="in bursts",
        ),
        pytest.param(
            replace(DECIDED, share=replace(IN_FIVES, burst_ppm=1_000_000)),
            "(3 runs; error at most 5 %)",
            "(3 passages ; erreur d'au plus 5\u00a0%)",
            id="one by one",
        ),
        pytest.param(OPEN, "(3 runs)", "(3 passages)", id="open"),
    ],
)
def test_the_error_probability_and_the_burst_are_told(
    decision: Decision | None, english: str, french: str
) -> None:
    outcome = replace(SHORT, decision=decision)
    assert english in criterion_sentence(outcome, "en")
    assert french in criterion_sentence(outcome, "fr")


@pytest.mark.parametrize("statistic", sentences.MORE)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_would_prove_an_open_criterion_is_told(statistic: str, lang: Language) -> None:
    def told(more: int | None, because: Because = Because.INSIDE_GUARD_BAND) -> str:
        return criterion_sentence(
            replace(
                SHORT,
                outcome=Outcome.INCONCLUSIVE,
                because=because,
                statistic=statistic,
                decision=replace(OPEN, more_needed=more),
            ),
            lang,
        )

    one, several = (getattr(words, lang) for words in sentences.MORE[statistic])
    assert told(1).endswith(one)
    assert told(12).endswith(several.replace("{more}", "12"))
    assert "{" not in told(12)
    assert told(None) == told(0) == told(12).partition(f" - {told(12).rpartition(' - ')[2]}")[0]
    assert several.replace("{more}", "12") not in told(12, Because.TOO_FEW_SAMPLES), "said already"


def test_where_nothing_is_mandatory_the_reader_is_told_what_to_choose() -> None:
    judgement = evaluate(
        home(), Mode.CAMPAIGN, evidence=good_evidence(), environment=environment(), faults=()
    )
    assert sentences.NOTHING_MANDATORY.fr in explain(judgement, "fr")
    quick = evaluate(
        home(), Mode.QUICK, evidence=good_evidence(goodput=()), environment=environment(), faults=()
    )
    assert sentences.NOTHING_MANDATORY.fr not in explain(quick, "fr")


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_says_who_can_mend_it(fault: Fault) -> None:
    assert any(who in fault_sentence(fault, "fr") for who in ("technicien", "exploitant"))
    assert any(who in fault_sentence(fault, "en") for who in ("technician", "operator"))
