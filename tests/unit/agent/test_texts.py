"""Every sentence in both languages, and a sentence for everything that can be said."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

import omega_agent
from omega_agent.errors import NoAnswerError, WrongUseError, in_language, not_kept
from omega_agent.texts import _WHO, LANGUAGES, Language, Speaker, words
from omega_agent.verify_report import Standing, Unchecked
from omega_core.errors import RefusedError, storage_error
from omega_core.evidence import AttemptKind, Ended
from omega_core.key_events import KeyRevocation
from omega_core.key_history import KeyState
from omega_core.metrics import LimitCause, NoValue
from omega_core.verdict import Verdict
from omega_server.refusals import Code

_SOURCES = sorted(Path(omega_agent.__file__).parent.rglob("*.py"))
_OURS = "(?:WrongUse|NoAnswer|WrongAnswer|NotTrusted|NotKept|OutboxFull|TestPointBusy)"
_NEVER_ANSWERED_TO_AN_AGENT = {
    Code.SUBSCRIBER_KNOWN,
    Code.TICKET_MOVED,
    Code.TICKET_STEP,
    Code.TIME_NOT_TAKEN,
    Code.SCHEDULE_UNKNOWN,
    Code.NOT_ALLOWED,
    Code.LOGIN_WRONG,
    Code.LOGIN_LIMITED,
    Code.SESSION_ENDED,
    Code.CSRF_MISSING,
    Code.PASSWORD_UNFIT,
    Code.PIN_WRONG,
    Code.PIN_LOCKED,
    Code.LINK_REFUSED,
    Code.LINKS_TOO_MANY,
    Code.PROVIDER_SILENT,
    Code.PERSON_UNKNOWN,
    Code.PERSON_KNOWN,
    Code.PERSON_UNFIT,
}


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def said(pattern: str) -> set[str]:
    return {code for path in _SOURCES for code in re.findall(pattern, path.read_text())}


def asked_for() -> Iterator[str]:
    """Yield every key that the sources name, or that an enum gives rise to."""
    yield from (f"say.{code}" for code in said(r'\bsay\(\s*"([a-z_0-9]+)"'))
    yield from (f"say.{code}" for code in said(r'tell\(\s*"(daemon_[a-z_]+)"'))
    yield from (f"error.{code}" for code in said(r'otherwise="([a-z_]+)"'))
    yield from (f"error.{code}" for code in said(rf'{_OURS}Error\(\s*"([a-z_]+)"'))
    yield from (f"say.absent_{each}" for each in NoValue)
    yield from (f"say.ended_{each}" for each in Ended)
    yield from (f"say.attempt_{each}" for each in AttemptKind)
    yield from (f"say.unchecked_{each}" for each in Unchecked)
    yield from (f"say.limited_{each}" for each in set(LimitCause) - {LimitCause.PATH})
    yield from (f"say.verify_{each}" for each in Standing)
    yield from (f"say.first_{each}" for each in Verdict)
    yield from ("say.saved", "say.saved_in_vain")
    yield from (f"say.doubt_{each}" for each in set(KeyState) - {KeyState.ACTIVE})
    roles = get_args(KeyRevocation.model_fields["role"].annotation)
    yield from (f"say.role_{each}" for each in roles)
    yield from (f"refused.{each}" for each in set(Code) - _NEVER_ANSWERED_TO_AN_AGENT)
    yield from (f"who.{name}" for name in _WHO.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_has_a_sentence_for_everything_that_is_said(language: Language) -> None:
    assert set(asked_for()) <= words(language).keys()


def test_both_languages_say_the_same_things_with_the_same_fields() -> None:
    english, french = words("en"), words("fr")
    translated_only = {key for key in french if key.startswith("refused_who.")}
    assert english.keys() == french.keys() - translated_only
    for key in english:
        assert fields(english[key]) == fields(french[key]), key


def test_no_sentence_is_left_over() -> None:
    named = set(asked_for())
    built = ("phase.", "notice.", "reason.", "refused_who.", "say.posted_", "say.in_vain_")
    left = {key for key in words("fr") if key not in named and not key.startswith(built)}
    # The first is the agent's own reason; the second an answer that a Collector may give.
    assert left == {"refused.item_damaged", "refused.in_progress"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_sentence_is_one_line(language: Language) -> None:
    assert all("\n" not in each and each.strip() for each in words(language).values())


def test_every_error_says_who_can_mend_it() -> None:
    errors = {key.removeprefix("error.") for key in words("en") if key.startswith("error.")}
    assert errors == _WHO.keys()


def test_speaks_one_language() -> None:
    assert Speaker("fr").say("outbox_empty") == "Rien n'attend dans la boîte d'envoi."
    assert Speaker("en").phase("idle") == "Delay and loss on the quiet line"


def test_says_the_code_of_what_it_has_no_words_for() -> None:
    speaker = Speaker("fr")
    assert speaker.phase("qualify_down") == "qualify_down"
    assert speaker.notice("moon_full") == "moon_full"
    assert speaker.reason("http_status_302") == "http_status_302"
    assert speaker.refusal("newer_code") == "newer_code"


class TestTranslatedErrors:
    def test_of_ours_the_fields_stay(self) -> None:
        error = in_language(NoAnswerError("no_answer", server="http://x", why="timeout"), "fr")
        assert str(error) == "pas de réponse de http://x : timeout"
        assert error.who_acts.startswith("technicien")

    def test_english_is_what_they_are_made_in(self) -> None:
        error = in_language(WrongUseError("mode", known="quick, standard"), "en")
        assert str(error) == "--mode is one of: quick, standard"

    def test_a_refusal_goes_by_its_code(self) -> None:
        error = in_language(RefusedError("sheet_unknown", "there is no FI-1", "technician"), "fr")
        assert str(error) == "cette fiche d'installation n'existe pas"
        assert error.who_acts == "technicien : vérifier le numéro de la fiche"

    def test_a_refusal_nobody_knows_stays_as_it_came(self) -> None:
        error = in_language(RefusedError("newer_code", "not today", "nobody"), "fr")
        assert (str(error), error.who_acts) == ("not today", "nobody")


@pytest.mark.parametrize(
    ("number", "english", "french"),
    [
        pytest.param(errno.ENOENT, "create that folder", "créer ce dossier", id="no such folder"),
        pytest.param(errno.ENOTDIR, "choose another", "en choisir un autre", id="not a folder"),
        pytest.param(errno.EACCES, "allow writing", "autoriser l'écriture", id="not allowed"),
        pytest.param(errno.EROFS, "allow writing", "autoriser l'écriture", id="read only"),
        pytest.param(errno.ENOSPC, "free space", "libérer de la place", id="full"),
        pytest.param(errno.EIO, "mend the disk", "réparer le disque", id="broken"),
        pytest.param(None, "mend the disk", "réparer le disque", id="nobody knows"),
    ],
)
def test_what_is_to_be_done_goes_by_what_the_disk_said(
    number: int | None, english: str, french: str
) -> None:
    trouble = OSError() if number is None else OSError(number, "trouble")
    error = not_kept(Path("/srv/omega"), trouble)
    assert english in error.who_acts
    assert english in storage_error(Path("/srv/omega"), trouble).who_acts
    assert str(error).startswith("/srv/omega: ")
    assert french in in_language(error, "fr").who_acts
