"""Numbers and times as people write them; every text in French."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from omega_core.units import US_PER_S
from omega_server.pages.refused import REACHABLE
from omega_server.pages.wording import Wording
from omega_server.refusals import KINDS

EN, FR = Wording("en"), Wording("fr")
AT_UNIX_US = 1_790_000_000 * US_PER_S
NONE_KNOWN = "\N{EN DASH}"
METHODS = [
    ("**.py", "python"),
    ("templates/**.html", "jinja2"),
]
HOLES = re.compile(r"%\(\w+\)[sd]")


def plain(text: str) -> str:
    """Return a text with the spaces that don't break as ordinary ones."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("said", "english", "french"),
    [
        pytest.param(lambda word: word.rate(95_400_000), "95.4 Mbit/s", "95,4 Mbit/s", id="rate"),
        pytest.param(lambda word: word.rate(1_000), "1 kbit/s", "1 kbit/s", id="round rate"),
        pytest.param(lambda word: word.rate(0), "0 bit/s", "0 bit/s", id="no rate"),
        pytest.param(lambda word: word.rate(None), NONE_KNOWN, NONE_KNOWN, id="none is known"),
        pytest.param(lambda word: word.delay(20_653), "20.7 ms", "20,7 ms", id="delay"),
        pytest.param(lambda word: word.delay(28), "0.028 ms", "0,028 ms", id="short delay"),
        pytest.param(lambda word: word.share(1_000_000), "100 %", "100 %", id="all"),
        pytest.param(lambda word: word.share(40), "0.004 %", "0,004 %", id="hardly any"),
        pytest.param(lambda word: word.count(1_234_567), "1,234,567", "1 234 567", id="count"),
        pytest.param(lambda word: word.moment(None), NONE_KNOWN, NONE_KNOWN, id="never"),
    ],
)
def test_it_is_said(said: object, english: str, french: str) -> None:
    assert callable(said)
    assert (plain(said(EN)), plain(said(FR))) == (english, french)


def test_a_moment_is_of_the_operators_time_zone() -> None:
    paris = Wording.of("fr", "Europe/Paris")
    assert paris.moment(AT_UNIX_US).endswith("16:13")
    assert FR.moment(AT_UNIX_US).endswith("14:13")
    assert paris.machine_moment(AT_UNIX_US) == "2026-09-21T14:13:20Z"


def test_a_text_with_values() -> None:
    assert EN.say("Sheet %(number)s", number="FI-1") == "Sheet FI-1"
    assert EN.say("100 % of it") == "100 % of it", "without values nothing is put in"


def texts() -> set[str]:
    """Return every text that pages ask the catalogue for."""
    folder = str(files("omega_server.pages"))
    options = {"templates/**.html": {"trimmed": "false", "silent": "false"}}
    found = extract_from_dir(
        folder, METHODS, options, keywords={"_": None, "say": None, "later": None}
    )
    written = {message for _, _, message, *_ in found if isinstance(message, str)}
    kinds = [KINDS[code] for code in REACHABLE]
    return written | {text for kind in kinds for text in (kind.title, kind.who_acts)}


def test_every_text_is_there_in_french() -> None:
    with (files("omega_server.pages") / "words" / "fr.po").open("rb") as source:
        catalogue = read_po(source, locale="fr")
    french = {str(each.id): str(each.string) for each in catalogue if each.id}
    wanted = texts()
    assert len(wanted) > 100
    assert sorted(wanted - {key for key, said in french.items() if said}) == []
    assert sorted(key for key in french if key not in wanted) == [], "nobody says these"
    for english, said in french.items():
        assert sorted(HOLES.findall(english)) == sorted(HOLES.findall(said)), english
