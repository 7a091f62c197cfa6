"""`omega verify`: a file, or a folder of them, checked without a network.

What is trusted comes from `--trust`, else from this device's enrolment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from omega_agent.errors import WrongUseError
from omega_agent.identity import load_identity
from omega_agent.show_verify import folder_lines, verify_lines
from omega_agent.surroundings import Surroundings, print_json
from omega_agent.trust_file import Trust, parse_trust
from omega_agent.verify import verify
from omega_agent.verify_folder import folder_report
from omega_agent.verify_report import EXIT_CODE_OF_STANDING, VerifyReport
from omega_core.limits import BUNDLE_BYTES_MAX, FOLDER_FILES_MAX
from omega_core.units import NS_PER_S

_RECORDS = "*.json"
_TOLD_FIRST_NS = NS_PER_S  # then after twice that, and so on: a long check fills no terminal


def verify_path(around: Surroundings, *, path: Path, trust: Path | None) -> int:
    """Check a record, or a folder of them."""
    check = _check_of(around, trust)
    return _folder(around, path, check) if path.is_dir() else _file(around, path, check)


def _file(around: Surroundings, path: Path, check: Callable[[bytes], VerifyReport]) -> int:
    report = check(_content_of(path))
    if around.as_json:
        print_json(report.content())
    else:
        around.print_lines(verify_lines(report, around.speaker, colour=around.shower.colour))
    return EXIT_CODE_OF_STANDING[report.standing]


def _folder(around: Surroundings, folder: Path, check: Callable[[bytes], VerifyReport]) -> int:
    paths = sorted(each for each in folder.rglob(_RECORDS) if each.is_file())
    if not paths:
        raise WrongUseError("folder_empty", path=folder)
    if len(paths) > FOLDER_FILES_MAX:
        raise WrongUseError("folder_large", path=folder, limit=FOLDER_FILES_MAX)
    report = folder_report(_contents(around, folder, paths), check)
    if around.as_json:
        around.print_json(report)
    else:
        around.print_lines(folder_lines(report, around.speaker, colour=around.shower.colour))
    return EXIT_CODE_OF_STANDING[report.standing]


def _check_of(around: Surroundings, trust: Path | None) -> Callable[[bytes], VerifyReport]:
    """Return `verify` with the keys that are trusted, read once."""
    if trust is not None:
        named = parse_trust(_content_of(trust).decode("utf-8", "replace"), trust)
        return partial(verify, trusted=named.servers, witnesses=named.witnesses)
    identity = load_identity(around.home)
    if identity is None:
        return partial(verify, trusted=Trust(()).servers)
    return partial(
        verify,
        trusted=(identity.server_key,),
        statements=(identity.statement,),
        key_events=identity.key_events,
    )


def _contents(
    around: Surroundings, folder: Path, paths: list[Path]
) -> Iterator[tuple[str, bytes | None]]:
    """Yield the files, and say now and then how far it is."""
    now_ns = around.clock.monotonic_ns
    started_ns, told_ns = now_ns(), _TOLD_FIRST_NS
    for done, path in enumerate(paths):
        if now_ns() - started_ns >= told_ns:
            told_ns *= 2
            around.tell(around.speaker.say("folder_progress", done=done, files=len(paths)))
        name = str(path.relative_to(folder)).encode("utf-8", "replace").decode("utf-8")
        try:
            yield name, _read(path)
        except OSError:
            yield name, None


def _content_of(path: Path) -> bytes:
    try:
        content = _read(path)
    except OSError as error:
        raise WrongUseError(
            "file_unreadable", path=path, why=os.strerror(error.errno or 0)
        ) from error
    if len(content) > BUNDLE_BYTES_MAX:
        raise WrongUseError("file_too_large", path=path, limit=BUNDLE_BYTES_MAX)
    return content


def _read(path: Path) -> bytes:
    """Return the content, and no more of it than shows that it is too large."""
    with path.open("rb") as file:
        return file.read(BUNDLE_BYTES_MAX + 1)
