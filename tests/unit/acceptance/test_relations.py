"""How the fields of a profile must fit each other: one unit either side of each rule."""

from __future__ import annotations

from typing import Any

import pytest

from omega_acceptance.errors import ProfileError
from omega_acceptance.relations import READINGS_OF_STATISTIC
from omega_acceptance.schema import profile_from_content
from omega_core.metrics import METRICS, READINGS
from support.profiles import (
    AVAILABILITY,
    BLOCK,
    CINR,
    LOSS,
    REACH,
    RUN,
    SHARE,
    SYNC,
    WINDOW,
    criterion,
    edited,
    home,
    profile,
)

ATM = {"rate_layer": "atm", "encapsulation": "pppoe-llc"}


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(criterion(limit=3_000_000), id="delay limit equal to the waiting time"),
        pytest.param(criterion(limit=1), id="delay limit of one microsecond"),
        pytest.param({**LOSS, "limit": 0}, id="no loss at all"),
        pytest.param({**LOSS, "limit": 1_000_000}, id="any loss"),
        pytest.param({**LOSS, "n_min": 1_001}, id="every packet of the stream"),
        pytest.param({**LOSS, "n_min": 1_002, "mandatory_in": []}, id="advisory may want more"),
        pytest.param({**RUN, "n_min": 8, "n_max": 8}, id="exactly as many runs as allowed"),
        pytest.param({**RUN, "n_max": 16, "run_s": 2}, id="as many runs as a session holds"),
        pytest.param({**RUN, "limit": 2_048_000}, id="all that is provisioned"),
        pytest.param({**RUN, "limit": 1}, id="one bit per second"),
        pytest.param({**SHARE, "n_fixed": 30}, id="one look at exactly the least number"),
        pytest.param(WINDOW, id="a window"),
        pytest.param({**WINDOW, "steps_ppm": [250_000, 500_000, 750_000]}, id="with its steps"),
        pytest.param({**WINDOW, "n_min": 5}, id="as many windows as a session holds"),
        pytest.param(
            {**WINDOW, "limit": 474_860}, id="all that can be proved of what is provisioned"
        ),
        pytest.param({**WINDOW, "limit": 524_000, "mandatory_in": []}, id="more, and advisory"),
        pytest.param(REACH, id="attempts"),
        pytest.param({**REACH, "family": 6}, id="attempts of one family"),
        pytest.param(AVAILABILITY, id="availability"),
        pytest.param(CINR, id="a device's reading"),
        pytest.param(BLOCK, id="blocks under load"),
    ],
)
def test_criterion_that_means_something(one: dict[str, Any]) -> None:
    assert profile(one).criteria[0].id == "one"


def campaign(run_s: int) -> dict[str, Any]:
    """A budget whose runs take 120 s of idle stream, 10 s down, `run_s` up and 30 s around it."""
    budget = {"days": 1, "runs": 1, "bytes_down": 1, "bytes_up": 1, "idle_s": 120}
    share = {**SHARE, "run_s": run_s, "mandatory_in": ["campaign"]}
    return {"criteria": [share], "budget": {"campaign": budget}}


def test_a_run_of_a_campaign_is_no_longer_than_calendars_leave_room_for() -> None:
    content = home().content()
    assert profile_from_content({**content, **campaign(20)}).budget.campaign is not None
    with pytest.raises(ProfileError, match="takes up to 181 s, more than 180"):
        profile_from_content({**content, **campaign(21)})


@pytest.mark.parametrize(
    ("one", "place", "what"),
    [
        pytest.param({**RUN, "limit": 0}, "limit", "every line or by none", id="rate of zero"),
        pytest.param(
            {**RUN, "n_max": 17, "run_s": 1}, "n_max", "17 is above 16", id="too many runs"
        ),
        pytest.param({**RUN, "run_s": None}, "", "run_s is missing", id="run without length"),
        pytest.param({**RUN, "n_max": None}, "", "n_max is missing", id="runs without end"),
        pytest.param({**RUN, "n_min": None}, "", "n_min is missing", id="no least number"),
        pytest.param({**RUN, "p0_ppm": 1}, "p0_ppm", "no use for p0_ppm", id="odds of no share"),
        pytest.param({**SHARE, "n_fixed": 29}, "n_min", "above n_fixed 29", id="look too early"),
        pytest.param(
            {**SHARE, "mandatory_in": ["standard"]}, "mandatory_in", "campaign", id="share on site"
        ),
        pytest.param({**SHARE, "p0_ppm": None}, "", "p0_ppm is missing", id="share of nothing"),
        pytest.param(
            {**LOSS, "mandatory_in": ["standard", "standard"]},
            "mandatory_in",
            "stands twice",
            id="mode twice",
        ),
        pytest.param(
            {**LOSS, "limit": {"of": "max", "share_ppm": 1}}, "limit", "no contracted", id="lost"
        ),
        pytest.param({**REACH, "limit": 999_999}, "limit", "asks for 1000000", id="nearly all"),
        pytest.param(
            {**REACH, "limit": {"of": "min", "share_ppm": 1}}, "limit", "no contracted", id="reach"
        ),
        pytest.param(
            {**AVAILABILITY, "monitor_only": False}, "", "need days", id="availability at once"
        ),
        pytest.param(
            {**AVAILABILITY, "window_days": None}, "", "window_days is missing", id="no window"
        ),
        pytest.param({**CINR, "limit": 101}, "limit", "above 100", id="signal of a miracle"),
        pytest.param(SYNC, "limit", "rates in layer ip", id="synchronisation of an IP plan"),
        pytest.param(
            {**WINDOW, "steps_ppm": [500_000, 250_000]}, "steps_ppm", "do not rise", id="falling"
        ),
        pytest.param(
            {**WINDOW, "steps_ppm": [500_000, 1_000_000]}, "steps_ppm", "do not rise", id="whole"
        ),
        pytest.param({**WINDOW, "n_min": 6}, "n_min", "7 windows", id="too many windows"),
        pytest.param(
            {**WINDOW, "n_min": 3, "steps_ppm": [1, 2, 3]}, "n_min", "7 windows", id="and steps"
        ),
        pytest.param(
            {**WINDOW, "limit": 474_861}, "limit", "524001 bps of IP", id="not to be proved"
        ),
        pytest.param({**RUN, "steps_ppm": [1]}, "steps_ppm", "no use", id="steps of TCP"),
    ],
)
def test_criterion_that_cannot_be_meant(one: dict[str, Any], place: str, what: str) -> None:
    one = {key: value for key, value in one.items() if value is not None}
    with pytest.raises(ProfileError) as refusal:
        profile(one)
    assert what in str(refusal.value)
    assert refusal.value.place == ".".join(part for part in ("criteria[0]", place) if part)


def test_synchronisation_is_compared_where_rates_count_cells() -> None:
    assert profile(SYNC, **ATM).criteria[0].metric == "dsl_sync_bps_up"


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        pytest.param(("contracted", "up", "min_bps"), 400_001, "above normal_bps", id="min"),
        pytest.param(("contracted", "up", "normal_bps"), 512_001, "above max_bps", id="normal"),
        pytest.param(("contracted", "up", "advertised_bps"), 511_999, "advertised_bps", id="offer"),
        pytest.param(("contracted", "up", "provisioned_bps"), 511_999, "provisioned", id="let in"),
        pytest.param(("budget", "standard", "bytes_up"), 2_850_027, "less than", id="octets"),
        pytest.param(("budget", "quick", "bytes_down"), 781_891, "less than", id="octets of quick"),
        pytest.param(("budget", "standard", "idle_s"), 18, "901 packets", id="stream too short"),
        pytest.param(("budget", "standard"), None, "no budget", id="mode without budget"),
        pytest.param(("encapsulation",), "pppoe-llc", "rate_layer ip with pppoe-llc", id="cells"),
        pytest.param(("rate_layer",), "ethernet", "no encapsulation", id="frames of what kind"),
    ],
)
def test_one_unit_beyond_a_relation_is_refused(
    path: tuple[str | int, ...], value: object, what: str
) -> None:
    content = edited(home(), path, lambda _: value)
    if value is None:
        content["budget"].pop("standard")
    with pytest.raises(ProfileError, match=what):
        profile_from_content(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("effective_until",), "2026-11-01", id="in force for one day"),
        pytest.param(("contracted", "up", "min_bps"), 400_000, id="min equals normal"),
        pytest.param(("contracted", "up", "normal_bps"), 512_000, id="normal equals max"),
        pytest.param(("contracted", "up", "provisioned_bps"), 512_000, id="provisioned is max"),
        pytest.param(("budget", "standard", "bytes_up"), 2_850_028, id="octets that just suffice"),
        pytest.param(("budget", "quick", "bytes_down"), 781_892, id="octets of quick"),
        pytest.param(("budget", "standard", "idle_s"), 19, id="951 packets for 950"),
    ],
)
def test_at_the_relation_is_accepted(path: tuple[str | int, ...], value: object) -> None:
    profile_from_content(edited(home(), path, lambda _: value))


def test_the_first_of_several_mistakes_is_shown_with_their_number() -> None:
    with pytest.raises(ProfileError, match=r"criteria\[0\].unit: .* \(and 1 more\)"):
        profile(criterion(op="at_least", unit="ppm"))


def test_every_statistic_reads_metrics_that_exist() -> None:
    for reading in READINGS_OF_STATISTIC.values():
        assert reading.metrics
        assert reading.metrics <= METRICS.keys() | READINGS.keys()
