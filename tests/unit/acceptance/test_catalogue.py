"""Which profile a plan has on a day; the released plans never change."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from omega_acceptance.catalogue import PLANS_DIRECTORY, RELEASED, Catalogue
from omega_acceptance.demand import demand
from omega_acceptance.errors import PlanUnknownError, ProfileError
from omega_acceptance.schema import AcceptanceProfile, parse_profile
from omega_core import limits
from omega_core.errors import ExitCode
from omega_core.verdict import Mode
from support.profiles import newest

ONE_DAY = date(2026, 12, 1)
HOME = (PLANS_DIRECTORY / "wimax-home-2m-v2.toml").read_text()


def with_files(tmp_path: Path, **texts: str) -> Catalogue:
    for name, text in texts.items():
        (tmp_path / f"{name}.toml").write_text(text)
    return Catalogue.builtin().with_directory(tmp_path)


def next_version(version: int, first_day: str = "2026-11-01") -> str:
    text = HOME.replace("\nversion = 2\n", f"\nversion = {version}\n")
    return text.replace("effective_from = 2026-11-01", f"effective_from = {first_day}")


def test_released_profiles_are_listed_with_their_digest_and_never_change() -> None:
    rows = [line for line in RELEASED.read_text().splitlines() if not line.startswith("#")]
    shipped = [f"{each.id} {each.version} {each.digest}" for each in Catalogue.builtin().profiles]
    unlisted = sorted({*shipped} - {*rows})
    assert not unlisted, f"new or changed; a new version is added to {RELEASED.name} like this"
    assert sorted(rows) == sorted(shipped), "a released profile is gone: records name it for ever"


def test_there_is_one_file_for_each_version_named_after_it() -> None:
    for path in PLANS_DIRECTORY.glob("*.toml"):
        name, _, version = path.stem.partition("-v")
        profile = Catalogue.builtin().get(name, int(version or 1))
        assert profile == parse_profile(path.read_bytes(), path.name, superseded=True)


def test_the_technologies_that_are_sold_have_plans() -> None:
    profiles = Catalogue.builtin().profiles
    assert len(profiles) >= 6
    assert {each.technology for each in profiles} == {"wimax", "adsl", "vdsl", "ftth"}


@pytest.mark.parametrize("profile", newest(), ids=lambda each: each.id)
def test_a_shipped_plan_can_be_decided_on_site(profile: AcceptanceProfile) -> None:
    standard = {each.metric for each in profile.criteria if each.decides_in(Mode.STANDARD)}
    quick = {each.metric for each in profile.criteria if each.decides_in(Mode.QUICK)}
    goodput = {"goodput_bps_down", "goodput_bps_up"}
    assert quick == {"reachable_ppm", "qualified_bps_down", "qualified_bps_up"}
    assert standard == quick | goodput | {"idle_rtt_us_p95", "loss_ppm_down", "loss_ppm_up"}
    campaign = {each.metric for each in profile.criteria if each.decides_in(Mode.CAMPAIGN)}
    assert campaign == {"reachable_ppm"} | goodput
    assert demand(profile, Mode.CAMPAIGN).goodput, "and taken into a campaign"


def test_a_plan_is_found_under_each_of_its_names() -> None:
    catalogue = Catalogue.builtin()
    found = catalogue.for_plan("WMX-HOME-2M-PROMO", ONE_DAY)
    assert found is catalogue.for_plan("WMX-HOME-2M", ONE_DAY)
    assert found.ref == catalogue.get("wimax-home-2m", 2).ref
    assert {"FTTH-300-100", "ADSL-HOME-20M"} <= {*catalogue.plan_ids}


@pytest.mark.parametrize(
    ("plan_id", "on", "what"),
    [
        pytest.param("WMX-HOME-2N", ONE_DAY, "did you mean WMX-HOME-2M", id="a slip of the pen"),
        pytest.param("SAT-1", ONE_DAY, r"knows the plan 'SAT-1'$", id="nothing like it"),
        pytest.param("x" * 10_000, ONE_DAY, "knows the plan", id="a very long name"),
        pytest.param("WMX-HOME-2M", date(2026, 10, 31), "in force", id="the day before"),
    ],
)
def test_plan_without_a_profile(plan_id: str, on: date, what: str) -> None:
    with pytest.raises(PlanUnknownError, match=what) as refusal:
        Catalogue.builtin().for_plan(plan_id, on)
    assert refusal.value.exit_code is ExitCode.USAGE
    assert len(str(refusal.value)) < 200


def test_a_plan_has_a_profile_from_its_first_day_on() -> None:
    assert Catalogue.builtin().for_plan("WMX-HOME-2M", date(2026, 11, 1)).version == 2


@pytest.mark.parametrize(("id_", "version"), [("wimax-home-2m", 99), ("wimax", 1)])
def test_version_nobody_knows(id_: str, version: int) -> None:
    with pytest.raises(PlanUnknownError, match=f"{id_}' version {version}"):
        Catalogue.builtin().get(id_, version)


def test_the_newest_version_in_force_is_taken_and_the_older_one_kept(tmp_path: Path) -> None:
    catalogue = with_files(
        tmp_path,
        third=next_version(3),
        tenth=next_version(10, "2026-12-02"),
    )
    assert catalogue.for_plan("WMX-HOME-2M", ONE_DAY).version == 3
    assert catalogue.for_plan("WMX-HOME-2M", date(2026, 12, 2)).version == 10
    assert catalogue.get("wimax-home-2m", 2).digest == Catalogue.builtin().profiles[-1].digest


def test_a_version_that_no_longer_speaks_for_a_plan_is_not_taken_for_it(tmp_path: Path) -> None:
    without_promo = next_version(3).replace(', "WMX-HOME-2M-PROMO"', "")
    catalogue = with_files(tmp_path, third=without_promo)
    assert catalogue.for_plan("WMX-HOME-2M-PROMO", ONE_DAY).version == 2
    assert catalogue.for_plan("WMX-HOME-2M", ONE_DAY).version == 3


def test_only_the_newest_version_of_a_folder_must_be_provable(tmp_path: Path) -> None:
    not_provable = next_version(3).replace("idle_s = 70", "idle_s = 60")
    with pytest.raises(ProfileError, match="there are 3001") as refusal:
        with_files(tmp_path, third=not_provable)
    assert refusal.value.source.endswith("third.toml")
    catalogue = with_files(tmp_path, fourth=next_version(4))
    third = catalogue.get("wimax-home-2m", 3).budget.standard
    assert third is not None
    assert third.idle_s == 60


def test_the_same_content_may_be_there_twice(tmp_path: Path) -> None:
    catalogue = with_files(tmp_path, again=f"# with another remark\n{HOME}")
    assert len(catalogue.profiles) == len(Catalogue.builtin().profiles)


def test_other_content_under_a_known_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="known with other content") as refusal:
        with_files(tmp_path, other=HOME.replace("200_000", "200_001"))
    assert refusal.value.source.endswith("other.toml")
    assert "next number" in refusal.value.who_acts


def test_a_plan_that_another_profile_has_is_refused(tmp_path: Path) -> None:
    text = HOME.replace('id = "wimax-home-2m"', 'id = "wimax-home-9m"')
    with pytest.raises(ProfileError, match="already belongs to profile wimax-home-2m"):
        with_files(tmp_path, other=text)


def test_only_toml_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a profile")
    assert with_files(tmp_path).profiles == Catalogue.builtin().profiles


@pytest.mark.parametrize(
    ("name", "what"),
    [
        pytest.param("missing", "No such file", id="folder that is not there"),
        pytest.param("file", "Not a directory", id="file for a folder"),
        pytest.param("folder", "Is a directory", id="folder for a file"),
        pytest.param("huge", "more than the", id="file too large to be read"),
    ],
)
def test_folder_that_cannot_be_read(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "x.toml").mkdir(parents=True)
    (tmp_path / "huge").mkdir()
    (tmp_path / "huge" / "x.toml").write_bytes(b"#" * (limits.PROFILE_BYTES_MAX + 1))
    with pytest.raises(ProfileError, match=what):
        Catalogue.builtin().with_directory(tmp_path / name)


def test_a_folder_of_too_many_files_is_refused_before_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omega_acceptance.catalogue.PROFILES_MAX", 1)
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text("not a profile")
    with pytest.raises(ProfileError, match="2 profiles are more than 1"):
        Catalogue().with_directory(tmp_path)
