"""`omega measure`, `test`, `accept`, `diagnose`: what each does, once its options are parsed.

Each returns the exit code. An error that is expected is raised and becomes one line at the edge;
what was measured has been printed by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from omega_acceptance.enough import Saved, saved
from omega_agent.device import Device, any_device, enrolled_device
from omega_agent.errors import NotKeptError, WrongUseError, in_language
from omega_agent.home import Home
from omega_agent.measuring import Held
from omega_agent.references import References, load_references
from omega_agent.report import (
    RunReport,
    exit_code,
    exit_code_of_measurement,
    run_report,
)
from omega_agent.rules_named import rules_named
from omega_agent.sealing import faults_of, measurement, observed, seal_record
from omega_agent.session_request import Wanted, change_text, named
from omega_agent.sessions import (
    Asked,
    Delivery,
    Kept,
    Workplace,
    ask_for,
    carry_out,
    complete_bundle,
    deliver,
    deliver_earlier,
    measurer_of,
    seal_and_keep,
)
from omega_agent.surroundings import Surroundings, check_can_save, save
from omega_core.errors import ExitCode
from omega_core.evidence import Ended
from omega_core.record import Measurement
from omega_core.verdict import Mode, ProfileRef

if TYPE_CHECKING:
    from omega_acceptance.zone.edge import ZoneReport
    from omega_agent.path_look import PathLook

_CUT_SHORT = {Ended.LINK_LOST, Ended.TEST_POINT_LOST, Ended.REFUSED}


def measure(
    around: Surroundings,
    *,
    server: str | None,
    insecure: bool,
    quick: bool,
    save_to: Path | None,
    plot_to: Path | None,
) -> int:
    """Measure once; judge nothing, post nothing."""
    check_can_save(save_to)
    check_can_save(plot_to, option="--plot")
    device = any_device(around.home, server, insecure=insecure, clock=around.clock)
    wanted = Wanted(purpose="selftest", mode=Mode.QUICK if quick else Mode.MEASURE)
    with around.working() as place, _alone(around.home, device):
        asked = ask_for(wanted, device, place)
        with around.interrupts.gently() as stop:
            held = carry_out(asked, device, place, judged=False, stop=stop)
    faults = faults_of(held.result, observed(held.result, held.granted))
    found = measurement(held, measurer_of(device, place), faults)
    if around.as_json:
        around.print_json(found)
        _tell_what_failed(around, held)
    else:
        around.print_lines(
            [*measured_lines(around, found, held), *around.picture(held.result.evidence)]
        )
    if plot_to is not None:
        around.plot(plot_to, held.result.evidence, found.session)
    if save_to is not None:
        sealed = seal_record(
            held, measurer_of(device, place), chain=asked.chain, statement=device.statement
        )
        save(save_to, sealed.bundle)
    if around.interrupts.stop.is_set():
        return ExitCode.INTERRUPTED
    if held.granted is None:
        return ExitCode.UNAVAILABLE
    _send_earlier(around, device, place)
    return ExitCode.UNAVAILABLE if _cut_short(held) else exit_code_of_measurement(found)


def test(
    around: Surroundings,
    *,
    server: str | None,
    insecure: bool,
    plan_id: str | None,
    save_to: Path | None,
) -> int:
    """Test oneself, against a plan if one is named; the record is posted and is nobody's."""
    check_can_save(save_to)
    device = any_device(around.home, server, insecure=insecure, clock=around.clock)
    wanted = Wanted(purpose="selftest", mode=Mode.QUICK, plan_id=plan_id and named(plan_id))
    return _judged(around, wanted, device, save_to)


def accept(
    around: Surroundings,
    *,
    sheet_id: str,
    mode: Mode,
    until_decided: bool,
    changed: str | None,
    save_to: Path | None,
) -> int:
    """Measure for an installation sheet, and post the record to it.

    `changed` is what was changed on the line since the last attempt, None where nothing was.
    """
    if until_decided and mode is not Mode.STANDARD:
        raise WrongUseError("until_decided", mode=mode)
    check_can_save(save_to)
    device = enrolled_device(around.home)
    wanted = Wanted(
        purpose="install",
        mode=mode,
        sheet_id=named(sheet_id),
        changed=None if changed is None else change_text(changed),
    )
    return _judged(around, wanted, device, save_to, until_decided=until_decided)


def diagnose(around: Surroundings, *, ticket_id: str, mode: Mode, save_to: Path | None) -> int:
    """Measure for a ticket, and post the record to its diagnostics."""
    check_can_save(save_to)
    device = enrolled_device(around.home)
    wanted = Wanted(purpose="ticket", mode=mode, ticket_id=named(ticket_id))
    return _judged(around, wanted, device, save_to)


def _judged(
    around: Surroundings,
    wanted: Wanted,
    device: Device,
    save_to: Path | None,
    *,
    until_decided: bool = False,
) -> int:
    """Measure, seal, keep, post, show; then raise what must be said last."""
    ran = hold(around, wanted, device, until_decided=until_decided)
    if around.as_json:
        around.print_json(ran.report)
    else:
        around.print_lines(_told(around, ran.report, ran.held))
    settle(around, ran, save_to)
    if _unjudged_and_cut(ran.held, ran.report):
        return ExitCode.UNAVAILABLE
    return exit_code(ran.report)


class Witness(Protocol):
    """Somebody who keeps a book of attempts, told before one is made and after it was kept."""

    def asked(self, asked: Asked) -> None:
        """Write the attempt down; raise, and it is not made."""
        ...

    def kept(self, held: Held, kept: Kept) -> None:
        """Write down how it ended; the record is sealed and has not been posted yet."""
        ...

    def taken(self) -> tuple[ProfileRef, int] | None:
        """Return the rule that the book keeps to, and how much of what it asks for is done.

        None where it keeps to no rule.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One run from the first packet to its receipt, or to the outbox."""

    held: Held
    kept: Kept
    delivery: Delivery
    report: RunReport


def hold(
    around: Surroundings,
    wanted: Wanted,
    device: Device,
    witness: Witness | None = None,
    *,
    until_decided: bool = False,
    beyond: tuple[str, ...] = (),
) -> Ran:
    """Ask, measure, seal, keep and post; nothing is shown but progress.

    `beyond` are addresses past the test point that whoever asked for a diagnosis wants looked at.
    """
    references = load_references(around.home.references_file).joined_by(beyond)
    with around.working() as place, _alone(around.home, device):
        asked = ask_for(wanted, device, place)
        if witness is not None:
            witness.asked(asked)
        look = _path_look(asked, device, place, references) if wanted.ticket_id else None
        with around.interrupts.gently() as stop:
            held = carry_out(
                asked,
                device,
                place if look is None else replace(place, emit=look.emit),
                judged=True,
                until_decided=until_decided,
                stop=stop,
            )
            if look is not None:
                held = look.after(held, stop)
            kept = seal_and_keep(held, asked.chain, device, place)
            if witness is not None:
                witness.kept(held, kept)
    delivery = _delivered(around, held, kept, place)
    report = run_report(
        kept,
        delivery,
        saved=_saved(held),
        interrupted=around.interrupts.stop.is_set(),
        rules=rules_named(held.granted, witness.taken() if witness else None),
        zone=_zone(held, kept),
    )
    return Ran(held=held, kept=kept, delivery=delivery, report=report)


def _path_look(asked: Asked, device: Device, place: Workplace, references: References) -> PathLook:
    from omega_agent.path_look import PathLook  # noqa: PLC0415 - for tickets only

    return PathLook(device.server, asked.granted, references, clock=place.clock, emit=place.emit)


def _zone(held: Held, kept: Kept) -> ZoneReport | None:
    """Return where the fault is by what was seen; None where the path was not looked at."""
    if held.result.evidence.path is None:
        return None
    from omega_acceptance.zone.edge import ZoneReport  # noqa: PLC0415 - for tickets only
    from omega_acceptance.zone.of_record import zone_of  # noqa: PLC0415 - for tickets only

    record = kept.sealed.record
    profile = held.granted.profile if held.granted else None
    finding = zone_of(record, record.preview, profile)
    return None if finding is None else ZoneReport.of(finding)


def _saved(held: Held) -> Saved | None:
    """Return what a session that knew enough did not take."""
    granted = held.granted
    if granted is None or granted.profile is None or granted.grant.mode is not Mode.STANDARD:
        return None
    return saved(granted.profile, Mode.STANDARD, held.result.evidence)


def settle(around: Surroundings, ran: Ran, save_to: Path | None) -> None:
    """Say what became of earlier records, save this one, and raise what must be said last."""
    _tell_earlier(around, ran.delivery)
    if save_to is not None:
        save(save_to, complete_bundle(ran.kept, ran.delivery))
    _raise_what_failed(ran.kept, ran.delivery, saved=save_to is not None)


def _delivered(around: Surroundings, held: Held, kept: Kept, place: Workplace) -> Delivery:
    """Post the record, unless there is nobody to post it to; Ctrl-C leaves it in the outbox."""
    dead_line = held.granted is None and kept.in_outbox
    if around.interrupts.stop.is_set() or dead_line:
        return Delivery(waiting=kept.in_outbox)
    try:
        with around.interrupts.watched():
            return deliver(kept, place)
    except KeyboardInterrupt:
        return Delivery(waiting=kept.in_outbox)


def _told(around: Surroundings, report: RunReport, held: Held) -> list[str]:
    """Return the result for people: the verdict that counts, or what was measured."""
    shower, found = around.shower, report.measurement
    if report.judgement is None or report.verdict is None:
        lines = measured_lines(around, found, held)
    else:
        lines = shower.judgement(replace(report.judgement, verdict=report.verdict), found)
        lines += shower.saved(report.saved, report.verdict)
        if report.verdict is not report.judgement.verdict:
            lines.append(shower.server_differs(report.judgement.verdict))
    return [
        *lines,
        "",
        *zone_lines(around, report),
        *rules_lines(around, report),
        *shower.fate(report),
    ]


def measured_lines(around: Surroundings, found: Measurement, held: Held) -> list[str]:
    """Return what was measured, and what was tried in vain."""
    return around.shower.measurement(
        found, held.result.evidence, failure=held.failure, cut_short=_cut_short(held)
    )


def zone_lines(around: Surroundings, report: RunReport) -> list[str]:
    """Return where the fault is, as a clerk is told, and an empty line; nothing without a path."""
    if report.zone is None:
        return []
    from omega_acceptance.zone.telling import Audience  # noqa: PLC0415 - for tickets only

    said = report.zone.said[around.speaker.language][Audience.CLERK]
    return [around.speaker.say("path_heading"), *(f"  {line}" for line in said), ""]


def rules_lines(around: Surroundings, report: RunReport) -> list[str]:
    """Return what the rules say that the plan names, and an empty line; nothing without any."""
    if not report.rules:
        return []
    from omega_acceptance.rules.telling import beside_told  # noqa: PLC0415 - hardly a plan has any

    return [*beside_told(report.rules, around.speaker.language), ""]


def _tell_what_failed(around: Surroundings, held: Held) -> None:
    """Say beside the JSON of a measurement, which has no field for it, why there is no more."""
    say = around.speaker.say
    if held.failure is not None:
        why = in_language(held.failure, around.speaker.language)
        around.tell(say("line_dead", why=why))
    elif _cut_short(held):
        around.tell(say("measured_in_part"))


def _send_earlier(around: Surroundings, device: Device, place: Workplace) -> None:
    """Post what waits from earlier runs, now that the server has been reached."""
    if device.agent_id is not None:
        _tell_earlier(around, deliver_earlier(place))


def _tell_earlier(around: Surroundings, delivery: Delivery) -> None:
    if delivery.earlier_posted:
        around.tell(around.speaker.say("earlier_posted", count=delivery.earlier_posted))
    if delivery.earlier_refused:
        around.tell(around.speaker.say("earlier_refused", count=delivery.earlier_refused))
    around.tell_rewritten(delivery.rewritten)


def _raise_what_failed(kept: Kept, delivery: Delivery, *, saved: bool) -> None:
    """Raise why the record is not where it belongs; nothing for one that is posted or waits."""
    if delivery.refused is not None:
        raise delivery.refused
    if kept.not_kept is not None and delivery.posted is None and not saved:
        raise NotKeptError("nothing_kept", kept=kept.not_kept, posted=delivery.later or "-")


def _cut_short(held: Held) -> bool:
    return any(end.ended in _CUT_SHORT for end in held.result.evidence.tasks)


def _unjudged_and_cut(held: Held, report: RunReport) -> bool:
    """Say whether nobody judged a run that lost its line or test point on the way."""
    return report.verdict is None and not report.interrupted and _cut_short(held)


@contextmanager
def _alone(home: Home, device: Device) -> Iterator[None]:
    """Hold the device while it measures; a stranger without a home can't, and goes on."""
    with ExitStack() as held:
        try:
            held.enter_context(home.measuring())
        except NotKeptError:
            if device.agent_id is not None:
                raise
        yield
