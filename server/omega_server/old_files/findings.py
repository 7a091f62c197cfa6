"""What a preview tells: where, how bad, and in one sentence what is the matter and what helps.

Codes are for programs; the sentences are for the back office, in its language. A sentence names the
remedy, because who reads it has the old file open beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as with_default
from enum import StrEnum
from types import MappingProxyType

from omega_server.old_files.asked import Code


class Weight(StrEnum):
    """What a finding means for its row."""

    NOTE = "note"
    DOUBT = "doubt"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where: file, worksheet or table, row, and the cell with its header."""

    file: str
    grid: str = ""
    row: int | None = None
    cell: str | None = None
    header: str | None = None

    def text(self, row: str = "#") -> str:
        """Return the place from file to cell; `row` stands before the number of a row."""
        parts = [
            self.file,
            self.grid,
            self.cell or ("" if self.row is None else f"{row}{self.row}"),
            f"«{self.header}»" if self.header else "",
        ]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a person is told. `field` is None where it is of a row, a table or a file."""

    code: Code
    weight: Weight
    place: Place
    field: str | None = None
    facts: Mapping[str, str] = with_default(default_factory=dict)


def sentence(finding: Finding, language: str) -> str:
    """Return what is the matter, and what helps, in `en` or `fr`."""
    english, french = _SENTENCES[finding.code]
    facts = {"field": finding.field or "", **finding.facts}
    return (french if language == "fr" else english).format_map(facts)


def line(finding: Finding, language: str) -> str:
    """Return place and sentence."""
    return f"{finding.place.text(row_word(language))}: {sentence(finding, language)}"


def row_word(language: str) -> str:
    """Return what stands before the number of a row."""
    return "ligne " if language == "fr" else "row "


_SENTENCES: Mapping[Code, tuple[str, str]] = MappingProxyType(
    {
        Code.MISSING: (
            "no {field}; the sheet is kept without it",
            "{field} manque ; la fiche est reprise sans cette information",
        ),
        Code.MISSING_REQUIRED: (
            "no {field}, without which there is no sheet: enter it",
            "{field} manque, et une fiche ne peut s'en passer : à compléter",
        ),
        Code.TEXT_WRONG: (
            "holds characters that can't be seen: type it again",
            "contient des caractères invisibles : à saisir de nouveau",
        ),
        Code.TEXT_LONG: (
            "longer than {most} characters: shorten it",
            "dépasse {most} caractères : à raccourcir",
        ),
        Code.CELL_ERROR: (
            "the spreadsheet shows an error here: enter the value itself",
            "le tableur affiche ici une erreur : saisir la valeur elle-même",
        ),
        Code.REFERENCE_WRONG: (
            "letters, digits and . _ : - only, at most 64: correct the reference",
            "seuls lettres, chiffres et . _ : - sont admis, 64 au plus : corriger la référence",
        ),
        Code.ROUNDED: (
            "the spreadsheet has rounded this number; copy it again from the paper, as text",
            "le tableur a arrondi ce numéro ; le recopier du papier, au format texte",
        ),
        Code.PLAN_UNKNOWN: (
            "no plan is called so: enter its id, or name it under [plans] in the mapping",
            "aucune offre ne porte ce nom : saisir son code, ou l'indiquer sous [plans]",
        ),
        Code.DATE_WRONG: (
            "not a date: write it as 2019-03-31",
            "ce n'est pas une date : l'écrire 2019-03-31",
        ),
        Code.DATE_AMBIGUOUS: (
            "{one} or {other}: write one of them, or set date_order in the mapping",
            "{one} ou {other} : écrire la bonne date, ou fixer date_order dans la correspondance",
        ),
        Code.DATE_IMPLAUSIBLE: (
            "not between {low} and {high}: check the date",
            "hors de l'intervalle du {low} au {high} : vérifier la date",
        ),
        Code.DAY_NUMBER: (
            "a day number of a spreadsheet, which can count from two days: write the date",
            "numéro de jour d'un tableur, qui peut partir de deux origines : écrire la date",
        ),
        Code.DATES_REVERSED: (
            "installed before the contract: check both dates",
            "posée avant la signature du contrat : vérifier les deux dates",
        ),
        Code.NUMBER_WRONG: (
            "not a number: one number, and its unit if you like",
            "ce n'est pas un nombre : un seul nombre, avec son unité au besoin",
        ),
        Code.NUMBER_AMBIGUOUS: (
            "thousands or decimals: write it without the mark, or set decimal_mark in the mapping",
            "milliers ou décimales : l'écrire sans séparateur, ou fixer decimal_mark",
        ),
        Code.UNIT_ASKED: (
            "in which unit: {units}? Write it behind the number, or under [units] in the mapping",
            "dans quelle unité : {units} ? L'écrire après le nombre, ou sous [units]",
        ),
        Code.UNIT_WRONG: (
            "not in one of its units: {units}",
            "l'unité n'est pas l'une des suivantes : {units}",
        ),
        Code.OUT_OF_RANGE: (
            "not between {low} and {high} {unit}: check sign, unit and value",
            "hors de l'intervalle de {low} à {high} {unit} : vérifier signe, unité et valeur",
        ),
        Code.MAC_WRONG: (
            "not a MAC address: twelve characters 0-9 and a-f",
            "ce n'est pas une adresse MAC : douze caractères 0-9 et a-f",
        ),
        Code.MAC_GROUP: (
            "no device has this MAC address: read the label again",
            "aucun appareil ne porte cette adresse MAC : relire l'étiquette",
        ),
        Code.CHOICE_UNKNOWN: ("one of: {choices}", "l'une des valeurs : {choices}"),
        Code.EMAIL_WRONG: ("not a mail address: correct it", "adresse e-mail incorrecte"),
        Code.PHONE_WRONG: (
            "not one telephone number: 6 to 15 digits",
            "ce n'est pas un numéro de téléphone : de 6 à 15 chiffres",
        ),
        Code.LEADING_ZERO: (
            "kept as a number, which loses a 0 in front: check it",
            "enregistré comme nombre, ce qui fait perdre un 0 initial : à vérifier",
        ),
        Code.PHOTO_WRONG: (
            "file names of pictures, without folders, a semicolon between them",
            "des noms de fichiers d'images, sans dossier, séparés par des points-virgules",
        ),
        Code.NO_HEADER: (
            "no header with rows under it and no form: nothing is imported from here",
            "ni en-tête suivi de lignes, ni formulaire reconnu : rien n'en est repris",
        ),
        Code.COLUMN_UNKNOWN: (
            "no field is called so: left out, unless the mapping names one under [columns]",
            "aucun champ ne porte ce nom : colonne ignorée, sauf indication sous [columns]",
        ),
        Code.COLUMN_AMBIGUOUS: (
            "{choices}: say which under [columns] in the mapping",
            "{choices} : préciser lequel sous [columns] dans la correspondance",
        ),
        Code.COLUMN_TWICE: (
            "several columns would be {field}: say which under [columns] in the mapping",
            "plusieurs colonnes donneraient {field} : préciser laquelle sous [columns]",
        ),
        Code.COLUMN_UNIT: (
            "not a unit of {field} ({units}): rename the header, or name it under [units]",
            "ce n'est pas une unité de {field} ({units}) : corriger l'en-tête, ou voir [units]",
        ),
        Code.COLUMN_REQUIRED: (
            "no column for {field}: name it under [columns] in the mapping",
            "aucune colonne pour {field} : l'indiquer sous [columns] dans la correspondance",
        ),
        Code.SAME_ROW: ("the same as {other}: passed over", "identique à {other} : ignorée"),
        Code.OTHER_VALUES: (
            "{other} has the same subscriber with another {fields}: which one is right?",
            "{other} a le même abonné, mais une autre valeur pour {fields} : laquelle est juste ?",
        ),
        Code.DEVICE_TWICE: (
            "{other} has the same {field}: one device can't be at two places",
            "{other} porte le même {field} : un appareil ne peut être à deux endroits",
        ),
        Code.IMPORTED: ("imported already, sheet {sheet}", "déjà reprise, fiche {sheet}"),
        Code.SUBSCRIBER_THERE: (
            "the subscriber is there already, without this sheet: it is made once you take it",
            "l'abonné existe déjà, sans cette fiche : elle sera créée si vous l'acceptez",
        ),
        Code.OTHER_PLAN: (
            "the subscriber is there with the plan {plan}: correct one of the two",
            "l'abonné existe avec l'offre {plan} : corriger l'une des deux",
        ),
    }
)
