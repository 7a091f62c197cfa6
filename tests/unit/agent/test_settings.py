from __future__ import annotations

from pathlib import Path

import pytest

from omega_agent.errors import WrongUseError
from omega_agent.settings import home_directory, language, refuse_other_systems


@pytest.mark.parametrize(
    ("explicit", "environ", "uid", "expected"),
    [
        pytest.param(Path("/a"), {"OMEGA_HOME": "/b"}, 0, "/a", id="the option comes first"),
        pytest.param(None, {"OMEGA_HOME": "/b", "HOME": "/c"}, 0, "/b", id="then the environment"),
        pytest.param(None, {"HOME": "/root"}, 0, "/var/lib/omega", id="root has the system's"),
        pytest.param(
            None, {"HOME": "/home/eva"}, 1000, "/home/eva/.local/state/omega", id="others their own"
        ),
        pytest.param(
            None,
            {"HOME": "/home/eva", "XDG_STATE_HOME": "/state"},
            1000,
            "/state/omega",
            id="or where they keep such things",
        ),
    ],
)
def test_home(explicit: Path | None, environ: dict[str, str], uid: int, expected: str) -> None:
    assert home_directory(explicit, environ, uid=uid) == Path(expected)


@pytest.mark.parametrize(
    ("explicit", "environ", "expected"),
    [
        pytest.param("fr", {"LANG": "en_GB.UTF-8"}, "fr", id="the option comes first"),
        pytest.param("FR", {}, "fr", id="in capitals too"),
        pytest.param(None, {"LANG": "fr_FR.UTF-8"}, "fr", id="French by LANG"),
        pytest.param(None, {"LANG": "fr"}, "fr", id="French in short"),
        pytest.param(None, {"LANG": "en_GB", "LC_ALL": "fr_CA"}, "fr", id="LC_ALL outranks LANG"),
        pytest.param(None, {"LANG": "fr_FR", "LC_MESSAGES": "C"}, "en", id="so does LC_MESSAGES"),
        pytest.param(None, {"LANG": "frp"}, "en", id="another language that begins alike"),
        pytest.param(None, {"LANG": "C.UTF-8"}, "en", id="no language"),
        pytest.param(None, {"LC_ALL": "", "LANG": "fr"}, "fr", id="empty is unset"),
        pytest.param(None, {}, "en", id="nothing said"),
    ],
)
def test_language(explicit: str | None, environ: dict[str, str], expected: str) -> None:
    assert language(explicit, environ) == expected


def test_refuses_a_language_we_do_not_have() -> None:
    with pytest.raises(WrongUseError, match="--lang is one of: en, fr"):
        language("de", {})


def test_measures_on_linux_only() -> None:
    refuse_other_systems("linux")
    with pytest.raises(WrongUseError, match="on Linux only, not on darwin"):
        refuse_other_systems("darwin")
