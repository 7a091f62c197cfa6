"""The `omega` command: parse, put together, leave. Nothing is decided here.

Theory of operation. A command is a function that does what it says and returns the exit code. typer
parses, and `at_the_edge` keeps it from being done there: what is to be done is left in a `Run`, and
`main` does it at the one edge where errors become a line and an exit code. Only typer is loaded to
parse and to print help; what a command needs is imported when it runs, so `omega measure --help` is
there at once, also on a CPE.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from omega_agent.cli_campaign import campaign_app
from omega_agent.cli_context import Run, around, at_the_edge, keep_options, place_and_speaker
from omega_agent.cli_keys import key_app
from omega_agent.cli_options import (
    Changed,
    Home,
    Insecure,
    Json,
    Lang,
    ModeName,
    OptionalServer,
    Plot,
    Progress,
    Quick,
    Save,
    UntilDecided,
)
from omega_agent.errors import WrongUseError, in_language
from omega_agent.settings import language, refuse_other_systems
from omega_core.edge import code_of_parser, leave_with
from omega_core.errors import ExitCode, OmegaError

if TYPE_CHECKING:
    from omega_core.verdict import Mode

PROGRAM: Final = "omega"
_WAIT_S_MAX: Final = 7 * 24 * 3_600


app = typer.Typer(
    name=PROGRAM,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
)
outbox_app = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        from omega_probe.environment import software

        typer.echo(software())
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    *,
    lang: Lang = None,
    home: Home = None,
    version: Annotated[  # noqa: ARG001 - its callback has printed it
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print it and end."),
    ] = False,
) -> None:
    """Measure an Internet line, judge it by its plan, keep and post the signed record."""
    keep_options(context, lang, home)


@app.command()
@at_the_edge
def measure(
    context: typer.Context,
    *,
    server: OptionalServer = None,
    as_json: Json = False,
    quick: Annotated[bool, typer.Option("--quick", help="Take less time, and know less.")] = False,
    insecure: Insecure = False,
    save: Save = None,
    plot: Plot = None,
    progress: Progress = "auto",
    lang: Lang = None,
    home: Home = None,
) -> int:
    """Measure the line once; judge nothing, post nothing."""
    from omega_agent import commands_measure

    found = around(context, lang, home, as_json=as_json, progress=progress)
    return commands_measure.measure(
        found, server=server, insecure=insecure, quick=quick, save_to=save, plot_to=plot
    )


@app.command("test")
@at_the_edge
def self_test(
    context: typer.Context,
    *,
    server: OptionalServer = None,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="ID", help="Judge by what this plan promises.")
    ] = None,
    as_json: Json = False,
    insecure: Insecure = False,
    save: Save = None,
    progress: Progress = "auto",
    lang: Lang = None,
    home: Home = None,
) -> int:
    """Test your own line, by a plan if you name one."""
    from omega_agent import commands_measure

    found = around(context, lang, home, as_json=as_json, progress=progress)
    return commands_measure.test(
        found, server=server, insecure=insecure, plan_id=plan, save_to=save
    )


@app.command()
@at_the_edge
def enrol(
    context: typer.Context,
    *,
    server: Annotated[str, typer.Option("--server", metavar="URL", help="The server to join.")],
    token: Annotated[
        str, typer.Option("--token", metavar="T", help="One-time token from the operator.")
    ],
    server_key: Annotated[
        str | None,
        typer.Option("--server-key", metavar="KEY", help="Accept the server with this key only."),
    ] = None,
    serial: Annotated[
        str | None,
        typer.Option("--serial", metavar="SERIAL", help="Serial number that the token is for."),
    ] = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="ID", help="Sheet that the token is for.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Forget an earlier enrolment; make a new key.")
    ] = False,
    insecure: Insecure = False,
    lang: Lang = None,
    home: Home = None,
) -> int:
    """Make a key on this device, register it, pin the server's key."""
    from omega_agent import commands_keep

    return commands_keep.enrol_device(
        around(context, lang, home),
        server=server,
        token=token,
        server_key=server_key,
        insecure=insecure,
        replace=replace,
        serial=serial,
        sheet=sheet,
    )


@app.command()
@at_the_edge
def accept(
    context: typer.Context,
    *,
    sheet: Annotated[
        str, typer.Option("--sheet", metavar="ID", help="Number of the installation sheet.")
    ],
    mode: ModeName = "standard",
    quick: Quick = False,
    until_decided: UntilDecided = False,
    changed: Changed = None,
    as_json: Json = False,
    save: Save = None,
    progress: Progress = "auto",
    lang: Lang = None,
    home: Home = None,
) -> int:
    """Accept an installation: measure, judge, seal, post to the sheet."""
    from omega_agent import commands_measure

    found = around(context, lang, home, as_json=as_json, progress=progress)
    return commands_measure.accept(
        found,
        sheet_id=sheet,
        mode=_mode(mode, quick=quick),
        until_decided=until_decided,
        changed=changed,
        save_to=save,
    )


@app.command()
@at_the_edge
def diagnose(
    context: typer.Context,
    *,
    ticket: Annotated[str, typer.Option("--ticket", metavar="ID", help="Number of the ticket.")],
    mode: ModeName = "quick",
    as_json: Json = False,
    save: Save = None,
    progress: Progress = "auto",
    lang: Lang = None,
    home: Home = None,
) -> int:
    """Measure for a ticket and post the record to its diagnostics."""
    from omega_agent import commands_measure

    found = around(context, lang, home, as_json=as_json, progress=progress)
    chosen = _mode(mode, quick=False)
    return commands_measure.diagnose(found, ticket_id=ticket, mode=chosen, save_to=save)


@app.command()
@at_the_edge
def run(
    context: typer.Context, *, as_json: Json = False, lang: Lang = None, home: Home = None
) -> int:
    """Wait for the server's instructions and carry them out, until stopped."""
    from omega_agent import commands_run

    where, speaker = place_and_speaker(context, lang, home)
    return commands_run.run(where, speaker, as_json=as_json)


@outbox_app.callback()
def outbox(
    context: typer.Context, *, as_json: Json = False, lang: Lang = None, home: Home = None
) -> None:
    """List or send the records that wait to be posted."""
    if context.invoked_subcommand is None:
        outbox_list(context=context, as_json=as_json, lang=lang, home=home)
    else:
        keep_options(context, lang, home)


@outbox_app.command("list")
@at_the_edge
def outbox_list(
    context: typer.Context, *, as_json: Json = False, lang: Lang = None, home: Home = None
) -> int:
    """List what waits, and what the server refused."""
    from omega_agent import commands_keep

    return commands_keep.list_outbox(around(context, lang, home, as_json=as_json))


@outbox_app.command("send")
@at_the_edge
def outbox_send(
    context: typer.Context,
    *,
    wait: Annotated[
        int,
        typer.Option(
            "--wait",
            metavar="SECONDS",
            min=0,
            max=_WAIT_S_MAX,
            help="Try again for so long, with growing pauses.",
        ),
    ] = 0,
    as_json: Json = False,
    lang: Lang = None,
    home: Home = None,
) -> int:
    """Post what waits, and say what is left."""
    from omega_agent import commands_keep

    return commands_keep.send_outbox(around(context, lang, home, as_json=as_json), wait_s=wait)


app.add_typer(campaign_app, name="campaign")
app.add_typer(outbox_app, name="outbox")
app.add_typer(key_app, name="key")


@app.command()
@at_the_edge
def verify(
    context: typer.Context,
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A bundle, a sealed record, or a folder of them.")
    ],
    trust: Annotated[
        Path | None,
        typer.Option(
            "--trust",
            metavar="KEYFILE",
            help="Public keys to trust, one a line; witnesses of logs too.",
        ),
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
    home: Home = None,
) -> int:
    """Check a record without a network, and judge it again."""
    from omega_agent import commands_verify

    return commands_verify.verify_path(
        around(context, lang, home, as_json=as_json), path=file, trust=trust
    )


def main() -> NoReturn:
    """Run the program. This is the only place that ends the process."""
    leave_with(PROGRAM, _parse_and_do)


def _parse_and_do() -> int:
    refuse_other_systems(sys.platform)
    run = Run()
    try:
        app(obj=run, prog_name=PROGRAM)
    except SystemExit as leaving:
        code = code_of_parser(leaving)
        if code or run.do is None:
            return code
    return _in_its_language(run)


def _in_its_language(run: Run) -> int:
    if run.do is None:
        return ExitCode.ACCEPTED
    try:
        return run.do()
    except OmegaError as error:
        raise in_language(error, language(run.lang, os.environ)) from error


def _mode(name: str, *, quick: bool) -> Mode:
    from omega_core.verdict import Mode

    chosen = "quick" if quick else name
    if chosen not in {Mode.QUICK, Mode.STANDARD}:
        raise WrongUseError("mode", known="quick, standard")
    return Mode(chosen)


if __name__ == "__main__":
    main()
