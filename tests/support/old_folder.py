"""Sheets as an operator has kept them: every shape that is promised to be read, made by hand.

rows.xlsx        one sheet a row, dates and numbers as Excel holds them, units in headers
forms.xlsx       one sheet a worksheet, label beside value, some cells merged
titled.xlsx      a title block above a header of two lines with merged cells
agence.csv       semicolons, CP1252, decimal commas
visite.docx      one sheet a document, two tables, a merged cell
liste.docx       a table of sheets in a document
base.csv         what Access exports: quoted, commas
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
from openpyxl import Workbook

WIMAX = "WMX-HOME-2M"
FTTH = "FTTH-300-100"

ROWS_HEADER = (
    "N° client",
    "Offre",
    "Nom du client",
    "Téléphone",
    "Adresse",
    "Date d'installation",
    "N° de série CPE",
    "Adresse MAC",
    "RSSI (dBm)",
    "CINR (dB)",
    "Distance (km)",
    "Ligne de vue",
)


def saved(book: Workbook) -> bytes:
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def workbook_of(rows: Sequence[Sequence[Any]], title: str = "Feuil1") -> bytes:
    book = Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    return saved(book)


def row_of(number: int, **changes: Any) -> list[Any]:  # noqa: ANN401 - what Excel holds
    cells = {
        "N° client": f"C-{number:04d}",
        "Offre": WIMAX,
        "Nom du client": f"Mme Roux {number}",
        "Téléphone": f"03 20 00 00 {number:02d}",
        "Adresse": f"{number}, rue de l'Église, Lille",
        "Date d'installation": date(2019, 3, number % 28 + 1),
        "N° de série CPE": f"SN{number:06d}",
        "Adresse MAC": f"00:1A:2B:00:00:{number:02X}",
        "RSSI (dBm)": -67.5,
        "CINR (dB)": 24,
        "Distance (km)": 1.25,
        "Ligne de vue": "Oui",
    }
    return list({**cells, **changes}.values())


def rows_workbook() -> bytes:
    return workbook_of([ROWS_HEADER, row_of(1), row_of(2), row_of(3)])


def forms_workbook() -> bytes:
    book = Workbook()
    book.remove(book.active)
    for number in (11, 12):
        sheet = book.create_sheet(f"Fiche {number}")
        sheet["A1"] = "FICHE D'INSTALLATION"
        sheet.merge_cells("A1:D1")
        sheet["A3"], sheet["B3"] = "Référence abonné :", f"C-{number:04d}"
        sheet["C3"], sheet["D3"] = "Offre", FTTH
        sheet["A4"], sheet["B4"] = "Nom et prénom", f"Karim B. {number}"
        sheet["A5"], sheet["C5"] = "Adresse", f"{number} bd Zola"
        sheet.merge_cells("A5:B5")
        sheet["A6"], sheet["B6"] = "Installé le", datetime(2021, 6, number, 9, 30)  # noqa: DTZ001
        sheet["A7"], sheet["B7"] = "N° de série", f"ONT{number}"
        sheet["C7"], sheet["D7"] = "MAC", f"001a.2b00.0{number:03d}"
        sheet["A8"], sheet["B8"] = "Puissance optique", "-18,2 dBm"
        sheet["A9"] = "Téléphone : 06 11 22 33 44"
    return saved(book)


def titled_workbook() -> bytes:
    book = Workbook()
    sheet = book.active
    sheet["A1"] = "Installations 2020 - agence Nord"
    sheet.merge_cells("A1:F1")
    sheet["A2"] = "éditée le 3 janvier"
    for cell, text in {
        "A4": "Code client",
        "B4": "Formule",
        "C4": "Radio",
        "E4": "Posé par",
    }.items():
        sheet[cell] = text
    for area in ("A4:A5", "B4:B5", "C4:D4", "E4:E5"):
        sheet.merge_cells(area)
    sheet["C5"], sheet["D5"] = "RSSI", "CINR"
    sheet.append(["C-0021", WIMAX, -70, 21, "Jo"])
    sheet.append([])
    sheet.append(["C-0022", WIMAX, "-71 dBm", "20,5", "Jo"])
    return saved(book)


def agency_csv() -> bytes:
    lines = (
        "Réf. abonné;Offre;Nom client;Téléphone;Adresse;"
        "Date d'installation;N° série;MAC;RSSI;Remarques",
        'C-0031;WMX-HOME-2M;Hélène Œuvrard;0320000031;"3, place d\'Armes";'
        "23/03/2018;S31;00-1A-2B-00-01-31;-66,5;accès par la cour",
        "C-0032;WMX-HOME-2M;Zoé N.;0320000032;4 rue Basse;24/03/2018;S32;001A2B000132;-69;",
    )
    return "\r\n".join(lines).encode("cp1252")


def visit_document(ref: str = "C-0041", mac: str = "00:1A:2B:00:02:41") -> bytes:
    document = docx.Document()
    document.add_heading("Fiche d'installation")
    first = document.add_table(rows=3, cols=4)
    first.cell(0, 0).merge(first.cell(0, 3)).text = "Abonné"
    for column, text in enumerate(("Référence client", ref, "Forfait", FTTH)):
        first.cell(1, column).text = text
    for column, text in enumerate(("Nom complet", "Aïcha D.", "Tél.", "+33 6 11 22 33 44")):
        first.cell(2, column).text = text
    second = document.add_table(rows=3, cols=2)
    for row, (label, value) in enumerate(
        (("Numéro de série", "ONT41"), ("Adresse MAC", mac), ("Mise en service le", "4 mars 2022"))
    ):
        second.cell(row, 0).text, second.cell(row, 1).text = label, value
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def list_document() -> bytes:
    document = docx.Document()
    rows = (("Code abonné", "Offre", "Numéro de série"), ("C-0051", FTTH, "ONT51"))
    table = document.add_table(rows=len(rows), cols=len(rows[0]))
    for place, row in enumerate(rows):
        for column, text in enumerate(row):
            table.cell(place, column).text = text
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def access_csv() -> bytes:
    return (
        b'"subscriber number","plan","installed on","serial number","mac address"\n'
        b'"C-0061","FTTH-300-100","2020-02-29","ONT61","00:1a:2b:00:03:61"\n'
    )


SOUND = {
    "rows.xlsx": rows_workbook,
    "forms.xlsx": forms_workbook,
    "titled.xlsx": titled_workbook,
    "agence.csv": agency_csv,
    "visite.docx": visit_document,
    "liste.docx": list_document,
    "base.csv": access_csv,
}
SOUND_ROWS = 12
"""Sheets in all of them together."""


def bad_workbook() -> bytes:
    """Rows that each want something of a person."""
    return workbook_of(
        [
            ROWS_HEADER,
            row_of(71),
            row_of(72, Offre="Fibre 300 Méga"),
            row_of(73, **{"Date d'installation": "03/04/2019"}),
            row_of(74, **{"Adresse MAC": "00:1A:2B:00:00"}),
            row_of(75, **{"RSSI (dBm)": 67}),
            row_of(76, **{"N° client": None}),
            row_of(77, **{"N° de série CPE": "SN000071"}),
        ]
    )


def old_folder(place: Path) -> Path:
    """Write all of them, sound and bad, and two files that are no tables."""
    place.mkdir()
    for name, make in SOUND.items():
        (place / name).write_bytes(make())
    (place / "a-revoir.xlsx").write_bytes(bad_workbook())
    (place / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (place / "~$rows.xlsx").write_bytes(b"open in Excel")
    return place
