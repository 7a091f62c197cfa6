"""Profiles on disk: each good one has its digest, each bad one is refused with line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_acceptance.errors import ProfileError
from omega_acceptance.schema import parse_profile, profile_from_content
from support.profiles import VECTORS

GOOD = sorted(
    each for each in VECTORS.iterdir() if each.is_dir() and not each.name.endswith("_fail")
)
BAD = sorted(each for each in VECTORS.iterdir() if each.name.endswith("_fail"))


def test_the_three_examples_of_the_format_have_the_digests_another_program_gave() -> None:
    digests = {each.name: (each / "expected").read_text().strip() for each in GOOD}
    assert digests["wimax-home-2m"].startswith("b6f29007")
    assert digests["adsl-home-8m"].startswith("8dbeadf0")
    assert digests["ftth-home-300"].startswith("6569c447")
    assert len(BAD) > 30


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_good_profile_has_the_digest_of_its_content(case: Path) -> None:
    profile = parse_profile((case / "profile.toml").read_bytes(), "profile.toml")
    assert profile.digest == (case / "expected").read_text().strip()
    assert profile.ref.digest == profile.digest


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_good_profile_is_the_same_after_it_was_sent(case: Path) -> None:
    profile = parse_profile((case / "profile.toml").read_bytes(), "profile.toml")
    sent = profile_from_content(profile.content())
    assert sent == profile
    assert sent.ref == profile.ref


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_bad_profile_is_refused_where_it_is_wrong(case: Path) -> None:
    what, remedy = (case / "expected").read_text().splitlines()
    with pytest.raises(ProfileError) as refusal:
        parse_profile((case / "profile.toml").read_bytes(), "profile.toml")
    assert str(refusal.value).startswith(what)
    assert refusal.value.remedy == remedy
    assert remedy in refusal.value.who_acts


@pytest.mark.parametrize("case", [*GOOD, *BAD], ids=lambda case: case.name)
def test_every_case_says_why_it_exists(case: Path) -> None:
    assert (case / "README").read_text().strip()
