"""`omega-server instruction`, `suppression`, `ticket diagnose`: telling agents what to do.

The commands write rows, beside a server that runs or not: whichever process an agent waits at finds
them within a moment, and an agent that is away finds them when it is back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, TypeAlias

import typer
from pydantic import TypeAdapter, ValidationError

from omega_core.clock import SystemClock
from omega_core.errors import ExitCode, UsageError
from omega_core.limits import CALM_S_MAX, INSTRUCTION_LIFE_S, INSTRUCTION_LIFE_S_MAX
from omega_core.models import content_of
from omega_core.record import ChangeText
from omega_core.verdict import EXIT_CODE_OF_VERDICT, Verdict
from omega_server.cli.cases import tickets
from omega_server.cli.common import (
    AsJson,
    Data,
    DatabaseUrl,
    Plans,
    known_plans,
    moment,
    name,
    now_unix_us,
    show,
    store_of,
)
from omega_server.instructing import suppressing
from omega_server.instructing.desk import InstructionDesk
from omega_server.instructing.wishes import (
    InstructionView,
    InstructionWish,
    SuppressionView,
    SuppressionWish,
)
from omega_server.references import read_references
from omega_server.store.port import Store

instructions = typer.Typer(help="What agents were told to do.", no_args_is_help=True)
suppressions = typer.Typer(help="Times in which agents must not measure.", no_args_is_help=True)

_LOOK_S = 0.25
_OPERATOR = "operator"
_By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who wants it; kept in the log.")]
_Reason: TypeAlias = Annotated[str, typer.Option(help="Why; kept in the log.")]
_ModeName: TypeAlias = Annotated[
    str, typer.Option("--mode", metavar="quick|standard", help="How closely to look.")
]
_Wait: TypeAlias = Annotated[
    int,
    typer.Option(
        min=0, max=INSTRUCTION_LIFE_S_MAX, metavar="SECONDS", help="Wait so long for its end."
    ),
]


@tickets.command("diagnose")
def diagnose_ticket(
    ticket_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    agent: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The agent; by default the subscriber's own device."),
    ] = None,
    mode: _ModeName = "quick",
    life_s: Annotated[
        int,
        typer.Option(
            "--life", min=1, max=INSTRUCTION_LIFE_S_MAX, help="Seconds in which it may begin."
        ),
    ] = INSTRUCTION_LIFE_S,
    calm_s: Annotated[
        int, typer.Option("--calm", min=0, max=CALM_S_MAX, help="Seconds to wait for a busy line.")
    ] = 15,
    wait: _Wait = 300,
    by: _By = _OPERATOR,
    plans: Plans = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Let the agent on a ticket's line measure now, and wait for what comes of it."""
    if mode not in {"quick", "standard"}:
        raise UsageError("--mode is one of: quick, standard")
    wish = InstructionWish(
        by=name(by),
        ticket_id=name(ticket_id),
        agent_id=None if agent is None else name(agent),
        mode="quick" if mode == "quick" else "standard",
        life_s=life_s,
        calm_s=calm_s,
    )
    with store_of(data, database) as store:
        desk = InstructionDesk(
            store=store,
            catalogue=known_plans(plans, data),
            clock=SystemClock(),
            references=() if data is None else read_references(data),
        )
        view = desk.issue(wish)
        for told in _watched(desk, view, wait):
            view = told
            if not as_json:
                typer.echo(_state_line(view), err=True)
        verdict = _verdict_of(store, view)
    content = {**content_of(view), "verdict": verdict}
    show(content, lambda: _end_lines(view, verdict), as_json=as_json)
    raise typer.Exit(_exit_code(view, verdict))


@instructions.command("show")
def show_instruction(
    instruction_id: str,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show an instruction: what became of it, step by step."""
    with store_of(data, database) as store:
        view = _desk(store).view(name(instruction_id))
    show(content_of(view), lambda: _lines(view), as_json=as_json)


@instructions.command("list")
def list_instructions(
    agent: Annotated[str | None, typer.Option(metavar="ID", help="Of this agent.")] = None,
    ticket: Annotated[str | None, typer.Option(metavar="ID", help="Of this ticket.")] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the instructions of an agent or a ticket, first issued first."""
    if agent is None and ticket is None:
        raise UsageError("say whose: --agent ID or --ticket ID")
    with store_of(data, database) as store:
        desk = _desk(store)
        rows = store.instructions.instructions_of(
            agent_id=None if agent is None else name(agent),
            ticket_id=None if ticket is None else name(ticket),
        )
        views = [desk.view(row.instruction_id) for row in rows]
    show([content_of(view) for view in views], lambda: map(_state_line, views), as_json=as_json)


@instructions.command("withdraw")
def withdraw_instruction(
    instruction_id: str,
    reason: _Reason,
    by: _By = _OPERATOR,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Withdraw an instruction; what it has begun is stopped."""
    with store_of(data, database) as store:
        view = _desk(store).withdraw(name(instruction_id), by=name(by), reason=_sentence(reason))
    show(content_of(view), lambda: _lines(view), as_json=as_json)


@suppressions.command("begin")
def begin_suppression(
    reason: _Reason,
    tag: Annotated[
        str | None, typer.Option(metavar="TAG", help="Agents of this tag; else all.")
    ] = None,
    duration_s: Annotated[
        int | None,
        typer.Option(
            "--duration",
            min=1,
            max=INSTRUCTION_LIFE_S_MAX,
            help="Seconds; else until it is lifted.",
        ),
    ] = None,
    *,
    by: _By = _OPERATOR,
    data: Data = None,
    database: DatabaseUrl = None,
    stop_running: Annotated[
        bool, typer.Option("--stop-running", help="Stop measurements that run, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let agents measure nothing from now on."""
    wish = SuppressionWish(
        by=name(by),
        reason=_sentence(reason),
        tag=None if tag is None else name(tag),
        duration_s=duration_s,
        stop_running=stop_running,
    )
    with store_of(data, database) as store:
        view = suppressing.suppress(store, wish, now_unix_us())
    show(content_of(view), lambda: [_suppression_line(view)], as_json=as_json)


@suppressions.command("lift")
def lift_suppression(
    suppression_id: str,
    by: _By = _OPERATOR,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """End a suppression."""
    with store_of(data, database) as store:
        view = suppressing.lift(store, name(suppression_id), name(by), now_unix_us())
    show(content_of(view), lambda: [_suppression_line(view)], as_json=as_json)


@suppressions.command("list")
def list_suppressions(
    data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False
) -> None:
    """List every suppression, oldest first."""
    with store_of(data, database) as store:
        view = suppressing.every(store, now_unix_us())
    lines = [_suppression_line(each) for each in view.suppressions]
    show(content_of(view), lambda: lines, as_json=as_json)


def _desk(store: Store) -> InstructionDesk:
    return InstructionDesk(store=store, catalogue=known_plans(None, None), clock=SystemClock())


def _watched(
    desk: InstructionDesk, view: InstructionView, wait_s: int
) -> Iterator[InstructionView]:
    """Yield the instruction each time something has happened to it, until its end."""
    clock = SystemClock()
    deadline_us = clock.monotonic_ns() // 1_000 + wait_s * 1_000_000
    yield view
    seen = view
    while not seen.has_ended and clock.monotonic_ns() // 1_000 < deadline_us:
        time.sleep(_LOOK_S)
        now = desk.view(view.instruction_id)
        if now.state != seen.state or len(now.events) > len(seen.events):
            seen = now
            yield seen


def _verdict_of(store: Store, view: InstructionView) -> str | None:
    row = store.sessions.record(view.record_digest) if view.record_digest else None
    return row.verdict if row else None


def _exit_code(view: InstructionView, verdict: str | None) -> int:
    if verdict is not None:
        return EXIT_CODE_OF_VERDICT[Verdict(verdict)]
    return ExitCode.ACCEPTED if view.state == "done" else ExitCode.UNAVAILABLE


def _end_lines(view: InstructionView, verdict: str | None) -> list[str]:
    if view.record_digest is None:
        away = "" if view.is_connected else "; the agent is not connected"
        return [f"no record: {_why(view)}{away}"]
    return [f"{verdict or 'measured'}  record {view.record_digest}"]


def _lines(view: InstructionView) -> list[str]:
    head = f"{view.instruction_id}  {view.agent_id}  {view.ticket_id or view.sheet_id or '-'}"
    return [head, *(f"  {moment(each.at_unix_us)}  {_told(each)}" for each in view.events)]


def _told(event: object) -> str:
    state, code = getattr(event, "state", ""), getattr(event, "code", None)
    detail, by = getattr(event, "detail", None), getattr(event, "by", None)
    why = ": ".join(each for each in (code, detail) if each)
    return "  ".join(each for each in (state, f"by {by}" if by else "", why) if each)


def _why(view: InstructionView) -> str:
    last = view.events[-1]
    return view.state if last.detail is None else f"{view.state}: {last.detail}"


def _state_line(view: InstructionView) -> str:
    return f"{view.instruction_id}  {view.agent_id}  {_why(view)}"


def _suppression_line(view: SuppressionView) -> str:
    until = (
        "until it is lifted"
        if view.until_unix_us is None
        else f"until {moment(view.until_unix_us)}"
    )
    state = "in force" if view.is_in_force else "over"
    return f"{view.suppression_id}  {view.tag or 'all'}  {state}, {until}  {view.reason}"


def _sentence(text: str) -> str:
    """Return a reason that may stand in a log; raises UsageError."""
    try:
        return TypeAdapter(ChangeText).validate_python(text.strip())
    except ValidationError:
        raise UsageError("--reason: one line of 1 to 200 characters") from None
