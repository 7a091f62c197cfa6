"""Which acceptance profile a plan has on a day, out of the files that were read at the start.

A catalogue is made once and never changes: `builtin()` reads the plans of this package,
`with_directory()` returns a new one with an operator's own files added. All versions are kept for
ever, because a record names the one it was judged by; only the newest of a folder must be provable.
(id, version) means one content: a second file with the same pair and other content is refused, and
so is a plan that two profiles claim.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from omega_acceptance.errors import PlanUnknownError, ProfileError
from omega_acceptance.schema import AcceptanceProfile, parse_profile
from omega_core.limits import PROFILE_BYTES_MAX, PROFILES_MAX

PLANS_DIRECTORY = Path(__file__).parent / "plans"
RELEASED = PLANS_DIRECTORY / "RELEASED"


class Catalogue:
    """Profiles by id and version, and by the plans they speak for."""

    def __init__(self, profiles: Iterable[tuple[str, AcceptanceProfile]] = ()) -> None:
        """Take (source, profile) pairs; raises ProfileError when two contradict each other."""
        self._profiles: dict[tuple[str, int], AcceptanceProfile] = {}
        self._profile_of_plan: dict[str, str] = {}
        for source, profile in profiles:
            self._add(source, profile)

    @classmethod
    def builtin(cls) -> Catalogue:
        """Return the plans that Omega ships."""
        return cls(_read(PLANS_DIRECTORY))

    def with_directory(self, path: Path) -> Catalogue:
        """Return a catalogue with every `*.toml` of a folder added.

        Raises ProfileError for a file that can't be read, or does not fit to the others.
        """
        known = ((f"the catalogue's {each.id}", each) for each in self._profiles.values())
        return Catalogue([*known, *_read(path)])

    @property
    def profiles(self) -> tuple[AcceptanceProfile, ...]:
        """Every profile, by id and then by version."""
        return tuple(self._profiles[key] for key in sorted(self._profiles))

    @property
    def plan_ids(self) -> tuple[str, ...]:
        """Every plan that has a profile, sorted."""
        return tuple(sorted(self._profile_of_plan))

    def for_plan(self, plan_id: str, on: date) -> AcceptanceProfile:
        """Return the newest version in force on a day; raises PlanUnknownError."""
        id_ = self._profile_of_plan.get(plan_id)
        if id_ is None:
            close = get_close_matches(plan_id[:64], self.plan_ids, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise PlanUnknownError(f"no acceptance profile knows the plan {plan_id[:64]!r}{hint}")
        in_force = [
            each
            for each in self.profiles
            if each.id == id_ and plan_id in each.plan_ids and each.is_effective(on)
        ]
        if not in_force:
            raise PlanUnknownError(f"no version of profile {id_} is in force for {plan_id} on {on}")
        return in_force[-1]

    def get(self, id_: str, version: int) -> AcceptanceProfile:
        """Return exactly this version; raises PlanUnknownError."""
        try:
            return self._profiles[id_, version]
        except KeyError:
            raise PlanUnknownError(
                f"no acceptance profile is called {id_[:64]!r} version {version}"
            ) from None

    def _add(self, source: str, profile: AcceptanceProfile) -> None:
        key = (profile.id, profile.version)
        known = self._profiles.setdefault(key, profile)
        if known.digest != profile.digest:
            raise ProfileError(
                source=source,
                line=None,
                place="version",
                what=f"{profile.id} version {profile.version} is known with other content",
                remedy="a released version never changes; give the new content the next number",
            )
        for index, plan_id in enumerate(profile.plan_ids):
            owner = self._profile_of_plan.setdefault(plan_id, profile.id)
            if owner != profile.id:
                raise ProfileError(
                    source=source,
                    line=None,
                    place=f"plan_ids[{index}]",
                    what=f"plan {plan_id} already belongs to profile {owner}",
                    remedy=f"one plan has one profile; write a new version of {owner} instead",
                )


def _read(directory: Path) -> list[tuple[str, AcceptanceProfile]]:
    """Return every profile of a folder with the path of its file."""
    try:
        paths = sorted(each for each in directory.iterdir() if each.suffix == ".toml")
        if len(paths) > PROFILES_MAX:
            raise _unreadable(directory, f"{len(paths)} profiles are more than {PROFILES_MAX}")
        return _parsed(paths)
    except OSError as error:
        where = Path(error.filename or directory)
        raise _unreadable(where, error.strerror or type(error).__name__) from None


def _parsed(paths: Iterable[Path]) -> list[tuple[str, AcceptanceProfile]]:
    """Return the profile of each file; the newest version of an id must be provable besides."""
    found = [(path, parse_profile(_bytes_of(path), str(path), superseded=True)) for path in paths]
    newest: dict[str, int] = {}
    for _, profile in found:
        newest[profile.id] = max(profile.version, newest.get(profile.id, 0))
    for path, profile in found:
        if profile.version == newest[profile.id]:
            parse_profile(_bytes_of(path), str(path))
    return [(str(path), profile) for path, profile in found]


def _bytes_of(path: Path) -> bytes:
    """Return the file; of one that is too large just enough for the parser to refuse it."""
    with path.open("rb") as file:
        return file.read(PROFILE_BYTES_MAX + 1)


def _unreadable(path: Path, what: str) -> ProfileError:
    remedy = "name a folder of profiles that this program may read"
    return ProfileError(source=str(path), line=None, place="", what=what, remedy=remedy)
