"""The two ways to an acceptance profile; what is wrong with it is a ProfileError.

    bytes of a TOML file --parse_profile--+
                                          +--> plain JSON --> fields --> relations --> profile
    JSON object --profile_from_content----+                  profile.py   relations.py

How files are read and mistakes reported: `omega_acceptance.toml_content`.
"""

from __future__ import annotations

from typing import Any, Final

from omega_acceptance.errors import ProfileError
from omega_acceptance.profile import AcceptanceProfile, Criterion
from omega_acceptance.relations import mistakes
from omega_acceptance.toml_content import Form, parse_toml, read_content
from omega_core.limits import PROFILE_BYTES_MAX

__all__ = ["AcceptanceProfile", "Criterion", "parse_profile", "profile_from_content"]

_FORM: Final = Form(
    noun="profile",
    model=AcceptanceProfile,
    mistakes=mistakes,
    error=ProfileError,
    bytes_max=PROFILE_BYTES_MAX,
    described_in="docs/acceptance-profiles.md",
)


def parse_profile(toml: bytes, source: str) -> AcceptanceProfile:
    """Return the profile in these bytes of a TOML file; `source` is what the file is called.

    Raises ProfileError, and nothing else, whatever the bytes.
    """
    return parse_toml(_FORM, toml, source)


def profile_from_content(content: dict[str, Any]) -> AcceptanceProfile:
    """Return the profile of a JSON object, as a Controller sends it beside a grant.

    Raises ProfileError, and nothing else.
    """
    return read_content(_FORM, content)
