"""Everything the agent says by itself, in the language that was asked for.

The sentences stand in `omega_agent.words`, one module a language, under the same keys with the same
fields; a test holds them to it. Keys have the form `kind.code`:

    error.CODE    one line when a command can't go on     who.NAME   the one who can mend it
    refused.CODE  a refusal of the server (its own English sentence says more about the case)
    phase.TASK    what is being measured                  notice.CODE  worth saying, no result
    say.CODE      everything else

The words for verdicts, criteria, faults and quantities are `omega_acceptance.explain`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, Literal, TypeAlias

Language: TypeAlias = Literal["en", "fr"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "fr")

_WHO: Mapping[str, str] = {
    "answer_too_large": "same_server",
    "campaign_busy": "wait",
    "campaign_clock": "campaign_wait",
    "campaign_complete": "campaign_report",
    "campaign_file": "campaign_file",
    "campaign_none": "campaign_start",
    "campaign_open": "campaign_stop",
    "campaign_rule": "typed",
    "campaign_too_early": "campaign_wait",
    "campaign_void": "campaign_void",
    "change_form": "typed",
    "enrolled_already": "replace",
    "file_too_large": "sender",
    "file_unreadable": "typed",
    "folder_empty": "typed",
    "folder_large": "typed",
    "grant": "pinned",
    "home": "machine",
    "home_file": "enrol_again",
    "home_place": "place",
    "home_rights": "rights",
    "language": "typed",
    "mode": "typed",
    "name_form": "typed",
    "no_answer": "line",
    "no_attempt": "line",
    "not_enrolled": "enrol",
    "not_linux": "linux",
    "not_omega": "same_server",
    "not_omega_message": "same_server",
    "nothing_kept": "measure_again",
    "outbox_full": "send",
    "plain_http": "https",
    "plan_missing": "plan",
    "progress": "typed",
    "receipt": "pinned",
    "rule_other": "same_program",
    "rule_unknown": "typed",
    "save_place": "typed",
    "server_key_form": "typed",
    "server_key_moved": "pinned",
    "server_key_other": "pinned",
    "server_line": "pinned",
    "server_missing": "add_server",
    "statement": "pinned",
    "test_point_busy": "come_back",
    "token_form": "typed",
    "trust_empty": "trust_file",
    "trust_line": "trust_file",
    "trust_quorum": "trust_file",
    "until_decided": "typed",
    "url_form": "typed",
    "already_measuring": "wait",
    "already_running": "wait",
    "check_in_answer": "pinned",
    "standing_grant": "pinned",
    "limits_file": "limits",
    "target_not_allowed": "limits",
    "waiting_first": "send_first",
    "zone_unknown": "zones",
}


class Speaker:
    """Says things in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._words = words(language)

    def say(self, code: str, /, **fields: object) -> str:
        """Return the sentence `say.CODE`; KeyError for one that nobody wrote."""
        return self._words[f"say.{code}"].format(**fields)

    def phase(self, task: str) -> str:
        """Return what a task of the probe is called; its own name for one we don't know."""
        return self._words.get(f"phase.{task}", task)

    def notice(self, code: str) -> str:
        """Return a notice of the probe as a sentence; the code for one we don't know."""
        return self._words.get(f"notice.{code}", code)

    def reason(self, code: str) -> str:
        """Return why an attempt failed, by the probe's code; the code for one we don't know."""
        return self._words.get(f"reason.{code}", code)

    def refusal(self, code: str) -> str:
        """Return why the server refused, by its code alone; the code for one we don't know."""
        return self._words.get(f"refused.{code}", code)


def error_sentence(language: Language, code: str, fields: Mapping[str, object]) -> str:
    """Return what is wrong; KeyError for a code that nobody wrote."""
    return words(language)[f"error.{code}"].format(**fields)


def refusal_sentence(language: Language, code: str) -> str | None:
    """Return why the server refused, by its code alone; None for one we don't know."""
    return words(language).get(f"refused.{code}")


def who_acts(language: Language, code: str) -> str | None:
    """Return who can mend an error of ours; None for a code that is not ours."""
    name = _WHO.get(code)
    return None if name is None else words(language)[f"who.{name}"]


def refusal_who_acts(language: Language, code: str) -> str | None:
    """Return who can mend a refusal of the server; None where the server says it itself."""
    return words(language).get(f"refused_who.{code}")


@cache
def words(language: Language) -> Mapping[str, str]:
    """Return every sentence of one language by its key; only that language is loaded."""
    if language == "fr":
        from omega_agent.words.fr import WORDS  # noqa: PLC0415 - one language is enough
    else:
        from omega_agent.words.en import WORDS  # noqa: PLC0415 - as above
    return WORDS
