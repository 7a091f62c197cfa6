"""Rows become drafts, and are compared."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from omega_server.old_files.asked import Code
from omega_server.old_files.checking import Checked, Draft, Plans, Rules, check_table, compared
from omega_server.old_files.findings import _SENTENCES, Finding, Place, Weight, line, sentence
from omega_server.old_files.mapping import DateOrder, OwnMapping, is_known
from omega_server.old_files.reading import read_file
from omega_server.old_files.shapes import shaped
from omega_server.old_files.vocabulary import folded, vocabulary
from support.old_folder import FTTH, ROWS_HEADER, SOUND, WIMAX, row_of, workbook_of

WORDS = vocabulary()
TECHNOLOGIES = {WIMAX: "wimax", FTTH: "ftth"}


def rules(**own: Any) -> Rules:  # noqa: ANN401 - fields of OwnMapping
    mapping = OwnMapping(**own)
    return Rules(
        words=WORDS, own=mapping, plans=Plans(TECHNOLOGIES, mapping), today=date(2026, 11, 23)
    )


def checked(data: bytes, **own: Any) -> list[Checked]:  # noqa: ANN401 - fields of OwnMapping
    by = rules(**own)
    tables = shaped(read_file("f", data), lambda text: is_known(text, WORDS, by.own)).tables
    return [check_table("f", table, by) for table in tables]


def drafts(data: bytes, **own: Any) -> list[Draft]:  # noqa: ANN401 - fields of OwnMapping
    return [draft for table in checked(data, **own) for draft in table.drafts]


def of_rows(*rows: list[Any], **own: Any) -> list[Draft]:  # noqa: ANN401 - fields of OwnMapping
    return compared(drafts(workbook_of([ROWS_HEADER, *rows]), **own))


def codes(draft: Draft) -> dict[Code, tuple[Weight, str | None]]:
    return {each.code: (each.weight, each.field) for each in draft.findings}


def test_a_row_becomes_a_draft() -> None:
    draft = of_rows(row_of(1))[0]
    assert draft.values == {
        "subscriber_ref": "C-0001",
        "plan_id": WIMAX,
        "person_name": "Mme Roux 1",
        "phone": "0320000001",
        "address": "1, rue de l'Église, Lille",
        "install_date": "2019-03-02",
        "cpe_serial": "SN000001",
        "cpe_mac": "00:1a:2b:00:00:01",
        "rssi_dbm": "-67.5",
        "cinr_db": "24",
        "distance_m": "1250",
        "line_of_sight": "yes",
    }
    assert draft.findings == ()
    assert draft.is_sound(take_doubtful=False)


@pytest.mark.parametrize("name", SOUND)
def test_every_sound_file_has_sound_drafts(name: str) -> None:
    for draft in drafts(SOUND[name]()):
        assert {each.weight for each in draft.findings} <= {Weight.NOTE}, draft.findings


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"Offre": "Fibre"}, {Code.PLAN_UNKNOWN: (Weight.FAULT, "plan_id")}, id="plan"),
        pytest.param(
            {"Offre": None}, {Code.MISSING_REQUIRED: (Weight.FAULT, "plan_id")}, id="no plan"
        ),
        pytest.param(
            {"N° client": None},
            {Code.MISSING_REQUIRED: (Weight.FAULT, "subscriber_ref")},
            id="no subscriber",
        ),
        pytest.param(
            {"RSSI (dBm)": None}, {Code.MISSING: (Weight.NOTE, "rssi_dbm")}, id="no radio value"
        ),
        pytest.param(
            {"RSSI (dBm)": 67}, {Code.OUT_OF_RANGE: (Weight.DOUBT, "rssi_dbm")}, id="no sign"
        ),
        pytest.param(
            {"Téléphone": 320000001},
            {Code.LEADING_ZERO: (Weight.DOUBT, "phone")},
            id="a number of Excel",
        ),
        pytest.param(
            {"Date d'installation": "03/04/2019"},
            {Code.DATE_AMBIGUOUS: (Weight.FAULT, "install_date")},
            id="two dates",
        ),
    ],
)
def test_what_is_missing_or_doubtful_is_listed(
    changes: dict[str, Any], expected: dict[Code, tuple[Weight, str]]
) -> None:
    draft = of_rows(row_of(1, **changes))[0]
    assert codes(draft) == expected
    weights = {weight for weight, _ in expected.values()}
    assert draft.is_sound(take_doubtful=True) == (Weight.FAULT not in weights)
    assert draft.is_sound(take_doubtful=False) == (weights == {Weight.NOTE})


def test_a_finding_says_where_and_what_helps() -> None:
    draft = of_rows(row_of(1, **{"RSSI (dBm)": 67}))[0]
    assert line(draft.findings[0], "en") == (
        "f, Feuil1, I2, «RSSI (dBm)»: not between -123 and -40 dBm: check sign, unit and value"
    )
    assert line(draft.findings[0], "fr").startswith("f, Feuil1, I2, «RSSI (dBm)»: hors de")
    row = of_rows(row_of(1, Offre=None))[0].findings[0]
    assert line(row, "fr").startswith("f, Feuil1, ligne 2: plan_id manque")


def test_radio_values_are_missed_on_radio_lines_only() -> None:
    blank = {"RSSI (dBm)": None, "CINR (dB)": None, "Distance (km)": None, "Ligne de vue": None}
    fibre = of_rows(row_of(1, Offre=FTTH, **blank))[0]
    assert [each.field for each in fibre.findings] == ["optical_power_dbm"]


def test_names_of_plans_and_orders_of_dates_are_decided_once() -> None:
    row = row_of(1, Offre="Fibre 300 Méga", **{"Date d'installation": "03/04/2019"})
    plans = {folded("Fibre 300 Méga"): FTTH}
    draft = of_rows(row, plans=plans, date_order=DateOrder.DAY_FIRST)[0]
    assert draft.values["plan_id"] == FTTH
    assert draft.values["install_date"] == "2019-04-03"
    assert of_rows(row_of(1, Offre="ftth 300/100"))[0].values["plan_id"] == FTTH
    assert Plans({}, OwnMapping(plans={"x": FTTH})).named("x") is None, "not one that is sold"


def test_installed_before_the_contract() -> None:
    data = b"Code client;Offre;Contract date;Install date\nC-1;FTTH-300-100;2020-02-02;2020-02-01\n"
    assert Code.DATES_REVERSED in codes(drafts(data)[0])
    same_day = data.replace(b"2020-02-01", b"2020-02-02")
    assert Code.DATES_REVERSED not in codes(drafts(same_day)[0])


@pytest.mark.parametrize(
    ("header", "code"),
    [
        pytest.param("Code client;Offre;Date", Code.COLUMN_AMBIGUOUS, id="a column of two fields"),
        pytest.param("Code client;Offre;MAC;CPE MAC", Code.COLUMN_TWICE, id="two columns of one"),
        pytest.param("Code client;Offre;RSSI (%)", Code.COLUMN_UNIT, id="no such unit"),
        pytest.param("Code client;MAC", Code.COLUMN_REQUIRED, id="no plan"),
    ],
)
def test_a_table_with_a_question_has_no_drafts(header: str, code: Code) -> None:
    table = checked(f"{header}\nC-1;FTTH-300-100;x;x\n".encode())[0]
    assert table.drafts == ()
    assert table.rows_left == 1
    assert {each.code for each in table.findings} == {code}
    assert all(sentence(each, "fr") for each in table.findings)


def test_a_column_nobody_knows_is_listed_and_passed_over() -> None:
    table = checked(b"Code client;Offre;Couleur\nC-1;FTTH-300-100;vert\n")[0]
    assert [(each.code, each.weight) for each in table.findings] == [
        (Code.COLUMN_UNKNOWN, Weight.NOTE)
    ]
    assert len(table.drafts) == 1


def test_the_same_row_twice_is_one() -> None:
    first, second = of_rows(row_of(1), row_of(1))
    assert first.digest == second.digest
    assert codes(first) == {}
    assert codes(second) == {Code.SAME_ROW: (Weight.NOTE, None)}
    assert second.findings[0].facts["other"] == "f, Feuil1, #2"


def test_one_subscriber_with_two_values_is_asked_about_on_both_rows() -> None:
    found = of_rows(row_of(1), row_of(1, **{"CINR (dB)": 25}), row_of(1, **{"CINR (dB)": None}))
    for draft in found:
        assert codes(draft)[Code.OTHER_VALUES] == (Weight.FAULT, None)
    facts = [each.facts["fields"] for draft in found for each in draft.findings if each.facts]
    assert facts == ["cinr_db", "cinr_db", "cinr_db"]


def test_one_device_at_two_places_is_asked_about_on_both_rows() -> None:
    found = of_rows(row_of(1), row_of(2, **{"N° de série CPE": "SN000001"}), row_of(3))
    assert [Code.DEVICE_TWICE in codes(draft) for draft in found] == [True, True, False]
    assert found[0].findings[0].facts["other"] == "f, Feuil1, #3"


def test_what_is_to_be_mended_stands_as_it_was_typed_with_its_unit() -> None:
    draft = of_rows(row_of(1, **{"Distance (km)": "80", "RSSI (dBm)": "bon"}))[0]
    assert draft.raw["distance_m"] == "80 km"
    assert draft.raw["rssi_dbm"] == "bon"
    assert draft.raw["cpe_mac"] == "00:1a:2b:00:00:01"


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_code_has_a_sentence_in_both_languages(code: Code, language: str) -> None:
    names = ("most", "one", "other", "low", "high", "unit", "units", "choices")
    facts = dict.fromkeys((*names, "fields", "sheet", "plan"), "x")
    finding = Finding(
        code=code, weight=Weight.NOTE, place=Place(file="f"), field="cpe_mac", facts=facts
    )
    assert sentence(finding, language)
    assert "{" not in sentence(finding, language)
    assert set(_SENTENCES) == set(Code)
