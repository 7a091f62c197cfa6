"""Bytes become grids, or one clear sentence."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO
from typing import Any

import docx
import pytest
from openpyxl import Workbook

from omega_core import limits
from omega_server.old_files.grids import FileKind, Typed, UnreadableFileError, column_letter
from omega_server.old_files.reading import read_file
from support.old_folder import (
    ROWS_HEADER,
    agency_csv,
    forms_workbook,
    rows_workbook,
    saved,
    visit_document,
    workbook_of,
)


def cells(data: bytes) -> list[tuple[str, ...]]:
    return [row.cells for grid in read_file("f", data).grids for row in grid.rows]


def packed(*parts: tuple[str, bytes]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            archive.writestr(name, content)
    return out.getvalue()


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """Return an archive with one more part, or with another one in its place."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    return packed(*({**parts, name: content}).items())


def refused(data: bytes) -> str:
    with pytest.raises(UnreadableFileError) as error:
        read_file("f", data)
    assert error.value.who_acts.startswith("back office: ")
    return f"{error.value} ({error.value.who_acts})"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"a;b\n1;2\n", [("a", "b"), ("1", "2")], id="semicolons"),
        pytest.param(b"a,b\n1,2\n", [("a", "b"), ("1", "2")], id="commas"),
        pytest.param(b"a\tb\n1\t2\n", [("a", "b"), ("1", "2")], id="tabs"),
        pytest.param(b"a|b\r1|2\r", [("a", "b"), ("1", "2")], id="bars and old line ends"),
        pytest.param(b"sep=;\r\na,b;c\r\n", [("a,b", "c")], id="Excel's own first line"),
        pytest.param(b"sep=\t\na\tb\n", [("a", "b")], id="a tab, said"),
        pytest.param(
            b"x;rssi;y\n1;-66,5;2\n2;-67,5;3\n",
            [("x", "rssi", "y"), ("1", "-66,5", "2"), ("2", "-67,5", "3")],
            id="decimal commas are no separators",
        ),
        pytest.param(b'a;"b;\nc"\n', [("a", "b;\nc")], id="a separator and a line end in quotes"),
        pytest.param(b'a;5" dish\n', [("a", '5" dish')], id="inches"),
        pytest.param("é;ü\n".encode(), [("é", "ü")], id="UTF-8"),
        pytest.param("é;ü\n".encode("utf-8-sig"), [("é", "ü")], id="UTF-8 with its mark"),
        pytest.param("é;ü\n".encode("utf-16"), [("é", "ü")], id="UTF-16"),
        pytest.param(
            b"\xfe\xff" + "é;ü\n".encode("utf-16-be"), [("é", "ü")], id="UTF-16, high octet first"
        ),
        pytest.param("é;Œ;€\n".encode("cp1252"), [("é", "Œ", "€")], id="CP1252"),
        pytest.param(b"only\n", [("only",)], id="one column"),
        pytest.param(b"a;;\n;;\n\n;b\n", [("a",), ("", "b")], id="blank cells and rows"),
        pytest.param(b"'=a;'b;''c\n", [("=a", "'b", "'c")], id="our own apostrophe goes"),
    ],
)
def test_csv_is_read_as_people_have_it(data: bytes, expected: list[tuple[str, ...]]) -> None:
    assert cells(data) == expected


def test_rows_have_the_numbers_that_people_see() -> None:
    grid = read_file("f", b'sep=;\na;b\n"c\nd";e\n\nf;g\n').grids[0]
    assert [row.number for row in grid.rows] == [2, 3, 6]
    book = read_file("f", workbook_of([["a"], [], ["b"]])).grids[0]
    assert [row.number for row in book.rows] == [1, 3]
    assert [column_letter(index) for index in (0, 25, 26, 701, 702)] == [
        "A",
        "Z",
        "AA",
        "ZZ",
        "AAA",
    ]


def test_a_workbook_says_what_it_holds() -> None:
    file = read_file("f", rows_workbook())
    assert file.kind is FileKind.WORKBOOK
    first, second = file.grids[0].rows[:2]
    assert first.cells == ROWS_HEADER
    assert second.cells[5] == "2019-03-02"
    assert second.cells[8] == "-67.5"
    assert [isinstance(second.cells[index], Typed) for index in (0, 5, 8)] == [False, True, True]
    assert str(file.grids[0].day_zero) == "1899-12-30"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(12, "12", id="a whole number"),
        pytest.param(12.0, "12", id="a whole number as a float"),
        pytest.param(0.00001, "0.00001", id="never with an exponent"),
        pytest.param(123_456_789_012_345, "123456789012345", id="fifteen digits are exact"),
        pytest.param(1_234_567_890_123_456, "1.234568E+15", id="sixteen are shown as rounded"),
        pytest.param(True, "1", id="yes and no of Excel"),
        pytest.param("'x", "'x", id="an apostrophe in a workbook is its own"),
    ],
)
def test_values_of_a_workbook_have_one_text(value: Any, text: str) -> None:  # noqa: ANN401
    assert cells(workbook_of([["a", value]])) == [("a", text)]


def test_merged_cells_and_nested_tables_of_a_document() -> None:
    file = read_file("f", visit_document())
    assert file.kind is FileKind.DOCUMENT
    assert [grid.name for grid in file.grids] == ["table 1", "table 2"]
    assert file.grids[0].rows[0].cells == ("Abonné",)
    assert file.grids[1].rows[2].cells == ("Mise en service le", "4 mars 2022")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b" \r\n", "empty", id="only blanks"),
        pytest.param(b"%PDF-1.7\n", "a PDF", id="a PDF"),
        pytest.param(b"\xff\xd8\xff\xe0JFIF", "a picture", id="a picture with another name"),
        pytest.param(b"\x89PNG\r\n", "a picture", id="a PNG"),
        pytest.param(b"{\\rtf1 x}", "save it as .docx", id="RTF"),
        pytest.param(b"\x00\x01\x00\x00Standard ACE DB", "as CSV", id="Access"),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "before 2007", id="old Excel"
        ),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "password",
            id="protected by a password",
        ),
        pytest.param(b"a;\x00b\n", "no text", id="a NUL"),
        pytest.param(b"\xff\xfea", "UTF-16", id="half a character"),
        pytest.param(b"a;\x81\n", "CP1252", id="no encoding that is known"),
        pytest.param(b'a;"b\nc\n', "begins on line 1", id="a quotation mark that is never closed"),
        pytest.param(b"PK\x03\x04" + bytes(50), "damaged archive", id="half an archive"),
        pytest.param(packed(("a.txt", b"a")), "an archive", id="any archive"),
        pytest.param(packed(("xl/workbook.xml", b"<a/>")), "damaged workbook", id="no workbook"),
        pytest.param(packed(("word/document.xml", b"<a/>")), "damaged document", id="no document"),
        pytest.param(packed(("xl/workbook.bin", b"a")), "binary workbook", id="xlsb"),
        pytest.param(
            packed(("mimetype", b"m"), ("content.xml", b"<a/>")), "OpenDocument", id="OpenDocument"
        ),
        pytest.param(
            with_part(rows_workbook(), "xl/vbaProject.bin", b"x"), "macros", id="with macros"
        ),
        pytest.param(
            with_part(rows_workbook(), "x.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'),
            "document type",
            id="entities",
        ),
        pytest.param(
            with_part(rows_workbook(), "x.xml", b"\xff\xfe" + "<!DOCTYPE a>".encode("utf-16-le")),
            "document type",
            id="entities in UTF-16",
        ),
        pytest.param(
            with_part(rows_workbook(), "x.xml", b" " * 65_530 + b"<!DOCTYPE a><a/>"),
            "document type",
            id="a document type over two pieces",
        ),
        pytest.param(with_part(rows_workbook(), "x.bin", bytes(4 * 2**20)), "unpacks", id="a bomb"),
        pytest.param(
            packed(*((f"{n}", b"") for n in range(limits.OLD_FILE_PARTS_MAX + 1))),
            "parts",
            id="too many parts",
        ),
        pytest.param(
            b"a;" * limits.OLD_FILE_COLUMNS_MAX + b"a\n", "columns", id="too many columns"
        ),
        pytest.param(
            b"a;" + b"b" * (limits.OLD_FILE_CELL_CHARS_MAX + 1), "row 1, column B", id="a long cell"
        ),
        pytest.param(b"a" * 140_000, "line 1", id="a cell that CSV itself refuses"),
    ],
)
def test_what_is_no_table_is_said_in_a_sentence(data: bytes, said: str) -> None:
    assert said in refused(data)


def test_an_encrypted_archive_is_not_opened() -> None:
    data = bytearray(packed(("xl/workbook.xml", b"<a/>")))
    for head, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(head) + place
        struct.pack_into("<H", data, at, 1)
    assert "encrypted" in refused(bytes(data))


@pytest.mark.parametrize(
    ("limit", "value", "data", "said"),
    [
        pytest.param("OLD_FILE_BYTES_MAX", 2**20, b"a" * (2**20 + 1), "1 MiB", id="bytes"),
        pytest.param("OLD_FILE_ROWS_MAX", 2, b"a\nb\nc\n", "2 rows", id="rows"),
        pytest.param("OLD_FILE_GRIDS_MAX", 1, forms_workbook(), "1 worksheets", id="worksheets"),
        pytest.param("OLD_FILE_GRIDS_MAX", 1, visit_document(), "1 tables", id="tables"),
        pytest.param("OLD_FILE_PART_BYTES_MAX", 100, rows_workbook(), "unpacks", id="a part"),
        pytest.param(
            "OLD_FILE_UNPACKED_BYTES_MAX", 900, rows_workbook(), "unpacks", id="all parts"
        ),
    ],
)
def test_limits_hold(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, data: bytes, said: str
) -> None:
    for module in ("reading", "row_limits", "packed", "workbook", "document"):
        name = f"omega_server.old_files.{module}.{limit}"
        monkeypatch.setattr(name, value, raising=False)
    assert said in refused(data)


def test_what_stands_far_below_is_not_looked_for() -> None:
    book = Workbook()
    book.active["A1"] = "a"
    book.active.cell(row=limits.OLD_FILE_BLANK_ROWS_MAX + 5, column=1, value="b")
    assert cells(saved(book)) == [("a",)]


def test_a_column_far_to_the_right_is_refused() -> None:
    book = Workbook()
    book.active.cell(row=1, column=16_384, value="b")
    book.active.cell(row=1, column=limits.OLD_FILE_COLUMNS_MAX + 1, value="c")
    assert "columns" in refused(saved(book))


def test_a_cell_that_spans_a_billion_columns_is_refused() -> None:
    document = docx.Document()
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "a"
    out = BytesIO()
    document.save(out)
    with zipfile.ZipFile(out) as archive:
        text = archive.read("word/document.xml").replace(
            b'w:gridSpan w:val="2"', b'w:gridSpan w:val="1000000000"'
        )
    assert b"1000000000" in text
    assert "columns" in refused(with_part(out.getvalue(), "word/document.xml", text))


def test_a_table_in_a_cell_is_a_table() -> None:
    document = docx.Document()
    cell = document.add_table(rows=1, cols=1).cell(0, 0)
    for text in ("a", "b", "c"):
        cell.text = text
        cell = cell.add_table(rows=1, cols=1).cell(0, 0)
    out = BytesIO()
    document.save(out)
    assert [row[0].strip() for row in cells(out.getvalue())] == ["a", "b", "c"]


def test_cp1252_is_the_agencys() -> None:
    assert cells(agency_csv())[1][2] == "Hélène Œuvrard"
