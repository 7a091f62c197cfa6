"""The last bundles that got a receipt: complete proofs, kept at the agent in bounded number."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from omega_agent.errors import not_kept
from omega_core.bundle import Bundle
from omega_core.files import write_durably
from omega_core.limits import RECORDS_KEPT_MAX

_FOLDER = 0o700


class Records:
    """A folder of bundles, `<record digest>.json`, of which the oldest make room."""

    def __init__(self, directory: Path, records_max: int = RECORDS_KEPT_MAX) -> None:
        self._directory = directory
        self._records_max = records_max

    def path(self, digest: str) -> Path:
        """Return where the bundle of a record stands, if it does."""
        return self._directory / f"{digest}.json"

    def keep(self, digest: str, bundle: Bundle) -> Path:
        """Keep the bundle durably and return where; raises StorageError."""
        try:
            self._directory.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise not_kept(self._directory, error) from error
        path = self.path(digest)
        write_durably(path, bundle.to_bytes())
        self._make_room()
        return path

    def _make_room(self) -> None:
        """Remove what is beyond the limit, oldest first; a file that can't be removed may stay."""
        with suppress(OSError):
            kept = sorted(self._directory.glob("*.json"), key=lambda each: each.stat().st_mtime_ns)
            for path in kept[: -self._records_max]:
                path.unlink()
