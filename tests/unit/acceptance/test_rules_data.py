"""Shipped rules never change; a rule file that can't be meant is refused by its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import BaseModel

from omega_acceptance.errors import RuleError, RuleUnknownError
from omega_acceptance.rules import rule as models
from omega_acceptance.rules.reading import (
    RELEASED,
    RULES_DIRECTORY,
    RuleBook,
    builtin,
    parse_rule,
)
from omega_acceptance.rules.rule import Rule, Status
from omega_core.edge import one_line
from omega_core.errors import ExitCode
from omega_core.limits import RULE_BYTES_MAX
from support.rules import BNETZA, FCC, RTR, changed, file_of, rule

DOCUMENT = (Path(__file__).parents[3] / "docs" / "regulator-rules.md").read_text()
RULES = builtin().rules
MODELS = [
    each
    for each in vars(models).values()
    if isinstance(each, type) and issubclass(each, BaseModel) and each.__module__ == models.__name__
]


def test_released_rules_are_listed_with_their_digest_and_never_change() -> None:
    rows = [line for line in RELEASED.read_text().splitlines() if not line.startswith("#")]
    shipped = [f"{each.id} {each.version} {each.digest}" for each in RULES]
    unlisted = sorted({*shipped} - {*rows})
    assert not unlisted, f"new or changed; a new version is added to {RELEASED.name} like this"
    assert sorted(rows) == sorted(shipped), "a released rule is gone: records name it for ever"


def test_there_is_one_file_for_each_version_named_after_it() -> None:
    names = {path.stem for path in RULES_DIRECTORY.glob("*.toml")}
    assert names == {f"{each.id}.{each.version}" for each in RULES}


def test_comments_and_layout_do_not_count_in_the_digest_and_values_do() -> None:
    text = file_of(rule(BNETZA))
    again = parse_rule(f"# another remark\n{text}\n\n".encode(), "x.toml")
    assert again.digest == rule(BNETZA).digest
    other = parse_rule(text.replace("gap_s_min = 300", "gap_s_min = 301").encode(), "x.toml")
    assert other.digest != again.digest


@pytest.mark.parametrize("each", RULES, ids=lambda each: each.id)
def test_a_shipped_rule_says_what_it_asks_for_in_both_languages(each: Rule) -> None:
    for text in (each.title, *each.demands, *(doubt.taken for doubt in each.doubts)):
        assert text.said("fr") != text.said("en")
    assert f"`{each.id}`" in DOCUMENT


def test_only_what_is_settled_is_active() -> None:
    assert {each.id for each in RULES if each.status is Status.DRAFT} == {"DE-BNetzA-2026-mobile"}
    assert all(each.source.read == "secondary" for each in RULES), "nobody has archived a text yet"


def test_a_rule_is_found_by_its_name_and_its_version() -> None:
    assert builtin().newest("UK-Ofcom-speeds-codes").version == 2
    assert builtin().get(BNETZA, 1) is rule(BNETZA)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("DE-BNetzA-2021-fxied", "did you mean DE-BNetzA-2021-fixed", id="a slip"),
        pytest.param("nothing like it", "known are AT-RTR-certified, DE-", id="nothing like it"),
    ],
)
def test_a_rule_nobody_knows(name: str, words: str) -> None:
    with pytest.raises(RuleUnknownError, match=words) as refusal:
        builtin().newest(name)
    assert refusal.value.exit_code is ExitCode.USAGE


def test_a_version_nobody_knows() -> None:
    with pytest.raises(RuleUnknownError, match="version 9"):
        builtin().get(BNETZA, 9)


def test_on_a_day_the_newest_version_in_force_speaks() -> None:
    old = changed(rule(BNETZA), effective_until="2026-12-31")
    new = changed(rule(BNETZA), version=2, effective_from="2027-01-01")
    draft = changed(
        rule(BNETZA), version=3, status="draft", unconfirmed=[{"about": "a", "value": "b"}]
    )
    book = RuleBook([new, draft, old])
    assert book.on(BNETZA, date(2026, 12, 31)) is old
    assert book.on(BNETZA, date(2027, 1, 1)) is new
    assert book.on(BNETZA, date(2021, 12, 12)) is draft, "none speaks: the newest says why not"
    with pytest.raises(RuleUnknownError, match="did you mean"):
        book.on(f"{BNETZA}x", date(2027, 1, 1))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert f"`{field.alias or name}`" in DOCUMENT, name


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        pytest.param("gap_s_min", "gap_sec_min", 40, "the key is unknown", id="a misspelt key"),
        pytest.param('"9/10", base = "max"', '"0.9", base = "max"', 13, "0.9", id="no fraction"),
        pytest.param('decision = "point"', 'decision = "guess"', 9, "'guess'", id="no decision"),
        pytest.param("n = 30", "n = 31", 36, "31 is not 3 days of 10", id="not days x runs"),
        pytest.param("= 2021-12-13", '= "soon"', 7, "not a day", id="no day"),
        pytest.param("schema = 1", "schema = 2", 3, "not known", id="of the future"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, line: int, words: str) -> None:
    text = file_of(rule(BNETZA)).replace(old, new, 1)
    with pytest.raises(RuleError) as refusal:
        parse_rule(text.encode(), "x.toml")
    told = one_line(refusal.value)
    assert told.startswith(f"x.toml:{line}: ")
    assert words in told
    assert "whoever maintains the rule: " in told


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(RuleError, match="more than the 65536 a rule may have"):
        parse_rule(b"#" * (RULE_BYTES_MAX + 1), "x.toml")


def campaign(**values: object) -> dict[str, object]:
    content = {**rule(BNETZA).content()["campaign"], **values}
    return {"campaign": {key: value for key, value in content.items() if value is not None}}


def cycles(**values: object) -> dict[str, object]:
    content = {**rule(RTR).content()["campaign"], **values}
    return {"campaign": {key: value for key, value in content.items() if value is not None}}


def predicate(**values: object) -> dict[str, object]:
    first = {**rule(BNETZA).content()["deviation_if_any"][0], **values}
    return {"deviation_if_any": [{k: v for k, v in first.items() if v is not None}]}


def steps(*values: dict[str, object]) -> dict[str, object]:
    return {"sequence": [{"event": "run", **each} for each in values]}


RUN = {"op": ">=", "share": "1/1", "base": "max"}
ITALY, EU = "IT-AGCOM-nemesys", "EU-2015-2120-contract"


@pytest.mark.parametrize(
    ("of", "changes", "words"),
    [
        pytest.param(BNETZA, {"status": "draft"}, "nothing in it is unconfirmed", id="draft"),
        pytest.param(
            BNETZA,
            {"source": {"act": "x", "read": "original"}},
            "no digest says which text",
            id="original without digest",
        ),
        pytest.param(
            BNETZA, {"effective_until": "2021-12-12"}, "is before effective_from", id="dates"
        ),
        pytest.param(BNETZA, {"deviation_if_any": None}, "nothing to decide by", id="no predicate"),
        pytest.param(BNETZA, {"directions": None}, "no direction is judged", id="no direction"),
        pytest.param(
            BNETZA,
            {"compliant_if_all": rule(BNETZA).content()["deviation_if_any"]},
            "deviations or compliance, not both",
            id="both ways round",
        ),
        pytest.param(RTR, {"campaign": None}, "nothing to decide by", id="facts without cycles"),
        pytest.param(RTR, {"directions": ["up"]}, "no use for directions", id="a part too many"),
        pytest.param(ITALY, {"sequence": None}, "nothing to decide by", id="no step"),
        pytest.param(EU, {"requires": None}, "nothing to decide by", id="no rate"),
        pytest.param(BNETZA, campaign(per_day=None, n=None), "is missing", id="shape lacks"),
        pytest.param(BNETZA, campaign(interval_s=5), "no use for interval_s", id="shape has more"),
        pytest.param(BNETZA, campaign(span_days_max=4), "take 5 days, more than 4", id="no room"),
        pytest.param(
            BNETZA,
            campaign(long_gap={"after": 5, "before": 7, "s_min": 1}),
            "no pause lies between",
            id="runs that do not follow",
        ),
        pytest.param(
            BNETZA,
            campaign(long_gap={"after": 10, "before": 11, "s_min": 1}),
            "no pause lies between",
            id="a pause after the last",
        ),
        pytest.param(BNETZA, campaign(gap_s_min=9_000), "does not fit", id="a day too short"),
        pytest.param(RTR, cycles(cycle_s_min=86_400), "does not fit", id="a cycle of a day"),
        pytest.param(RTR, cycles(distinct_days=2), "3 cycles on 2 days", id="two cycles a day"),
        pytest.param(BNETZA, predicate(days=None), "days is missing", id="no bound"),
        pytest.param(BNETZA, predicate(share="1/2"), "no use for share", id="two bounds"),
        pytest.param(
            BNETZA,
            predicate(stat="share_of_runs", days=None),
            "share is missing",
            id="a share without share",
        ),
        pytest.param(
            BNETZA, predicate(run={"op": ">=", "us": 5}), "does not count", id="days by delay"
        ),
        pytest.param(
            BNETZA, predicate(run={"op": ">=", "share": "1/1"}), "neither a rate", id="half a rate"
        ),
        pytest.param(BNETZA, predicate(run={"op": ">="}), "neither a rate", id="nothing at all"),
        pytest.param(BNETZA, predicate(run={**RUN, "us": 5}), "neither a rate", id="both"),
        pytest.param(
            BNETZA, predicate(run={**RUN, "share": "cell"}), "share of a cell", id="no cells"
        ),
        pytest.param(ITALY, steps({"id": "a"}), "leads nowhere", id="no outcome"),
        pytest.param(
            ITALY,
            steps({"id": "a"}, {"id": "a", "outcome": "b"}),
            "a stands twice",
            id="one name twice",
        ),
        pytest.param(
            ITALY,
            steps(
                {
                    "id": "a",
                    "outcome": "b",
                    "not_before": {"days": 1, "since": "later", "opens": "on_that_day"},
                }
            ),
            "later is no earlier step",
            id="waits for the future",
        ),
        pytest.param(
            ITALY,
            steps({"id": "a", "outcome": "b", "run": {"op": "<"}}),
            "neither a rate",
            id="a run without condition",
        ),
    ],
)
def test_what_can_not_be_meant_is_refused(of: str, changes: dict[str, object], words: str) -> None:
    with pytest.raises(RuleError, match=words):
        changed(rule(of), **changes)


def test_a_shape_may_bind_less() -> None:
    bare = changed(rule(BNETZA), campaign={"shape": "runs", "n": 6, "days": 2, "per_day": 3})
    assert bare.campaign is not None
    assert (bare.campaign.gap_s_min, bare.campaign.span_days_max) == (None, None)


def test_a_rule_that_came_as_json_is_held_to_the_same() -> None:
    with pytest.raises(RuleError, match="the rule that was received: version"):
        changed(rule(FCC), version=0)
