"""Which language somebody is answered in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_server.pages.languages import LANGUAGES, language_of


@pytest.mark.parametrize(
    ("asked", "remembered", "accepts", "language"),
    [
        pytest.param(None, None, "", "fr", id="nothing is known"),
        pytest.param(None, None, "en-GB,en;q=0.8", "en", id="the browser's"),
        pytest.param(None, None, "de,en;q=0.5,fr;q=0.9", "fr", id="the one that is liked best"),
        pytest.param(None, None, "de,nl", "fr", id="none of ours"),
        pytest.param(None, None, "en;q=0,fr;q=0.1", "fr", id="one that is not wanted"),
        pytest.param(None, None, "en;q=much", "fr", id="a weight that can't be read"),
        pytest.param(None, "en", "fr", "en", id="what was chosen before"),
        pytest.param("fr", "en", "en", "fr", id="what is asked for now"),
        pytest.param("tlh", "en", "fr", "en", id="a language nobody speaks"),
        pytest.param("EN-us", None, "fr", "en", id="however it is written"),
    ],
)
def test_it_is(asked: str | None, remembered: str | None, accepts: str, language: str) -> None:
    assert language_of(asked, remembered, accepts) == language


@given(st.text(), st.text(), st.text())
def test_whatever_comes_there_is_one(asked: str, remembered: str, accepts: str) -> None:
    assert language_of(asked, remembered, accepts) in LANGUAGES
