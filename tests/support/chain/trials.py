"""Many cases, each from a whole chain to a finding; several at a time, for most of it is waiting.

    tell_case(case, template, folder, finder) -> Told

A finder is given the chain, broken, and a folder, and returns a zone with what it said. The one
that counts is `omega diagnose` on the device; `commanded` runs any other command there that prints
JSON with a `zone`.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

from lab.errors import LabError
from omega_acceptance.zone.codes import Zone
from support.chain.cases import ChainCase
from support.chain.chain_lab import ChainLab
from support.chain.desk import Template, diagnose, served
from support.chain.matrix import Told
from support.chain.observed import doubts

Finder: TypeAlias = Callable[[ChainLab, Path], Told]


def by_diagnosis(template: Template, *, kept: Path | None = None) -> Finder:
    """Return a finder: the device's own diagnosis, as root or as nobody by turns of the seed.

    `kept` is a folder for what it printed of each case.
    """

    def find(lab: ChainLab, folder: Path) -> Told:
        with served(lab, template, folder):
            lab.inject()
            done = diagnose(lab, template, folder, as_nobody=lab.case.seed % 2 == 1)
        if kept is not None:
            (kept / f"{lab.case.seed}.json").write_text(done.ran.stdout)
            (kept / f"{lab.case.seed}.txt").write_text(done.ran.stderr)
        return _told(lab.case, done.ran.stdout, done.ran.stderr, done.took_ms)

    return find


def by_command(argv: Sequence[str]) -> Finder:
    """Return a finder: a command on the device, root's, that prints JSON with a `zone`."""

    def find(lab: ChainLab, _folder: Path) -> Told:
        lab.inject()
        began = time.monotonic()
        done = lab.device.run(argv, check=False, timeout_s=90)
        took_ms = round((time.monotonic() - began) * 1_000)
        return _told(lab.case, done.stdout, done.stderr, took_ms)

    return find


def tell_case(case: ChainCase, finder: Finder, *, proved: bool) -> Told:
    """Build the chain, have it judged, and look with other tools whether its fault was there."""
    with tempfile.TemporaryDirectory(prefix="chain") as made:
        folder = Path(made)
        folder.chmod(0o755)  # for nobody
        with ChainLab(case, broken=False) as lab:
            told = finder(lab, folder)
            seen = tuple(doubts(lab)) if proved else ()
    return Told(
        case=told.case, found=told.found, said=told.said, finder_ms=told.finder_ms, doubts=seen
    )


def tell_cases(
    cases: Iterable[ChainCase], finder: Finder, *, at_a_time: int, proved: bool
) -> Iterator[Told]:
    """Yield what was told of each case, in their order; so many chains stand at a time."""

    def tell(case: ChainCase) -> Told:
        try:
            return tell_case(case, finder, proved=proved)
        except (LabError, RuntimeError, TimeoutError, OSError) as error:
            return Told(case=case, found=None, said=f"{error}", finder_ms=0, doubts=("no lab",))

    with ThreadPoolExecutor(at_a_time) as threads:
        yield from threads.map(tell, cases)


def _told(case: ChainCase, printed: str, complained: str, took_ms: int) -> Told:
    last = complained.strip().rpartition("\n")[2]
    try:
        report: dict[str, Any] = json.loads(printed)
        told = report["zone"]
        finding = told["finding"] if isinstance(told, dict) else {"zone": told}
        zone = Zone(finding["zone"])
    except (ValueError, KeyError, TypeError):
        return Told(case=case, found=None, said=f"failed: {last}", finder_ms=took_ms)
    names = ("symptom", "reason", "suspect", "last_good", "direction")
    said = ", ".join(f"{name} {finding[name]}" for name in names if finding.get(name))
    return Told(case=case, found=zone, said=f"{zone} ({said})", finder_ms=took_ms)
