"""The epochs of a sheet as they are shown."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from omega_server import epochs
from omega_server.epochs import SheetEpoch
from omega_server.store.port import Store


class EpochView(BaseModel):
    """The attempts of mode standard since a recorded change, and what they come to together.

    `changes` are the entries that opened it; none of the first, and of one that another version of
    the profile opened. `verdict` is null while no attempt is valid. `false_pass_bound_ppm` is how
    likely, at most, a line that breaks its promise has passed in one of the epochs so far.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    changes: tuple[str, ...]
    profile: str | None
    attempts: int
    valid: int
    invalid: int
    missing: int
    verdict: str | None
    false_pass_bound_ppm: int | None


def epoch_views(store: Store, found: Iterable[SheetEpoch]) -> tuple[EpochView, ...]:
    """Judge the epochs of a sheet, first to last."""
    return tuple(_view(store, each) for each in found)


def _view(store: Store, found: SheetEpoch) -> EpochView:
    pooled, epoch = epochs.judged(store, found), found.epoch
    judgement = None if pooled is None else pooled.judgement
    return EpochView(
        number=epoch.number,
        changes=epoch.changes,
        profile=epoch.profile,
        attempts=len(epoch.attempts),
        valid=0 if pooled is None else pooled.valid,
        invalid=0 if pooled is None else pooled.invalid,
        missing=0 if pooled is None else pooled.missing,
        verdict=None if judgement is None else judgement.verdict,
        false_pass_bound_ppm=None if pooled is None else pooled.false_pass_bound_ppm,
    )
