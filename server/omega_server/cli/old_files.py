"""`omega-server import` and `export`: sheets that were kept before, and the way out again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from omega_core.clock import SystemClock
from omega_core.errors import ExitCode, UsageError, storage_error
from omega_core.files import create_durably, write_durably
from omega_core.limits import OLD_FILE_BYTES_MAX, OLD_FILE_MAPPING_BYTES_MAX, OLD_FILES_MAX
from omega_server.cli.case_lines import Language
from omega_server.cli.common import (
    AsJson,
    Data,
    DatabaseUrl,
    Plans,
    known_plans,
    name,
    show,
    store_of,
)
from omega_server.old_files.desk import Decisions, OldFileDesk
from omega_server.old_files.mapping import OwnMapping, mapping_to_fill, parse_mapping
from omega_server.old_files.report import Report, content_of, lines_of, to_mend
from omega_server.old_files.separated_out import separated
from omega_server.old_files.vocabulary import vocabulary

imports = typer.Typer(help="Take over the sheets that were kept before.", no_args_is_help=True)

_TABLES = {
    *(".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"),
    *(".docx", ".docm", ".doc", ".odt", ".rtf", ".mdb", ".accdb"),
}
_BEING_EDITED = "~$"  # Office keeps such a file beside each that is open

_Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Excel, Word or CSV files; folders of them."),
]
_Mapping = Annotated[
    Path | None,
    typer.Option("--mapping", metavar="FILE", help="What columns, units and plans mean (TOML)."),
]
_Doubtful = Annotated[
    bool, typer.Option("--take-doubtful", help="Take rows with doubts, as they are read.")
]
_ToMend = Annotated[
    Path | None,
    typer.Option(
        "--to-mend", metavar="FILE", help="Write the rows that are left out, as CSV, to be mended."
    ),
]
_SaveMapping = Annotated[
    Path | None,
    typer.Option(
        "--save-mapping", metavar="FILE", help="Write a mapping with a line for each question."
    ),
]
_Lang = Annotated[Language, typer.Option("--lang", help="Language of the lines.")]
_By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; kept in the log.")]


@imports.command("preview")
def preview(
    files: _Files,
    *,
    mapping: _Mapping = None,
    to_mend_file: _ToMend = None,
    save_mapping: _SaveMapping = None,
    language: _Lang = Language.EN,
    plans: Plans = None,
    data: Data = None,
    database: DatabaseUrl = None,
    take_doubtful: _Doubtful = False,
    as_json: AsJson = False,
) -> None:
    """Say what would become of each row; nothing is kept. Leaves with 11 where rows are left."""
    decisions = Decisions(own=_own(mapping), take_doubtful=take_doubtful)
    with _desk(plans, data, database) as desk:
        report = desk.preview(_contents(files), decisions)
    if save_mapping is not None:
        _save_mapping(report, save_mapping)
    _tell(report, to_mend_file, language, as_json=as_json)


@imports.command("apply")
def apply(
    files: _Files,
    *,
    mapping: _Mapping = None,
    to_mend_file: _ToMend = None,
    by: _By = "operator",
    language: _Lang = Language.EN,
    plans: Plans = None,
    data: Data = None,
    database: DatabaseUrl = None,
    take_doubtful: _Doubtful = False,
    as_json: AsJson = False,
) -> None:
    """Make a draft sheet of each sound row, once. Leaves with 11 where rows are left."""
    decisions = Decisions(by=name(by), own=_own(mapping), take_doubtful=take_doubtful)
    with _desk(plans, data, database) as desk:
        report = desk.apply(_contents(files), decisions)
    _tell(report, to_mend_file, language, as_json=as_json)


def export(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="FILE.csv or FILE.xlsx")],
    by: _By = "operator",
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    personal: Annotated[
        bool, typer.Option("--personal", help="With names, addresses and the like; it is logged.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give out what was imported, in columns that are read back without a question."""
    write = _writer(to)
    with _desk(None, data, database) as desk:
        header, rows = desk.given_out(personal=personal, by=name(by))
        content = list(rows)
    write_durably(to, write(header, content), mode=0o600)
    told = {"file": str(to), "rows": len(content), "personal": personal}
    show(told, lambda: [f"{to}  {len(content)} rows"], as_json=as_json)


@contextmanager
def _desk(plans: Path | None, data: Path | None, database: str | None) -> Iterator[OldFileDesk]:
    with store_of(data, database) as store:
        yield OldFileDesk(store=store, catalogue=known_plans(plans, data), clock=SystemClock())


def _tell(report: Report, to_mend_file: Path | None, language: Language, *, as_json: bool) -> None:
    if to_mend_file is not None:
        header, rows = to_mend(report, vocabulary(), language.value)
        write_durably(to_mend_file, separated(header, rows), mode=0o600)
    content = content_of(report, language.value)
    show(content, lambda: lines_of(report, language.value), as_json=as_json)
    if not report.is_complete:
        raise typer.Exit(_left(report))


def _left(report: Report) -> ExitCode:
    """Return how the command leaves: a file that nobody can read is a wrong file."""
    none_read = all(file.refused is not None for file in report.files)
    return ExitCode.USAGE if none_read else ExitCode.INCONCLUSIVE


def _save_mapping(report: Report, path: Path) -> None:
    questions = [
        question
        for file in report.files
        for table in file.tables
        for question in table.columns.questions
    ]
    if not create_durably(path, mapping_to_fill(questions).encode("utf-8")):
        raise UsageError(f"{path} is there already: name another file")


def _own(path: Path | None) -> OwnMapping:
    if path is None:
        return OwnMapping()
    return parse_mapping(_read(path, OLD_FILE_MAPPING_BYTES_MAX), str(path), vocabulary())


def _contents(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield each file with its content; of a folder those that may hold tables, by name."""
    found = list(dict.fromkeys(each for path in paths for each in _files(path)))
    if not found:
        raise UsageError("no file of Excel or Word, and no CSV file, stands there")
    if len(found) > OLD_FILES_MAX:
        raise UsageError(f"{len(found)} files are more than {OLD_FILES_MAX}: name fewer at once")
    for path in found:
        yield str(path), _read(path, OLD_FILE_BYTES_MAX)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        each
        for each in path.rglob("*")
        if each.suffix.lower() in _TABLES
        and not each.name.startswith((".", _BEING_EDITED))
        and each.is_file()
    )


def _read(path: Path, most: int) -> bytes:
    """Return a file's bytes, one more than the limit of one that is larger."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise storage_error(path, error) from error


def _writer(to: Path) -> Callable[..., bytes]:
    match to.suffix.lower():
        case ".csv":
            return separated
        case ".xlsx":
            from omega_server.old_files.workbook_out import (  # noqa: PLC0415 - loaded when needed
                workbook,
            )

            return workbook
        case _:
            raise UsageError(f"--to {to}: a name that ends in .csv or .xlsx")
