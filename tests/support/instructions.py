"""Instructions, check-ins and reports for tests: what a clerk wants, what a daemon says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from omega_core.envelope import PayloadType, keys_by_id, open_sealed, parse_envelope
from omega_core.instruction import (
    MEASURE,
    Capabilities,
    CheckIn,
    CheckInAnswer,
    Instruction,
    InstructionReport,
)
from omega_core.models import parse_model
from omega_core.units import US_PER_S
from omega_core.verdict import Mode
from omega_server import tickets
from omega_server.instructing.wishes import InstructionView, InstructionWish
from omega_server.store.instruction_port import InstructionEventRow, InstructionRow, PresenceRow
from support.builders import sealed
from support.server_rig import Device, Rig
from support.store_rows import NOW

INSTANCE = "A" * 22
OTHER_INSTANCE = "B" * 22
NONCE = "n" * 22
CLERK = "clerk-7"


def instruction(number: int = 1, **changes: Any) -> Instruction:  # noqa: ANN401 - fields of the model
    """Return a diagnosis of a ticket, good for a quarter of an hour."""
    fields: dict[str, Any] = {
        "instruction_id": f"i-{number:03d}",
        "agent_id": "MA-000001",
        "kind": MEASURE,
        "purpose": "ticket",
        "mode": Mode.QUICK,
        "ticket_id": "TT-2026-000001",
        "bytes_down": 1_000_000,
        "bytes_up": 500_000,
        "calm_s": 15,
        "issued_unix_us": NOW,
        "not_before_unix_us": NOW - US_PER_S,
        "not_after_unix_us": NOW + 900 * US_PER_S,
    }
    return Instruction(**{**fields, **changes})


def instruction_row(number: int = 1, **changes: Any) -> InstructionRow:  # noqa: ANN401 - fields of the row
    row = InstructionRow(
        instruction_id=f"i-{number:03d}",
        agent_id="MA-000001",
        kind=MEASURE,
        sheet_id=None,
        ticket_id="TT-2026-000001",
        issued_by=CLERK,
        alike=f"wish {number}",
        payload=b"\x00\xff payload",
        issued_unix_us=NOW,
        not_after_unix_us=NOW + 900 * US_PER_S,
    )
    return replace(row, **changes)


def report_row(number: int = 1, **changes: Any) -> InstructionEventRow:  # noqa: ANN401 - fields of the row
    row = InstructionEventRow(
        instruction_id=f"i-{number:03d}",
        agent_id="MA-000001",
        state="accepted",
        at_unix_us=NOW + US_PER_S,
        instance=INSTANCE,
        report_no=1,
    )
    return replace(row, **changes)


def presence_row(number: int = 1, **changes: Any) -> PresenceRow:  # noqa: ANN401 - fields of the row
    row = PresenceRow(
        agent_id=f"MA-{number:06d}",
        instance=INSTANCE,
        starts=1,
        software="omega 0.1.0",
        kinds=(MEASURE,),
        raw_sockets=False,
        address="192.0.2.17",
        seen_unix_us=NOW,
        connected_until_unix_us=NOW + 60 * US_PER_S,
    )
    return replace(row, **changes)


def check_in(rig: Rig, device: Device, **changes: Any) -> CheckIn:  # noqa: ANN401 - fields of the model
    """Return what the daemon of a device says now."""
    fields: dict[str, Any] = {
        "agent_id": device.agent_id,
        "instance": INSTANCE,
        "starts": 1,
        "software": "omega 0.1.0",
        "proof": rig.proof(),
        "nonce": NONCE,
        "wait_s": 0,
        "capabilities": Capabilities(kinds=(MEASURE,), raw_sockets=False),
    }
    return CheckIn(**{**fields, **changes})


def sealed_check_in(rig: Rig, device: Device, **changes: Any) -> bytes:  # noqa: ANN401 - fields of the model
    return sealed(check_in(rig, device, **changes), PayloadType.CHECK_IN, device.key)


def report(view: InstructionView, **changes: Any) -> InstructionReport:  # noqa: ANN401 - fields of the model
    """Return a daemon's report: that it takes the instruction, unless changed."""
    fields: dict[str, Any] = {
        "instruction_id": view.instruction_id,
        "agent_id": view.agent_id,
        "instance": INSTANCE,
        "report_no": 1,
        "state": "accepted",
    }
    return InstructionReport(**{**fields, **changes})


def sealed_report(device: Device, said: InstructionReport) -> bytes:
    return sealed(said, PayloadType.INSTRUCTION_REPORT, device.key)


def opened(rig: Rig, envelope: bytes) -> CheckInAnswer:
    """Return an answer that the server has signed."""
    keys = keys_by_id([rig.services.key.public])
    payload = open_sealed(parse_envelope(envelope), PayloadType.CHECK_IN_ANSWER, keys)
    return parse_model(CheckInAnswer, payload)


def instructions_in(rig: Rig, answer: CheckInAnswer) -> list[Instruction]:
    """Return the instructions in an answer, each signed by the server."""
    keys = keys_by_id([rig.services.key.public])
    return [
        parse_model(
            Instruction,
            open_sealed(parse_envelope(each.encode()), PayloadType.INSTRUCTION, keys),
        )
        for each in answer.instructions
    ]


def wish(**changes: Any) -> InstructionWish:  # noqa: ANN401 - fields of the model
    return InstructionWish(**{"by": CLERK, **changes})


def diagnosed_ticket(rig: Rig) -> tuple[str, Device]:
    """Return a ticket, and the device that stays with its subscriber."""
    sheet_id = rig.sheet()
    device = rig.enrolled(for_sheet=sheet_id)
    subscriber_ref = rig.store.cases.sheet(sheet_id).subscriber_ref
    subscriber = rig.store.cases.subscriber(subscriber_ref)

    row = tickets.open_ticket(rig.store, subscriber, "it is slow", rig.clock.unix_us())
    return row.ticket_id, device
