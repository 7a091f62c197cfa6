"""Rules that a plan names, beside the verdict of one session: said, never guessed, never merged."""

from __future__ import annotations

from datetime import date

import pytest

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.figures import LANGUAGES, Language
from omega_acceptance.profile import RuleRef
from omega_acceptance.rules.beside import rules_beside
from omega_acceptance.rules.codes import Decision, NotEvaluated, RuleOutcome
from omega_acceptance.rules.named import Campaign, MissingRate, RuleBeside
from omega_acceptance.rules.reading import RuleBook, builtin
from omega_acceptance.rules.state import Contract, contract_of
from omega_acceptance.rules.telling import beside_told
from omega_core.metrics import Direction
from support.profiles import home
from support.rules import BNETZA, FCC, RTR, changed, rule

TODAY = date(2026, 11, 2)
EU = "EU-2015-2120-contract"


def naming(*refs: tuple[str, int]) -> Contract:
    rule_refs = tuple(RuleRef(id=name, version=version) for name, version in refs)
    return contract_of(home()).model_copy(update={"rule_refs": rule_refs})


def beside(rule_id: str, version: int = 1, *, on: date = TODAY) -> RuleBeside:
    (found,) = rules_beside(naming((rule_id, version)), builtin(), on=on)
    return found


@pytest.mark.parametrize(
    ("rule_id", "version", "because", "campaign"),
    [
        pytest.param(
            BNETZA,
            1,
            NotEvaluated.CAMPAIGN_NEEDED,
            Campaign(done=0, needed=30, days=3),
            id="thirty runs",
        ),
        pytest.param(
            RTR,
            1,
            NotEvaluated.CAMPAIGN_NEEDED,
            Campaign(done=0, needed=3, days=3),
            id="three cycles",
        ),
        pytest.param(
            FCC,
            1,
            NotEvaluated.CAMPAIGN_NEEDED,
            Campaign(done=0, needed=None, days=7),
            id="a week",
        ),
        pytest.param(
            "RS-pravilnik-2023", 1, NotEvaluated.CAMPAIGN_NEEDED, None, id="as many as one likes"
        ),
        pytest.param("IT-AGCOM-nemesys", 1, NotEvaluated.EVENTS_NEEDED, None, id="certificates"),
        pytest.param("UK-Ofcom-speeds-codes", 2, NotEvaluated.EVENTS_NEEDED, None, id="a report"),
        pytest.param("DE-BNetzA-2026-mobile", 1, NotEvaluated.DRAFT, None, id="a draft"),
        pytest.param(BNETZA, 9, NotEvaluated.RULE_UNKNOWN, None, id="of a newer program"),
    ],
)
def test_what_one_session_can_not_say_names_what_it_takes(
    rule_id: str, version: int, because: NotEvaluated, campaign: Campaign | None
) -> None:
    found = beside(rule_id, version)
    assert (found.outcome, found.because) == (RuleOutcome.NOT_EVALUATED, because)
    assert found.campaign == campaign


def test_a_rule_is_named_by_the_digest_of_what_was_read() -> None:
    assert (beside(BNETZA).digest, beside(BNETZA).decision) == (rule(BNETZA).digest, Decision.POINT)
    assert (beside(BNETZA, 9).digest, beside(BNETZA, 9).decision) == (None, None)


def test_a_run_of_a_campaign_says_how_much_of_it_there_is() -> None:
    contract = naming((BNETZA, 1), (RTR, 1))
    ours, other = rules_beside(contract, builtin(), on=TODAY, taken=(rule(BNETZA).ref, 12))
    assert (ours.campaign, other.campaign) == (
        Campaign(done=12, needed=30, days=3),
        Campaign(done=0, needed=3, days=3),
    )


def test_a_rule_not_yet_in_force_says_nothing() -> None:
    assert beside(BNETZA, on=date(2021, 12, 12)).because is NotEvaluated.NOT_IN_FORCE
    assert beside(BNETZA, on=date(2021, 12, 13)).because is NotEvaluated.CAMPAIGN_NEEDED


def test_what_a_contract_names_is_known_at_once() -> None:
    found = beside(EU)
    assert (found.outcome, found.because, found.missing) == (RuleOutcome.COMPLETE, None, ())


def test_a_rate_that_no_profile_has_is_missing_from_the_contract() -> None:
    requires = {"fixed": ["min", "guaranteed_min"], "mobile": ["advertised"]}
    book = RuleBook([changed(rule(EU), requires=requires)])
    (found,) = rules_beside(naming((EU, 1)), book, on=TODAY)
    assert found.outcome is RuleOutcome.INCOMPLETE
    assert found.missing == tuple(
        MissingRate(direction=way, base="guaranteed_min") for way in Direction
    )
    told = "\n".join(beside_told([found], "en"))
    assert (
        "incomplete - it lacks: guaranteed minimum rate, download; guaranteed minimum rate, upload"
        in told
    )


def test_a_plan_that_names_no_rule_has_none_beside_it() -> None:
    assert rules_beside(naming(), builtin(), on=TODAY) == ()
    of_an_older_program = naming().model_copy(update={"rule_refs": None})
    assert rules_beside(of_an_older_program, builtin(), on=TODAY) == ()
    assert beside_told((), "en") == ()


def test_they_are_told_by_name_with_what_they_take() -> None:
    contract = naming((EU, 1), (BNETZA, 1), (RTR, 1), (FCC, 1))
    found = rules_beside(contract, builtin(), on=TODAY, taken=(rule(BNETZA).ref, 12))
    assert beside_told(found, "en") == (
        "Rules that the plan names; they change nothing about the verdict:",
        "  EU-2015-2120-contract (1): complete",
        "  DE-BNetzA-2021-fixed (1): not evaluated - it takes a campaign: 12 of 30 runs so far, on"
        " 3 days",
        "  AT-RTR-certified (1): not evaluated - it takes a campaign: 0 of 3 cycles of tests so"
        " far, on 3 days",
        "  US-FCC-high-cost (1): not evaluated - it takes a campaign of 7 days",
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_rule_that_a_shipped_plan_names_is_known_here(lang: Language) -> None:
    for profile in Catalogue.builtin().profiles:
        found = rules_beside(contract_of(profile), builtin(), on=date(2026, 12, 1))
        assert not [each for each in found if each.because is NotEvaluated.RULE_UNKNOWN]
        assert len(found) == len(profile.rule_refs)
        assert "{" not in "\n".join(beside_told(found, lang))
