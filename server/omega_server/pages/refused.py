"""A refusal as a person reads it: what it is, who can mend it and how, in their language.

What the API says in one English sentence about this case stands below, marked as English: it is for
whoever is asked for help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from omega_server.pages.ticket_content import said_state
from omega_server.pages.wording import Wording, later
from omega_server.refusals import Code, RefusalError
from omega_server.ticket_life.life import Status
from omega_server.ticket_life.steps import StepRefusedError

# Texts that other modules say in English, named here so that the catalogue has them.
_GUARDS = (
    later("nobody owns the ticket"),
    later("name an owner first"),
    later("no estimated time is set"),
    later("set the first one"),
    later("the estimate is not in the future"),
    later("name a later one"),
    later("there is no estimate to tell"),
    later("set one first"),
    later("no zone is recorded"),
    later("diagnose, or record `unknown` with a reason"),
    later("unknown without a reason"),
    later("say what was not observed"),
    later("nothing was measured remotely"),
    later("diagnose, or say why it can't be"),
    later("nobody was sent"),
    later("dispatch somebody first"),
    later("name a higher level, or return it"),
    later("name a lower level, or escalate it"),
    later("the remedy was not applied between opening and now"),
    later("correct its time"),
    later("it was not said between the remedy and now"),
    later("ask the customer now"),
    later("only level 3 waives the measurement"),
    later("escalate to technical support"),
    later("no record measured after the last change passes what had failed"),
    later("measure again in mode standard, or let level 3 waive it with a reason"),
    later("the customer has not agreed"),
    later("ask, and record who agreed, when and by which channel; it can't be waived"),
)


REACHABLE: Final = frozenset(
    {
        Code.NOT_FOUND,
        Code.METHOD_NOT_ALLOWED,
        Code.TOO_LARGE,
        Code.NOT_AUTHORISED,
        Code.SCHEMA_INVALID,
        Code.SHEET_UNKNOWN,
        Code.TICKET_UNKNOWN,
        Code.TICKET_STEP,
        Code.TICKET_MOVED,
        Code.SUBSCRIBER_UNKNOWN,
        Code.SUBSCRIBER_KNOWN,
        Code.PLAN_UNKNOWN,
        Code.PLAN_NOT_ACTIVATED,
        Code.PLAN_MISMATCH,
        Code.MODE_UNKNOWN,
        Code.RECORD_UNKNOWN,
        Code.AGENT_UNKNOWN,
        Code.AGENT_OVERLOADED,
        Code.INSTRUCTION_UNKNOWN,
        Code.INSTRUCTION_ENDED,
        Code.NOT_ALLOWED,
        Code.LOGIN_WRONG,
        Code.LOGIN_LIMITED,
        Code.SESSION_ENDED,
        Code.CSRF_MISSING,
        Code.PASSWORD_UNFIT,
        Code.PIN_WRONG,
        Code.LINK_REFUSED,
        Code.PROVIDER_SILENT,
        Code.TIME_NOT_TAKEN,
        Code.BUSY,
        Code.DEADLINE_EXCEEDED,
        Code.STORE_UNAVAILABLE,
        Code.INTERNAL,
    }
)
"""What somebody at a page may be told; the catalogue has both sentences of each."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is shown of a refusal."""

    title: str
    remedy: str
    detail: str
    status: int


def told(error: RefusalError, word: Wording, status: Status | None = None) -> Told:
    """Return what a person is told; `status` is where a ticket stands that would not be moved."""
    cause = error.__cause__
    if isinstance(cause, StepRefusedError):
        return _told_of_step(cause, word, error.kind.status, status)
    kind = error.kind
    return Told(
        title=word.say(kind.title),
        remedy=word.say(kind.who_acts),
        detail=str(error),
        status=kind.status,
    )


def _told_of_step(
    error: StepRefusedError, word: Wording, answer_status: int, status: Status | None
) -> Told:
    if error.guard in {"status", "level"} and status is not None:
        reason = word.say("The ticket is: %(state)s.", state=said_state(word, status))
        remedy = word.say("Choose one of the steps that are offered.")
    else:
        reason, remedy = word.say(error.reason), word.say(error.remedy)
    return Told(title=reason, remedy=remedy, detail=str(error), status=answer_status)
