"""Where the agent keeps its things, and which language it speaks: from options and environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from omega_agent.errors import WrongUseError
from omega_agent.texts import LANGUAGES, Language

HOME_VARIABLE: Final = "OMEGA_HOME"
_SYSTEM_HOME = Path("/var/lib/omega")
_ROOT = 0


def home_directory(explicit: Path | None, environ: Mapping[str, str], *, uid: int) -> Path:
    """Return the agent's home: the option, else $OMEGA_HOME, else where such things stand.

    For root that is /var/lib/omega, for anybody else the state folder of the XDG directories.
    """
    if explicit is not None:
        return explicit
    if named := environ.get(HOME_VARIABLE):
        return Path(named)
    if uid == _ROOT:
        return _SYSTEM_HOME
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "/")) / ".local" / "state"
    return Path(state) / "omega"


def language(explicit: str | None, environ: Mapping[str, str]) -> Language:
    """Return the language to speak: the option, else the locale's if we have it, else English.

    Raises WrongUseError for an option that names a language we don't have.
    """
    if explicit is not None:
        for known in LANGUAGES:
            if explicit.lower() == known:
                return known
        raise WrongUseError("language", known=", ".join(LANGUAGES))
    # The order of setlocale(3): LC_ALL outranks the category, and that outranks LANG.
    chosen = next(
        filter(None, (environ.get(each) for each in ("LC_ALL", "LC_MESSAGES", "LANG"))), ""
    )
    spoken = chosen.replace("-", "_").split("_")[0].split(".")[0].lower()
    return next((known for known in LANGUAGES if known == spoken), "en")


def refuse_other_systems(platform: str) -> None:
    """Raise WrongUseError on anything but Linux: what is measured comes from its kernel."""
    if not platform.startswith("linux"):
        raise WrongUseError("not_linux", platform=platform)
