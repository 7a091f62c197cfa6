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

Kind: TypeAlias = Literal["text", "long", "choice", "moment", "yes", "number", "names"]


def _(text: str) -> str:
    """Mark a text for the catalogue; it is looked up where it is shown."""
    return text


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
    ("phone", _("by telephone")),
    ("mail", _("by mail")),
    ("message", _("by text message")),
    ("letter", _("by letter")),
    ("in_person", _("in person")),
    ("web", _("on the web")),
)
_CHANNEL: Final = StepField("channel", _("How"), "choice", choices=CHANNELS)
_REASON: Final = StepField("reason", _("Why"), "long")
_LEVELS: Final = tuple((str(each), str(each)) for each in (1, 2, 3, 4))

STEP_FORMS: Final[Mapping[str, StepForm]] = MappingProxyType(
    {
        "owned": StepForm(_("Take or hand over"), (StepField("owner", _("Who answers for it")),)),
        "started": StepForm(_("Begin to look for the fault"), ()),
        "eta": StepForm(
            _("Promise a time"),
            (
                StepField("eta_unix_us", _("Mended by"), "moment"),
                _REASON,
                StepField(
                    "told_by", _("The customer was told"), "choice", required=False, choices=CHANNELS
                ),
            ),
        ),
        "eta_told": StepForm(_("The customer was told the time"), (_CHANNEL,)),
        "contacted": StepForm(
            _("Note a contact"),
            (
                _CHANNEL,
                StepField("reached", _("The customer was reached"), "yes"),
                StepField("text", _("What was said"), "long"),
            ),
        ),
        "note": StepForm(
            _("Write a note"),
            (
                StepField(
                    "about",
                    _("About"),
                    "choice",
                    choices=(
                        ("work", _("work")),
                        ("test", _("a test")),
                        ("dialogue", _("a conversation")),
                        ("measure", _("a measure taken")),
                        ("notice", _("a notice")),
                    ),
                ),
                StepField("text", _("Text"), "long"),
                StepField(
                    "changes_line",
                    _("The line was changed by it"),
                    "yes",
                    hint=_("What was measured before is history then."),
                ),
            ),
        ),
        "criticality": StepForm(
            _("Say how grave it is"),
            (
                StepField(
                    "criticality",
                    _("For the customer it is"),
                    "choice",
                    choices=(
                        ("blocking", _("blocking: nothing works")),
                        ("degraded", _("degraded: it works badly")),
                        ("minor", _("minor")),
                    ),
                ),
                _REASON,
            ),
        ),
        "zone": StepForm(
            _("Say where the fault is"),
            (
                StepField(
                    "zone",
                    _("Zone"),
                    "choice",
                    choices=(
                        ("Z0", _("the customer's network or Wi-Fi")),
                        ("Z1", _("the customer's box")),
                        ("Z2", _("the access line")),
                        ("Z3", _("the operator's network")),
                        ("Z4", _("beyond the operator")),
                        ("none", _("nothing is wrong")),
                        ("unknown", _("not known")),
                    ),
                ),
                StepField("reason", _("Why"), "long", required=False),
            ),
        ),
        "waiting": StepForm(
            _("Wait for somebody"),
            (
                StepField(
                    "status",
                    _("It waits for"),
                    "choice",
                    choices=(("pending", _("the customer")), ("held", _("somebody else"))),
                ),
                StepField("party", _("Who")),
                _REASON,
            ),
        ),
        "resumed": StepForm(_("Go on"), (StepField("event", _("What has come"), "long"),)),
        "dispatched": StepForm(
            _("Send a technician"),
            (
                StepField("to", _("Who goes")),
                _REASON,
                StepField(
                    "no_remote_reason",
                    _("Why nothing was measured before"),
                    "long",
                    required=False,
                    hint=_("Needed where no diagnosis was made from here."),
                ),
                StepField("spares", _("Parts to carry"), "names", required=False),
            ),
        ),
        "arrived": StepForm(_("They are there"), (StepField("place", _("Where")),)),
        "escalated": StepForm(
            _("Ask a higher level"),
            (
                StepField("level", _("Level"), "number", choices=_LEVELS),
                _REASON,
                StepField("question", _("What they are asked"), "long", required=False),
            ),
        ),
        "returned": StepForm(
            _("Give it back"),
            (StepField("level", _("Level"), "number", choices=_LEVELS), _REASON),
        ),
        "linked": StepForm(
            _("Name a ticket that belongs to it"),
            (
                StepField("ticket_id", _("Ticket")),
                StepField(
                    "relation",
                    _("How they belong together"),
                    "choice",
                    choices=(
                        ("same_fault", _("the same fault")),
                        ("same_sector", _("the same sector")),
                        ("successor", _("it follows this one")),
                        ("related", _("otherwise")),
                    ),
                ),
            ),
        ),
        "resolved": StepForm(
            _("It is mended"),
            (
                StepField("remedy", _("What was done"), "long"),
                StepField("done_unix_us", _("When, if not just now"), "moment", required=False),
            ),
        ),
        "fault_returned": StepForm(_("The fault is back"), (_REASON,)),
        "consent": StepForm(
            _("What the customer says of closing"),
            (
                StepField("person", _("Who said it")),
                _CHANNEL,
                StepField("agrees", _("They agree"), "yes"),
                StepField("said_unix_us", _("When"), "moment"),
                StepField("text", _("In their words"), "long", required=False),
            ),
        ),
        "waiver": StepForm(
            _("Answer for closing without a measurement"),
            (_REASON,),
            is_grave=True,
        ),
        "closed": StepForm(
            _("Close"), (StepField("text", _("A last word"), "long", required=False),), is_grave=True
        ),
        "cancelled": StepForm(
            _("The customer withdraws it"),
            (_REASON, StepField("person", _("Who said so")), _CHANNEL),
            is_grave=True,
        ),
        "rejected": StepForm(
            _("It is not ours"),
            (_REASON, StepField("turn_to", _("Where the customer can turn to"), "long")),
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
