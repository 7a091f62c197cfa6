"""One text and one field."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from omega_server.old_files.asked import Asked, Code, Read
from omega_server.old_files.grids import Typed
from omega_server.old_files.mapping import DateOrder
from omega_server.old_files.values import read_value
from omega_server.old_files.vocabulary import vocabulary

TODAY = date(2026, 11, 23)
XLSX = date(1899, 12, 30)
MAC_XLSX = date(1904, 1, 1)


def read(field: str, text: str, **asked: Any) -> Read | None:  # noqa: ANN401 - fields of Asked
    return read_value(text, vocabulary().fields[field], Asked(today=TODAY, **asked))


def value(field: str, text: str, **asked: Any) -> str | None:  # noqa: ANN401 - fields of Asked
    found = read(field, text, **asked)
    assert found is not None
    assert found.code is None, found
    return found.value


def code(field: str, text: str, **asked: Any) -> tuple[Code | None, bool]:  # noqa: ANN401
    found = read(field, text, **asked)
    assert found is not None
    return found.code, found.value is not None


@pytest.mark.parametrize("text", ["", "  ", "-", "—", "n/a", "Néant", "?", "\u200b"])
def test_nothing_is_nothing(text: str) -> None:
    assert read("cpe_mac", text) is None


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        pytest.param("2019-03-04", {}, "2019-03-04", id="ISO"),
        pytest.param("2019/3/4", {}, "2019-03-04", id="year first"),
        pytest.param("2019-03-04T10:30:00", {}, "2019-03-04", id="with a time"),
        pytest.param("23/03/2019", {}, "2019-03-23", id="only one number can be the month"),
        pytest.param("03-23-2019", {}, "2019-03-23", id="the other way"),
        pytest.param("23/03/2019 10:30", {}, "2019-03-23", id="with the hour"),
        pytest.param("3.3.2019", {}, "2019-03-03", id="both ways the same day"),
        pytest.param(
            "03/04/2019", {"date_order": DateOrder.DAY_FIRST}, "2019-04-03", id="day first, said"
        ),
        pytest.param(
            "03/04/2019",
            {"date_order": DateOrder.MONTH_FIRST},
            "2019-03-04",
            id="month first, said",
        ),
        pytest.param("23/03/19", {}, "2019-03-23", id="two digits of this century"),
        pytest.param("23/03/98", {}, "1998-03-23", id="two digits of the last one"),
        pytest.param("4 mars 2019", {}, "2019-03-04", id="French"),
        pytest.param("1er août 2019", {}, "2019-08-01", id="French, the first"),
        pytest.param("12 févr. 2019", {}, "2019-02-12", id="French, short"),
        pytest.param("March 4th, 2019", {}, "2019-03-04", id="English"),
        pytest.param("4-Mar-19", {}, "2019-03-04", id="English, short"),
        pytest.param("43528", {"day_zero": XLSX}, "2019-03-04", id="a day number of a workbook"),
        pytest.param("42066", {"day_zero": MAC_XLSX}, "2019-03-04", id="of a workbook from 1904"),
    ],
)
def test_dates_as_people_write_them(text: str, asked: dict[str, Any], expected: str) -> None:
    assert value("install_date", text, **asked) == expected


@pytest.mark.parametrize(
    ("text", "asked", "expected", "has_value"),
    [
        pytest.param("03/04/2019", {}, Code.DATE_AMBIGUOUS, False, id="two readings"),
        pytest.param("31/02/2019", {}, Code.DATE_WRONG, False, id="no such day"),
        pytest.param(
            "03/23/2019",
            {"date_order": DateOrder.DAY_FIRST},
            Code.DATE_WRONG,
            False,
            id="not as said",
        ),
        pytest.param("hier", {}, Code.DATE_WRONG, False, id="a word"),
        pytest.param("3/2019", {}, Code.DATE_WRONG, False, id="no day"),
        pytest.param("4 foo 2019", {}, Code.DATE_WRONG, False, id="no month"),
        pytest.param("2027-01-01", {}, Code.DATE_IMPLAUSIBLE, True, id="to come"),
        pytest.param("1989-12-31", {}, Code.DATE_IMPLAUSIBLE, True, id="before there were lines"),
        pytest.param("43528", {}, Code.DAY_NUMBER, True, id="a day number of a CSV file"),
        pytest.param("99999", {}, Code.DATE_IMPLAUSIBLE, True, id="no day number"),
    ],
)
def test_dates_that_are_asked_about(
    text: str, asked: dict[str, Any], expected: Code, *, has_value: bool
) -> None:
    assert code("install_date", text, **asked) == (expected, has_value)


def test_today_and_the_first_day_are_plausible() -> None:
    assert value("install_date", TODAY.isoformat()) == "2026-11-23"
    assert value("install_date", "1990-01-01") == "1990-01-01"


@pytest.mark.parametrize(
    ("field", "text", "asked", "expected"),
    [
        pytest.param("rssi_dbm", "-67", {}, "-67", id="plain"),
        pytest.param("rssi_dbm", "-67,5 dBm", {}, "-67.5", id="comma and unit"),
        pytest.param("rssi_dbm", "\u221267.50", {}, "-67.5", id="a real minus"),
        pytest.param("rssi_dbm", "-123", {}, "-123", id="the lowest"),
        pytest.param("rssi_dbm", "-40", {}, "-40", id="the highest"),
        pytest.param("cinr_db", "-0", {}, "0", id="zero has no sign"),
        pytest.param("cable_length_m", "1200 cm", {}, "12", id="another unit"),
        pytest.param("distance_m", "1,25", {"unit": "km"}, "1250", id="the header's unit"),
        pytest.param("distance_m", "800 m", {"unit": "km"}, "800", id="the cell's own unit first"),
        pytest.param("distance_m", "1250", {"is_ours": True, "unit": "m"}, "1250", id="our own"),
        pytest.param("distance_m", "1 250 m", {}, "1250", id="thousands with a space"),
        pytest.param("distance_m", "1\u202f250 m", {}, "1250", id="with a narrow one"),
        pytest.param("sync_bps_down", "1 234,5 kbit/s", {}, "1234500", id="thousands and decimals"),
        pytest.param("sync_bps_down", "1.234,5 kbit/s", {}, "1234500", id="with points"),
        pytest.param("sync_bps_down", "12 Mb/s", {}, "12000000", id="megabits"),
        pytest.param("sync_bps_down", "1.234.567 bit/s", {}, "1234567", id="points only"),
        pytest.param("distance_m", "1,250 m", {"decimal_mark": "."}, "1250", id="the mark is said"),
        pytest.param("distance_m", "1,250 m", {"decimal_mark": ","}, "1.25", id="the other one"),
        pytest.param("latitude", "50.637", {"is_ours": True}, "50.637", id="three digits in ours"),
        pytest.param("latitude", "0,637", {}, "0.637", id="no thousands begin with 0"),
        pytest.param("latitude", "50.6371", {}, "50.6371", id="four digits are no thousands"),
        pytest.param("latitude", Typed("50.637"), {}, "50.637", id="a number that is one"),
    ],
)
def test_numbers_as_people_write_them(
    field: str, text: str, asked: dict[str, Any], expected: str
) -> None:
    assert value(field, text, **asked) == expected


@pytest.mark.parametrize(
    ("field", "text", "asked", "expected", "has_value"),
    [
        pytest.param("rssi_dbm", "-124", {}, Code.OUT_OF_RANGE, True, id="one below"),
        pytest.param("rssi_dbm", "-39", {}, Code.OUT_OF_RANGE, True, id="one above"),
        pytest.param("rssi_dbm", "67", {}, Code.OUT_OF_RANGE, True, id="the sign is missing"),
        pytest.param("rssi_dbm", "-67 dB", {}, Code.UNIT_WRONG, False, id="another unit"),
        pytest.param("rssi_dbm", "-60/-70", {}, Code.UNIT_WRONG, False, id="two numbers"),
        pytest.param("rssi_dbm", "bon", {}, Code.NUMBER_WRONG, False, id="a word"),
        pytest.param("rssi_dbm", "1.234.56", {}, Code.NUMBER_WRONG, False, id="marks anywhere"),
        pytest.param("rssi_dbm", "1,23,456", {}, Code.NUMBER_WRONG, False, id="groups of two"),
        pytest.param("rssi_dbm", "1,", {}, Code.NUMBER_WRONG, False, id="a mark at the end"),
        pytest.param("distance_m", "12", {}, Code.UNIT_ASKED, False, id="which unit"),
        pytest.param("distance_m", "12", {"unit": "mi"}, Code.UNIT_WRONG, False, id="no such unit"),
        pytest.param("distance_m", "1,250 m", {}, Code.NUMBER_AMBIGUOUS, False, id="two readings"),
        pytest.param(
            "latitude", "50.637", {}, Code.NUMBER_AMBIGUOUS, False, id="two, with a point"
        ),
        pytest.param(
            "sync_bps_down",
            "1.234,5 kbit/s",
            {"decimal_mark": "."},
            Code.NUMBER_WRONG,
            False,
            id="not as said",
        ),
        pytest.param(
            "distance_m",
            "1.234.567 m",
            {"decimal_mark": "."},
            Code.NUMBER_WRONG,
            False,
            id="two decimal points, as said",
        ),
        pytest.param("rssi_dbm", "9" * 30, {}, Code.NUMBER_WRONG, False, id="no end of digits"),
    ],
)
def test_numbers_that_are_asked_about(
    field: str, text: str, asked: dict[str, Any], expected: Code, *, has_value: bool
) -> None:
    assert code(field, text, **asked) == (expected, has_value)


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        pytest.param("cpe_mac", "00:1A:2B:3C:4D:5E", "00:1a:2b:3c:4d:5e", id="MAC with colons"),
        pytest.param("cpe_mac", "00-1a-2b-3c-4d-5e", "00:1a:2b:3c:4d:5e", id="with dashes"),
        pytest.param("cpe_mac", "001A.2B3C.4D5E", "00:1a:2b:3c:4d:5e", id="with points"),
        pytest.param("cpe_mac", "001A2B3C4D5E", "00:1a:2b:3c:4d:5e", id="bare"),
        pytest.param("subscriber_ref", " C-12.3 ", "C-12.3", id="a reference"),
        pytest.param("cpe_serial", "SN 12/4", "SN 12/4", id="a serial as on its label"),
        pytest.param("line_of_sight", "OUI", "yes", id="a choice"),
        pytest.param("line_of_sight", "En partie", "partly", id="a choice of two words"),
        pytest.param("email", "a.b@example.com", "a.b@example.com", id="mail"),
        pytest.param("phone", "+33 (0)6.11-22/33", "+330611" + "2233", id="telephone"),
        pytest.param("photos", "a.jpg;b.PNG , c.heic", "a.jpg; b.PNG; c.heic", id="photos"),
        pytest.param("remarks", "a\n b\u00a0 c\u00ad", "a b c", id="a text on one line"),
        pytest.param("remarks", "=1+1", "=1+1", id="a formula is a text"),
        pytest.param("remarks", "<script>", "<script>", id="so is a script"),
        pytest.param("person_name", "E\u0301mile", "Émile", id="composed"),
    ],
)
def test_other_values(field: str, text: str, expected: str) -> None:
    assert value(field, text) == expected


@pytest.mark.parametrize(
    ("field", "text", "expected", "has_value"),
    [
        pytest.param("cpe_mac", "00:1A:2B:3C:4D", Code.MAC_WRONG, False, id="five octets"),
        pytest.param("cpe_mac", "00:1A:2B:3C:4D:5G", Code.MAC_WRONG, False, id="no hexadecimal"),
        pytest.param("cpe_mac", "00:1A-2B:3C:4D:5E:", Code.MAC_WRONG, False, id="mixed"),
        pytest.param("cpe_mac", "01:1A:2B:3C:4D:5E", Code.MAC_GROUP, True, id="of a group"),
        pytest.param("cpe_mac", "0" * 12, Code.MAC_GROUP, True, id="all zero"),
        pytest.param("cpe_mac", "F" * 12, Code.MAC_GROUP, True, id="of everybody"),
        pytest.param("cpe_mac", "1.234568E+15", Code.MAC_WRONG, False, id="rounded"),
        pytest.param("cpe_serial", "1,23457E+14", Code.ROUNDED, False, id="a rounded serial"),
        pytest.param("cpe_serial", "x" * 65, Code.TEXT_LONG, False, id="a long serial"),
        pytest.param("subscriber_ref", "C 12", Code.REFERENCE_WRONG, False, id="a space"),
        pytest.param("subscriber_ref", "../etc", Code.REFERENCE_WRONG, False, id="a path"),
        pytest.param("subscriber_ref", "1' OR '1", Code.REFERENCE_WRONG, False, id="SQL"),
        pytest.param("plan_id", "Fibre", Code.PLAN_UNKNOWN, False, id="a plan nobody knows"),
        pytest.param("line_of_sight", "peut-être", Code.CHOICE_UNKNOWN, False, id="no choice"),
        pytest.param("email", "a@b", Code.EMAIL_WRONG, False, id="no domain"),
        pytest.param("email", "a@b.c, d@e.f", Code.EMAIL_WRONG, False, id="two mails"),
        pytest.param("phone", "12345", Code.PHONE_WRONG, False, id="five digits"),
        pytest.param("phone", "9" * 16, Code.PHONE_WRONG, False, id="sixteen digits"),
        pytest.param("phone", "voir dossier", Code.PHONE_WRONG, False, id="words"),
        pytest.param("phone", Typed("611223344"), Code.LEADING_ZERO, True, id="a lost zero"),
        pytest.param("photos", "../a.jpg", Code.PHOTO_WRONG, False, id="a photo elsewhere"),
        pytest.param("photos", "a.exe", Code.PHOTO_WRONG, False, id="no photo"),
        pytest.param("photos", ";", Code.PHOTO_WRONG, False, id="no name"),
        pytest.param("remarks", "#REF!", Code.CELL_ERROR, False, id="an error of Excel"),
        pytest.param("remarks", "########", Code.CELL_ERROR, False, id="a column too narrow"),
        pytest.param("remarks", "a\x07b", Code.TEXT_WRONG, False, id="a bell"),
        pytest.param("remarks", "a\u202eb", Code.TEXT_WRONG, False, id="turned around"),
        pytest.param("remarks", "x" * 1_001, Code.TEXT_LONG, False, id="too long"),
    ],
)
def test_other_values_that_are_asked_about(
    field: str, text: str, expected: Code, *, has_value: bool
) -> None:
    assert code(field, text) == (expected, has_value)
