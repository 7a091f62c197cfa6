"""Where headers and forms are, what columns mean, and what is asked."""

from __future__ import annotations

import pytest

from omega_core.errors import UsageError
from omega_server.old_files.mapping import (
    DateOrder,
    OwnMapping,
    Why,
    columns_of,
    is_known,
    mapping_to_fill,
    parse_mapping,
)
from omega_server.old_files.reading import read_file
from omega_server.old_files.shapes import Shape, Shaped, shaped
from omega_server.old_files.vocabulary import Kind, folded, vocabulary
from support.old_folder import SOUND, forms_workbook, titled_workbook, visit_document, workbook_of

WORDS = vocabulary()
OWN = OwnMapping()


def found(data: bytes, own: OwnMapping = OWN) -> Shaped:
    return shaped(read_file("f", data), lambda text: is_known(text, WORDS, own))


def asked(*headers: str, own: OwnMapping = OWN) -> dict[str, Why]:
    return {each.header: each.why for each in columns_of(headers, WORDS, own).questions}


def read(*headers: str, own: OwnMapping = OWN) -> dict[str, tuple[str, str | None]]:
    columns = columns_of(headers, WORDS, own).read
    return {column.header: (column.field, column.unit) for column in columns}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("N° de série", "n de serie"),
        ("nº  de\nSÉRIE :", "n de serie"),
        ("Œuvre", "oeuvre"),
        ("rssi_dbm", "rssi dbm"),
        ("°", ""),
    ],
)
def test_words_are_compared_folded(text: str, expected: str) -> None:
    assert folded(text) == expected


def test_the_vocabulary_holds_together() -> None:
    for name, field in WORDS.fields.items():
        meaning = WORDS.meaning(name)
        assert meaning is not None
        assert meaning.fields == (name,)
        assert (field.kind is Kind.CHOICE) == bool(field.choices), name
        assert field.kind is Kind.NUMBER or not field.units, name
        assert not field.unit_asked or field.units, name
        if field.units:
            assert field.factor(field.own_unit) == 1, "numbers are kept in the first unit"
        for header in field.headers:
            assert is_known(header, WORDS, OWN), header


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("RSSI (dBm)", ("rssi_dbm", "dBm"), id="a unit in brackets"),
        pytest.param("RSSI [ dBm ] :", ("rssi_dbm", "dBm"), id="in other brackets"),
        pytest.param("Distance km", ("distance_m", "km"), id="a unit behind"),
        pytest.param("Distance", ("distance_m", None), id="no unit"),
        pytest.param("distance_m", ("distance_m", "m"), id="our own name says its unit"),
        pytest.param("N° DE SERIE", ("cpe_serial", None), id="without accents"),
        pytest.param("Nom du client (titulaire)", ("person_name", None), id="a remark in brackets"),
    ],
)
def test_a_header_means_one_field(header: str, expected: tuple[str, str | None]) -> None:
    assert read(header) == {header: expected}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param(("Couleur",), {"Couleur": Why.UNKNOWN}, id="nobody knows it"),
        pytest.param(("Date",), {"Date": Why.AMBIGUOUS}, id="two fields"),
        pytest.param(
            ("MAC", "Adresse MAC"), {"MAC": Why.TWICE, "Adresse MAC": Why.TWICE}, id="twice"
        ),
        pytest.param(("RSSI (%)",), {"RSSI (%)": Why.UNIT}, id="no such unit"),
        pytest.param(("", " ", "omega_sheet", "import_problems"), {}, id="passed over"),
        pytest.param(("Modem Huawei",), {"Modem Huawei": Why.UNKNOWN}, id="a value is no header"),
    ],
)
def test_what_is_not_sure_is_asked(headers: tuple[str, ...], expected: dict[str, Why]) -> None:
    assert asked(*headers) == expected
    assert read(*headers) == {}


def test_a_persons_mapping_stands_above_all() -> None:
    own = parse_mapping(
        b'date_order = "day-first"\ndecimal_mark = ","\n'
        b'[columns]\n"DATE" = "install_date"\n"Couleur" = ""\n"MAC" = "bsid"\n'
        b'[units]\n"Distance" = "km"\n[plans]\n"Fibre 300" = "FTTH-300-100"\n',
        "m.toml",
        WORDS,
    )
    assert own.date_order is DateOrder.DAY_FIRST
    headers = ("Date", "Couleur", "MAC", "Adresse MAC", "Distance")
    assert asked(*headers, own=own) == {}
    assert read(*headers, own=own) == {
        "Date": ("install_date", None),
        "MAC": ("bsid", None),
        "Adresse MAC": ("cpe_mac", None),
        "Distance": ("distance_m", "km"),
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"\xff", "m.toml", id="no UTF-8"),
        pytest.param(b"[columns", "m.toml", id="no TOML"),
        pytest.param(b"colums = {}", "extra_forbidden", id="a word nobody knows"),
        pytest.param(b'[columns]\n"A" = "colour"', "no field 'colour'", id="no such field"),
        pytest.param(b'date_order = "never"', "date_order", id="no such order"),
        pytest.param(b"# " + b"x" * 70_000, "larger", id="too large"),
    ],
)
def test_a_mapping_that_is_none_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_mapping(content, "m.toml", WORDS)


def test_a_mapping_can_be_written_and_filled() -> None:
    questions = columns_of(('Couleur "x"', "Date", "RSSI (%)"), WORDS, OWN).questions
    text = mapping_to_fill(questions)
    assert parse_mapping(text.encode(), "m.toml", WORDS) == OWN, "nothing is answered by itself"
    filled = text.replace('# "', '"')
    own = parse_mapping(filled.encode(), "m.toml", WORDS)
    assert own.columns == {"couleur x": "", "date": "contract_date"}
    assert '"Date" = "contract_date"  # or install_date' in text


@pytest.mark.parametrize(
    ("name", "shape", "rows"),
    [
        ("rows.xlsx", Shape.ROWS, [3]),
        ("forms.xlsx", Shape.FORM, [1, 1]),
        ("titled.xlsx", Shape.ROWS, [2]),
        ("agence.csv", Shape.ROWS, [2]),
        ("visite.docx", Shape.FORM, [1]),
        ("liste.docx", Shape.ROWS, [1]),
        ("base.csv", Shape.ROWS, [1]),
    ],
)
def test_each_shape_is_found(name: str, shape: Shape, rows: list[int]) -> None:
    tables = found(SOUND[name]()).tables
    assert [table.shape for table in tables] == [shape] * len(rows)
    assert [len(table.rows) for table in tables] == rows


def test_a_header_of_two_lines_is_one() -> None:
    table = found(titled_workbook()).tables[0]
    assert table.headers == ("Code client", "Formule", "RSSI", "CINR", "Posé par")
    assert table.header_row == 5
    assert [row.number for row in table.rows] == [6, 8]
    assert table.rows[1].place(3) == "D8"


def test_a_form_takes_the_value_beside_its_label() -> None:
    table = found(forms_workbook()).tables[0]
    pairs = dict(zip(table.headers, table.rows[0].cells, strict=True))
    assert pairs["Référence abonné :"] == "C-0011"
    assert pairs["Adresse"] == "11 bd Zola", "behind a label of two cells"
    assert pairs["Téléphone"] == "06 11 22 33 44", "in one cell with its label"
    assert table.rows[0].place(0) == "B3"


def test_tables_of_a_document_are_one_form() -> None:
    table = found(visit_document()).tables[0]
    assert table.headers[0] == "Référence client"
    assert table.headers[-1] == "Mise en service le"
    assert table.rows[0].place(0) == "table 1, B2"


def test_a_header_among_words_that_nobody_knows() -> None:
    data = b"Code client;x1;Offre;x2;MAC;x3\nC-1;;FTTH-300-100;;00;\nC-2;;FTTH-300-100;;01;\n"
    table = found(data).tables[0]
    assert (table.shape, len(table.rows)) == (Shape.ROWS, 2)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(
            [["Code client", "C-1", "Offre", "X", "MAC", "00"], ["RSSI", "-60"]], id="two"
        ),
        pytest.param([["Code client", "C-1", "Offre", "X", "MAC", "00"]], id="one line"),
        pytest.param([["Code client", "C-1"], ["Offre", "X"]], id="a pair a line"),
    ],
)
def test_a_form_is_one_however_short(rows: list[list[str]]) -> None:
    table = found(workbook_of(rows)).tables[0]
    assert table.shape is Shape.FORM
    assert table.rows[0].cells[0] == "C-1"


def test_a_label_without_a_value_is_not_given_the_next_label() -> None:
    form = workbook_of([["Code client", "C-1"], ["Offre"], ["Adresse", "MAC", "00"]])
    assert found(form).tables[0].headers == ("Code client", "MAC")


def test_a_grid_without_a_word_that_is_known_is_listed() -> None:
    data = workbook_of([["Budget", 2019], ["Essence", 12]], title="Divers")
    assert found(data) == Shaped(tables=(), without=("Divers",))
    assert found(b"a\n").without == ("",)


def test_a_header_that_is_repeated_is_no_row() -> None:
    data = b"Code client;Offre\nC-1;A\nCode client;Offre\nC-2;B\n"
    assert [row.cells for row in found(data).tables[0].rows] == [("C-1", "A"), ("C-2", "B")]
    assert found(data).tables[0].rows[0].cell(9) == ""
