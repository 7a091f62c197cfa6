"""The steps of a ticket as forms: which fields each has, and how what was typed becomes an entry.

Data, and two functions. The labels are looked up in the catalogue where they are shown; the names
are those of `omega_server.ticket_life.entries`, which checks them. A test holds every step that
people take against this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from omega_core.units import US_PER_S
from omega_server.pages.wording import later

Kind: TypeAlias = Literal["text", "long", "choice", "moment", "yes", "number", "names"]


@dataclass(frozen=True, slots=True)
class StepField:
    """One field of a step's form."""

    name: str
    label: str
    kind: Kind = "text"
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StepForm:
    """One step: what the button says, what it needs, and whether it is hard to take back."""

    label: str
    fields: tuple[StepField, ...]
    is_grave: bool = False


CHANNELS: Final = (
    ("phone", later("by telephone")),
    ("mail", later("by mail")),
    ("message", later("by text message")),
    ("letter", later("by letter")),
    ("in_person", later("in person")),
    ("web", later("on the web")),
)
_CHANNEL: Final = StepField("channel", later("How"), "choice", choices=CHANNELS)
_REASON: Final = StepField("reason", later("Why"), "long")
_LEVELS: Final = tuple((str(each), str(each)) for each in (1, 2, 3, 4))

STEP_FORMS: Final[Mapping[str, StepForm]] = MappingProxyType(
    {
        "owned": StepForm(
            later("Take or hand over"), (StepField("owner", later("Who answers for it")),)
        ),
        "started": StepForm(later("Begin to look for the fault"), ()),
        "eta": StepForm(
            later("Promise a time"),
            (
                StepField("eta_unix_us", later("Mended by"), "moment"),
                _REASON,
                StepField(
                    "told_by",
                    later("The customer was told"),
                    "choice",
                    required=False,
                    choices=CHANNELS,
                ),
            ),
        ),
        "eta_told": StepForm(later("The customer was told the time"), (_CHANNEL,)),
        "contacted": StepForm(
            later("Note a contact"),
            (
                _CHANNEL,
                StepField("reached", later("The customer was reached"), "yes"),
                StepField("text", later("What was said"), "long"),
            ),
        ),
        "note": StepForm(
            later("Write a note"),
            (
                StepField(
                    "about",
                    later("About"),
                    "choice",
                    choices=(
                        ("work", later("work")),
                        ("test", later("a test")),
                        ("dialogue", later("a conversation")),
                        ("measure", later("a measure taken")),
                        ("notice", later("a notice")),
                    ),
                ),
                StepField("text", later("Text"), "long"),
                StepField(
                    "changes_line",
                    later("The line was changed by it"),
                    "yes",
                    hint=later("What was measured before is history then."),
                ),
            ),
        ),
        "criticality": StepForm(
            later("Say how grave it is"),
            (
                StepField(
                    "criticality",
                    later("For the customer it is"),
                    "choice",
                    choices=(
                        ("blocking", later("blocking: nothing works")),
                        ("degraded", later("degraded: it works badly")),
                        ("minor", later("minor")),
                    ),
                ),
                _REASON,
            ),
        ),
        "zone": StepForm(
            later("Say where the fault is"),
            (
                StepField(
                    "zone",
                    later("Zone"),
                    "choice",
                    choices=(
                        ("Z0", later("the customer's network or Wi-Fi")),
                        ("Z1", later("the customer's box")),
                        ("Z2", later("the access line")),
                        ("Z3", later("the operator's network")),
                        ("Z4", later("beyond the operator")),
                        ("none", later("nothing is wrong")),
                        ("unknown", later("not known")),
                    ),
                ),
                StepField("reason", later("Why"), "long", required=False),
            ),
        ),
        "waiting": StepForm(
            later("Wait for somebody"),
            (
                StepField(
                    "status",
                    later("It waits for"),
                    "choice",
                    choices=(("pending", later("the customer")), ("held", later("somebody else"))),
                ),
                StepField("party", later("Who")),
                _REASON,
            ),
        ),
        "resumed": StepForm(later("Go on"), (StepField("event", later("What has come"), "long"),)),
        "dispatched": StepForm(
            later("Send a technician"),
            (
                StepField("to", later("Who goes")),
                _REASON,
                StepField(
                    "no_remote_reason",
                    later("Why nothing was measured before"),
                    "long",
                    required=False,
                    hint=later("Needed where no diagnosis was made from here."),
                ),
                StepField("spares", later("Parts to carry"), "names", required=False),
            ),
        ),
        "arrived": StepForm(later("They are there"), (StepField("place", later("Where")),)),
        "escalated": StepForm(
            later("Ask a higher level"),
            (
                StepField("level", later("Level"), "number", choices=_LEVELS),
                _REASON,
                StepField("question", later("What they are asked"), "long", required=False),
            ),
        ),
        "returned": StepForm(
            later("Give it back"),
            (StepField("level", later("Level"), "number", choices=_LEVELS), _REASON),
        ),
        "linked": StepForm(
            later("Name a ticket that belongs to it"),
            (
                StepField("ticket_id", later("Ticket")),
                StepField(
                    "relation",
                    later("How they belong together"),
                    "choice",
                    choices=(
                        ("same_fault", later("the same fault")),
                        ("same_sector", later("the same sector")),
                        ("successor", later("it follows this one")),
                        ("related", later("otherwise")),
                    ),
                ),
            ),
        ),
        "resolved": StepForm(
            later("It is mended"),
            (
                StepField("remedy", later("What was done"), "long"),
                StepField("done_unix_us", later("When, if not just now"), "moment", required=False),
            ),
        ),
        "fault_returned": StepForm(later("The fault is back"), (_REASON,)),
        "consent": StepForm(
            later("What the customer says of closing"),
            (
                StepField("person", later("Who said it")),
                _CHANNEL,
                StepField("agrees", later("They agree"), "yes"),
                StepField("said_unix_us", later("When"), "moment"),
                StepField("text", later("In their words"), "long", required=False),
            ),
        ),
        "waiver": StepForm(
            later("Answer for closing without a measurement"),
            (_REASON,),
            is_grave=True,
        ),
        "closed": StepForm(
            later("Close"),
            (StepField("text", later("A last word"), "long", required=False),),
            is_grave=True,
        ),
        "cancelled": StepForm(
            later("The customer withdraws it"),
            (_REASON, StepField("person", later("Who said so")), _CHANNEL),
            is_grave=True,
        ),
        "rejected": StepForm(
            later("It is not ours"),
            (_REASON, StepField("turn_to", later("Where the customer can turn to"), "long")),
            is_grave=True,
        ),
    }
)


def entry_of(form: StepForm, fields: Mapping[str, str], zone: tzinfo) -> dict[str, Any]:
    """Return the entry that a filled-in form means, to be checked by its model.

    What can't be read as what it should be is passed on as it was typed: the model names it.
    """
    entry: dict[str, Any] = {}
    for field in form.fields:
        typed = fields.get(field.name)
        if field.kind == "yes":
            entry[field.name] = typed is not None
        elif typed is not None:
            entry[field.name] = _value(field.kind, typed, zone)
    return entry


def _value(kind: Kind, typed: str, zone: tzinfo) -> object:
    if kind == "moment":
        return _unix_us(typed, zone)
    if kind == "number":
        return int(typed) if typed.isascii() and typed.isdigit() else typed
    if kind == "names":
        return [part.strip() for part in typed.split(",") if part.strip()]
    return typed


def _unix_us(typed: str, zone: tzinfo) -> int | str:
    """Return the time that `<input type=datetime-local>` says, on clocks of this zone."""
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        return typed
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    return round(at.timestamp() * US_PER_S)
