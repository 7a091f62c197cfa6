"""The two ways to an acceptance profile; what is wrong with it is a ProfileError.

    bytes of a TOML file --parse_profile--+
                                          +--> plain JSON --> fields --> relations --> profile
    JSON object --profile_from_content----+                  profile.py   relations.py

A file must besides be *provable* (`provable.py`): its author can still mend it. What was received
was released by somebody else, and what a folder keeps of older versions stays what it was.

How files are read and mistakes reported: `omega_acceptance.toml_content`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from omega_acceptance.errors import ProfileError
from omega_acceptance.profile import AcceptanceProfile, Criterion
from omega_acceptance.provable import unprovable
from omega_acceptance.relations import mistakes
from omega_acceptance.toml_content import Form, Mistake, parse_toml, read_content
from omega_core.limits import PROFILE_BYTES_MAX

__all__ = ["AcceptanceProfile", "Criterion", "parse_profile", "profile_from_content"]


def _provable_too(profile: AcceptanceProfile) -> Iterable[Mistake]:
    """Return the mistakes; of a profile without any, what can't be proved in its seconds."""
    return [*mistakes(profile)] or unprovable(profile)


_FORM: Final = Form(
    noun="profile",
    model=AcceptanceProfile,
    mistakes=mistakes,
    error=ProfileError,
    bytes_max=PROFILE_BYTES_MAX,
    described_in="docs/acceptance-profiles.md",
)
_TO_BE_PROVED: Final = replace(_FORM, mistakes=_provable_too)
_REMEMBERED: Final = 64  # as many plans as an operator sells; each takes some 30 kB


def parse_profile(toml: bytes, source: str, *, superseded: bool = False) -> AcceptanceProfile:
    """Return the profile in these bytes of a TOML file; `source` is what the file is called.

    One that is `superseded` by a newer version need not be provable: records name it for ever.
    Raises ProfileError, and nothing else, whatever the bytes.
    """
    return parse_toml(_FORM if superseded else _TO_BE_PROVED, toml, source)


def profile_from_content(content: dict[str, Any]) -> AcceptanceProfile:
    """Return the profile of a JSON object, as a Controller sends it beside a grant.

    Thousands of records are judged by the same few: those read last are remembered. Raises
    ProfileError, and nothing else.
    """
    try:
        written = json.dumps(content)
    except (TypeError, ValueError, RecursionError):  # no JSON at all: the reader says where
        return read_content(_FORM, content)
    return _read(written)


@lru_cache(maxsize=_REMEMBERED)
def _read(written: str) -> AcceptanceProfile:
    return read_content(_FORM, json.loads(written))
