"""The two ways to a profile, beyond the vectors: what is refused, and how it is said."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from omega_acceptance.errors import ProfileError
from omega_acceptance.profile import AcceptanceProfile
from omega_acceptance.schema import parse_profile, profile_from_content
from omega_core.edge import one_line
from omega_core.errors import ExitCode
from omega_core.limits import JSON_DEPTH_MAX, PROFILE_BYTES_MAX
from omega_core.verdict import Fault
from support.profiles import changed, criterion, edited, home, profile


def refusal_of(toml: bytes) -> ProfileError:
    with pytest.raises(ProfileError) as refusal:
        parse_profile(toml, "x.toml")
    return refusal.value


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("toml", "line", "what"),
    [
        pytest.param(b"x" * (PROFILE_BYTES_MAX + 1), None, "more than the", id="file too large"),
        pytest.param(b"\n\n\xff", 3, "not UTF-8", id="not text"),
        pytest.param(b"a = [\n  1,\n  2", None, "not TOML", id="ends in the middle"),
        pytest.param(b"a = " + b"9" * 5_000, None, "not TOML", id="number of 5,000 digits"),
        pytest.param(b"b = " + b"[" * 50_000, None, "not TOML", id="brackets without end"),
        pytest.param(b"a = 07:32:00", 1, "no place in a profile", id="time of day"),
        pytest.param(b"a = 1" + b"0" * 20, 1, "a number of many digits", id="number beyond 2^53"),
        pytest.param(b"a.b.c = 1", 1, "the key is unknown", id="table nobody knows"),
    ],
)
def test_bytes_that_are_no_profile(toml: bytes, line: int | None, what: str) -> None:
    error = refusal_of(toml)
    assert (error.line, what in str(error)) == (line, True)


def test_a_file_of_the_largest_size_is_still_read() -> None:
    error = refusal_of(b"#" * PROFILE_BYTES_MAX)
    assert "the key is missing" in str(error)


def test_the_error_is_one_line_with_its_remedy_and_the_code_of_wrong_usage() -> None:
    error = refusal_of(b"schema = 1\nname = '''two\nlines'''\n")
    assert error.exit_code is ExitCode.USAGE
    line = one_line(error)
    assert "\n" not in line
    assert line.startswith("x.toml:2: name: the key is unknown")
    assert "remove it or correct its spelling" in line


def test_what_stands_in_the_file_is_quoted_short_and_on_one_line() -> None:
    toml = b'schema = 1\nid = "' + b"\\n\\u001B" * 200 + b'"\n'
    text = str(refusal_of(toml))
    assert "\x1b" not in text
    assert len(text) < 250


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        pytest.param("id", None, "no place in a profile", id="null"),
        pytest.param("version", 0, "greater than or equal to 1", id="version zero"),
        pytest.param("mtu_bytes", 1_279, "greater than or equal to 1280", id="MTU below IPv6's"),
        pytest.param("mtu_bytes", 9_001, "less than or equal to 9000", id="MTU above jumbo"),
        pytest.param("mtu_bytes", True, "valid integer", id="truth for a number"),
        pytest.param("effective_from", "2026-11-1", "not a day", id="day with one digit"),
        pytest.param("effective_from", "1793491200", "not a day", id="seconds for a day"),
        pytest.param("effective_from", "2026-02-30", "day", id="day that never was"),
        pytest.param("effective_from", 20_000, "valid date", id="number for a day"),
        pytest.param("plan_ids", [], "at least 1", id="no plan"),
        pytest.param("criteria", [], "at least 1", id="no criterion"),
        pytest.param("plan_ids", ["A", "B", "A"], "plan_ids[2]: A stands twice", id="plan twice"),
        pytest.param("rate_layer", "udp", "it should be 'ethernet'", id="layer nobody sells"),
        pytest.param("x", float("nan"), "no place in a profile", id="not a number"),
        pytest.param("x", object(), "no place in a profile", id="no JSON value"),
        pytest.param("x", "\ud800", "JSON", id="half a character"),
        pytest.param("x", nested(JSON_DEPTH_MAX), "nested too deeply", id="too deep"),
        pytest.param("x", nested(JSON_DEPTH_MAX - 1), "key is unknown", id="deep, and unknown"),
    ],
)
def test_content_that_is_no_profile(key: str, value: Any, what: str) -> None:  # noqa: ANN401 - any JSON value
    content = {**home().content(), key: value}
    with pytest.raises(ProfileError) as refusal:
        profile_from_content(content)
    assert what in str(refusal.value)
    assert refusal.value.line is None
    assert str(refusal.value).startswith("the profile that was received: ")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"octets", id="octets"),
        pytest.param(float("nan"), id="not a number"),
        pytest.param(nested(5_000), id="nested as deep as a stack"),
    ],
)
def test_content_that_is_no_json_is_refused_like_any_other(value: object) -> None:
    with pytest.raises(ProfileError, match=r"no place in a profile|nested too deeply"):
        profile_from_content(edited(home(), ("id",), lambda _: value))


def test_content_read_again_is_the_same_profile_and_other_content_another() -> None:
    first, again = profile_from_content(home().content()), profile_from_content(home().content())
    other = profile_from_content(changed(home(), ("mtu_bytes",), 1_300).content())
    assert (first is again, first, other.mtu_bytes) == (True, home(), 1_300)
    assert other.digest != first.digest


def test_days_are_read_whole_and_both_ends_belong() -> None:
    plan = profile(criterion(), effective_from="2026-11-01", effective_until="2026-11-30")
    days = [date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 1)]
    assert [plan.is_effective(day) for day in days] == [False, True, True, False]
    assert plan.content()["effective_until"] == "2026-11-30"


def test_content_has_what_was_written_and_no_defaults() -> None:
    content = home().content()
    assert "encapsulation" not in content
    assert content["criteria"][0].keys() == {
        "id", "metric", "statistic", "op", "limit", "unit", "n_min", "mandatory_in"
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(("version",), id="version"),
        pytest.param(("mtu_bytes",), id="MTU"),
        pytest.param(("statistics", "guard_band_ppm"), id="an assumption"),
        pytest.param(("budget", "standard", "s"), id="a budget"),
        pytest.param(("criteria", 1, "limit"), id="a limit"),
    ],
)
def test_any_changed_figure_changes_the_digest(path: tuple[str | int, ...]) -> None:
    other = profile_from_content(edited(home(), path, lambda figure: figure + 1))
    assert other.digest != home().digest


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        pytest.param(("preconditions", "tunnel"), "allow", Fault.TUNNEL, id="tunnel allowed"),
        pytest.param(
            ("preconditions", "contract_known"),
            False,
            Fault.CONTRACT_UNKNOWN,
            id="contract not needed",
        ),
    ],
)
def test_a_plan_may_forgive_what_it_names(
    path: tuple[str | int, ...], value: object, fault: Fault
) -> None:
    forgiving: AcceptanceProfile = changed(home(), path, value)
    assert [each for each in Fault if forgiving.preconditions.forgives(each)] == [fault]
    assert not any(home().preconditions.forgives(each) for each in Fault)
