"""Every endpoint of the server, and the right that it needs: data.

    (method, path as the route is written) --> Entry

`Door` says who comes to an endpoint at all: anybody, devices with their keys, or people. For people
`right` is asked over what `of` finds: a name in the path, in the query, or in the body. An endpoint
without an entry is closed to everybody, and a test demands an entry for every route.

Pages and endpoints that are added put their lines here, `ENTRIES` being made of one table a part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from omega_server.people.roles import Right
from omega_server.ticket_life.entries import STEPS


class Door(StrEnum):
    """Who comes to an endpoint. `EITHER` is people, or a device that proves what is its own."""

    ANYBODY = "anybody"
    DEVICE = "device"
    PEOPLE = "people"
    EITHER = "either"


class Of(StrEnum):
    """Where it is said what an endpoint is asked about."""

    NOTHING = "nothing"
    LINE = "subscriber_ref in the path"
    SHEET = "sheet_id in the path"
    TICKET = "ticket_id in the path"
    RECORD = "digest in the path"
    INSTRUCTION = "instruction_id in the path"
    LINE_ASKED = "subscriber in the query"
    LINE_TOLD = "subscriber_ref in the body"
    CASE_TOLD = "sheet_id or ticket_id in the body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one endpoint needs. `right` None is anybody who is logged in.

    `shows_personal`: every reading is written to the audit log. `bare_right`: enough for a package
    of level 4, which has nothing personal.
    """

    door: Door = Door.PEOPLE
    right: Right | None = None
    of: Of = Of.NOTHING
    shows_personal: bool = False
    bare_right: Right | None = None


Endpoint: TypeAlias = tuple[str, str]
_OPEN = Entry(door=Door.ANYBODY)
_DEVICE = Entry(door=Door.DEVICE)
_PEOPLE = Entry(right=Right.PEOPLE)
_TROUBLE = "/tmf-api/troubleTicket/v5/troubleTicket"
_SERVICE_TEST = "/tmf-api/serviceTestManagement/v4/serviceTest"


def _needs(right: Right, of: Of = Of.NOTHING) -> Entry:
    return Entry(right=right, of=of)


_OF_ANYBODY: Mapping[Endpoint, Entry] = {
    ("GET", "/healthz"): _OPEN,
    ("GET", "/openapi.json"): _OPEN,
    ("GET", "/v1/server"): _OPEN,
    ("GET", "/v1/address"): _OPEN,
    ("GET", "/v1/log/checkpoint"): _OPEN,
    ("GET", "/v1/log/proofs/{digest}"): _OPEN,
    ("GET", "/v1/log/consistency/{old_size}/{new_size}"): _OPEN,
    ("POST", "/v1/login"): _OPEN,
    ("POST", "/v1/enter"): _OPEN,
    ("POST", "/v1/reset"): _OPEN,
    ("GET", "/v1/provider"): _OPEN,
    ("GET", "/v1/provider/callback"): _OPEN,
}
_OF_DEVICES: Mapping[Endpoint, Entry] = {
    ("POST", "/v1/agents"): _DEVICE,
    ("POST", "/v1/agents/keys"): _DEVICE,
    ("POST", "/v1/sessions"): _DEVICE,
    ("POST", "/v1/observations"): _DEVICE,
    ("POST", "/v1/standing-grants"): _DEVICE,
    ("POST", "/v1/availability"): _DEVICE,
    ("POST", "/v1/records"): _DEVICE,
    ("POST", "/v1/check-ins"): _DEVICE,
    ("POST", "/v1/instruction-reports"): _DEVICE,
}
_OF_CASES: Mapping[Endpoint, Entry] = {
    ("GET", "/v1/sheets/{sheet_id}"): Entry(
        right=Right.SHEET_READ, of=Of.SHEET, shows_personal=True
    ),
    ("GET", "/v1/records/{digest}"): Entry(door=Door.EITHER, right=Right.RECORD_READ, of=Of.RECORD),
    ("GET", "/v1/lines/{subscriber_ref}"): Entry(
        right=Right.LINE_READ, of=Of.LINE, shows_personal=True
    ),
    ("GET", "/v1/lines/{subscriber_ref}/availability"): _needs(Right.LINE_READ, Of.LINE),
    ("GET", "/v1/lines/{subscriber_ref}/links"): _needs(Right.LINK_MAKE, Of.LINE),
    ("POST", "/v1/lines/{subscriber_ref}/links"): _needs(Right.LINK_MAKE, Of.LINE),
    ("POST", "/v1/links/{link_id}/revocation"): _needs(Right.LINK_MAKE),
    ("GET", "/v1/tickets"): _needs(Right.TICKET_READ, Of.LINE_ASKED),
    # Customers open tickets on pages of their own: here one names the severity and an actor.
    ("POST", "/v1/tickets"): _needs(Right.TICKET_WORK, Of.LINE_TOLD),
    ("GET", "/v1/tickets/{ticket_id}"): Entry(
        right=Right.TICKET_READ, of=Of.TICKET, shows_personal=True
    ),
    ("GET", "/v1/tickets/{ticket_id}/package"): Entry(
        right=Right.PACKAGE_READ,
        of=Of.TICKET,
        shows_personal=True,
        bare_right=Right.PACKAGE_READ_BARE,
    ),
    ("POST", "/v1/tickets/{ticket_id}/diagnosis"): _needs(Right.MEASURE, Of.TICKET),
    **{
        ("POST", f"/v1/tickets/{{ticket_id}}/{step}"): _needs(Right.TICKET_WORK, Of.TICKET)
        for step in STEPS
    },
    ("GET", _TROUBLE): _needs(Right.TICKET_READ),
    ("POST", _TROUBLE): _needs(Right.EXCHANGE),
    ("GET", f"{_TROUBLE}/{{ticket_id}}"): Entry(
        right=Right.TICKET_READ, of=Of.TICKET, shows_personal=True
    ),
    ("PATCH", f"{_TROUBLE}/{{ticket_id}}"): _needs(Right.EXCHANGE, Of.TICKET),
    ("GET", _SERVICE_TEST): _needs(Right.RECORD_READ),
    ("GET", f"{_SERVICE_TEST}/{{digest}}"): _needs(Right.RECORD_READ, Of.RECORD),
}
_OF_NETWORK: Mapping[Endpoint, Entry] = {
    ("POST", "/v1/instructions"): _needs(Right.MEASURE, Of.CASE_TOLD),
    ("GET", "/v1/instructions/{instruction_id}"): _needs(Right.MEASURE, Of.INSTRUCTION),
    ("POST", "/v1/instructions/{instruction_id}/withdrawal"): _needs(
        Right.MEASURE_WITHDRAW, Of.INSTRUCTION
    ),
    ("GET", "/v1/agents"): _needs(Right.AGENTS_READ),
    ("PUT", "/v1/agents/{agent_id}/tags"): _needs(Right.AGENTS_TAG),
    ("PUT", "/v1/agents/{agent_id}/line"): _needs(Right.LINE_PLACE, Of.LINE_TOLD),
    ("GET", "/v1/suppressions"): _needs(Right.SCHEDULES_READ),
    ("POST", "/v1/suppressions"): _needs(Right.SUPPRESS),
    ("POST", "/v1/suppressions/{suppression_id}/lifting"): _needs(Right.SUPPRESS),
    ("GET", "/v1/schedules"): _needs(Right.SCHEDULES_READ),
    ("POST", "/v1/schedules"): _needs(Right.SCHEDULES_CHANGE),
    ("POST", "/v1/schedules/{schedule_id}/ending"): _needs(Right.SCHEDULES_CHANGE),
    ("GET", "/v1/fleet"): _needs(Right.NETWORK_READ),
    ("GET", "/v1/fleet/spread"): _needs(Right.NETWORK_READ),
    ("GET", "/v1/fleet/worse"): _needs(Right.NETWORK_READ),
    ("GET", "/v1/fleet/lines"): _needs(Right.NETWORK_READ),
    ("PUT", "/v1/lines/{subscriber_ref}/sector"): _needs(Right.LINE_PLACE, Of.LINE),
    ("GET", "/metrics"): _needs(Right.METRICS_READ),
}
_OF_PEOPLE: Mapping[Endpoint, Entry] = {
    ("POST", "/v1/logout"): Entry(),
    ("GET", "/v1/me"): Entry(),
    ("PUT", "/v1/me/password"): Entry(),
    ("PUT", "/v1/me/pin"): Entry(),
    ("GET", "/v1/people"): _PEOPLE,
    ("POST", "/v1/people"): _PEOPLE,
    ("PUT", "/v1/people/{name}/role"): _PEOPLE,
    ("POST", "/v1/people/{name}/locking"): _PEOPLE,
    ("POST", "/v1/people/{name}/unlocking"): _PEOPLE,
    ("POST", "/v1/people/{name}/reset"): _PEOPLE,
    ("GET", "/v1/audit"): _needs(Right.AUDIT_READ),
}
_OF_PAGES: Mapping[Endpoint, Entry] = {
    ("GET", "/"): _OPEN,
    ("GET", "/static/{digest}/{name}"): _OPEN,
    ("GET", "/login"): _OPEN,
    ("POST", "/login"): _OPEN,
    ("GET", "/password/{secret}"): _OPEN,
    ("POST", "/password/{secret}"): _OPEN,
    ("POST", "/logout"): Entry(),
    ("GET", "/me"): Entry(),
    ("POST", "/me/pin"): Entry(),
    ("GET", "/helpdesk"): _needs(Right.TICKET_READ, Of.LINE_ASKED),
    ("GET", "/helpdesk/new"): _needs(Right.TICKET_WORK),
    ("POST", "/helpdesk/new"): _needs(Right.TICKET_WORK, Of.LINE_TOLD),
    ("GET", "/helpdesk/{ticket_id}"): Entry(
        right=Right.TICKET_READ, of=Of.TICKET, shows_personal=True
    ),
    ("GET", "/helpdesk/{ticket_id}/progress"): _needs(Right.TICKET_READ, Of.TICKET),
    ("POST", "/helpdesk/{ticket_id}/diagnosis"): _needs(Right.MEASURE, Of.TICKET),
    ("POST", "/helpdesk/{ticket_id}/{step}"): _needs(Right.TICKET_WORK, Of.TICKET),
    ("GET", "/noc"): _needs(Right.NETWORK_READ),
    ("GET", "/noc/lines"): _needs(Right.NETWORK_READ),
    ("GET", "/noc/lines/{subscriber_ref}"): _needs(Right.NETWORK_READ, Of.LINE),
    ("GET", "/records/{digest}"): _needs(Right.RECORD_READ, Of.RECORD),
    ("GET", "/records/{digest}/bundle"): _needs(Right.RECORD_READ, Of.RECORD),
}

ENTRIES: Mapping[Endpoint, Entry] = MappingProxyType(
    {**_OF_ANYBODY, **_OF_DEVICES, **_OF_CASES, **_OF_NETWORK, **_OF_PEOPLE, **_OF_PAGES}
)
