"""`omega campaign rules`, `start`, `status`, `run`, `report`, `stop`: what each does.

Each returns the exit code. A run goes the way of every other measurement; what it is for and when
it may be taken is the campaign's. The clock of a campaign is the server's: `start` and `run` ask
for it, `status` and `report` make do with this device's when there is no answer, and say so.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from omega_acceptance.errors import RuleUnknownError
from omega_acceptance.explain import fault_sentence
from omega_acceptance.rules import words
from omega_acceptance.rules.campaign import why_not_planned
from omega_acceptance.rules.days import day_at
from omega_acceptance.rules.reading import builtin
from omega_acceptance.rules.report import campaign_report
from omega_acceptance.rules.rule import Rule
from omega_acceptance.rules.standing import Phase, Why
from omega_acceptance.rules.state import CONTRACT_CHANGED, CampaignState
from omega_acceptance.rules.telling import not_planned_told, rule_told, told
from omega_acceptance.sentences import Words
from omega_agent.campaign_book import CampaignBook
from omega_agent.campaign_run import CampaignRun
from omega_agent.campaign_status import CampaignStatus, campaign_status
from omega_agent.commands_measure import Ran, hold, measured_lines, rules_lines, settle
from omega_agent.device import Device, enrolled_device
from omega_agent.errors import BusyError, NoAnswerError, WrongAnswerError, WrongUseError
from omega_agent.session_request import Wanted, named
from omega_agent.surroundings import Surroundings, check_can_save, print_json
from omega_agent.tables import table
from omega_core.errors import ExitCode
from omega_core.units import US_PER_S
from omega_core.verdict import Fault, Mode

_SHOWN_NEXT = 3
_ID_OCTETS = 6


def rules(around: Surroundings, *, rule_id: str | None) -> int:
    """List every rule in its newest version, or tell what one of them asks for."""
    names = sorted({each.id for each in builtin().rules}) if rule_id is None else [rule_id]
    found = [_rule(name) for name in names]
    if around.as_json:
        print_json([{**each.content(), "digest": each.digest} for each in found])
    elif rule_id is not None:
        around.print_lines(
            [*rule_told(found[0], around.speaker.language), _planned(around, found[0])]
        )
    else:
        around.print_lines(table([_row(around, each) for each in found]))
    return ExitCode.ACCEPTED


def start(around: Surroundings, *, rule_id: str, plan_id: str | None) -> int:
    """Begin a campaign for the line's plan; one at a time."""
    zone, book = _zone(_rule(rule_id)), CampaignBook(around.home)
    device = enrolled_device(around.home)
    plan = named(plan_id) if plan_id is not None else book.last_plan()
    if plan is None:
        raise WrongUseError("plan_missing")
    now = _server_now(around, device)
    today = day_at(now, zone)
    rule = builtin().on(rule_id, today)
    because = why_not_planned(rule, today)
    if because is not None:
        why = not_planned_told(rule, because, around.speaker.language)
        raise WrongUseError("campaign_rule", rule=f"{rule.id} ({rule.version})", why=why)
    zone = _zone(rule)
    with around.home.measuring():
        known = book.load()
        if known is not None:
            raise WrongUseError("campaign_open", id=known.id)
        state = CampaignState(
            id=f"CA-{secrets.token_hex(_ID_OCTETS)}",
            rule=rule.ref,
            plan_id=plan,
            begun_unix_us=now,
        )
        book.store(state)
    _show(around, campaign_status(state, rule, zone, now), rule, zone)
    return ExitCode.ACCEPTED


def status(around: Surroundings) -> int:
    """Say how the campaign stands and when its next runs may be taken."""
    state, rule, zone = _current(around)
    now = _now(around)
    _show(around, campaign_status(state, rule, zone, now), rule, zone)
    return ExitCode.ACCEPTED


def take(around: Surroundings, *, save_to: Path | None) -> int:
    """Take the run that is due; raises WrongUseError when none is, with the reason and the time."""
    check_can_save(save_to)
    state, rule, zone = _current(around)
    device = enrolled_device(around.home)
    _check_due(around, state, rule, zone, device)
    wanted = Wanted(
        purpose="selftest", mode=Mode.CAMPAIGN, plan_id=state.plan_id, campaign=state.next_ref
    )
    book = CampaignBook(around.home)
    run = CampaignRun(book=book, rule=rule, zone=zone, clock=around.clock, state=state)
    ran = hold(around, wanted, device, run)
    if around.as_json:
        around.print_json(ran.report)
    else:
        around.print_lines(_told_run(around, ran, run))
    settle(around, ran, save_to)
    return _exit_code(ran, run)


def report(around: Surroundings) -> int:
    """Tell what the campaign came to; a result is the line's, so the exit code is 0."""
    state, rule, zone = _current(around)
    made = campaign_report(state, rule, zone, _now(around), builtin())
    if around.as_json:
        around.print_json(made)
    else:
        around.print_lines(told(made, rule, around.speaker.language))
    return ExitCode.ACCEPTED


def stop(around: Surroundings) -> int:
    """End the campaign; its state stays on the disk under its name."""
    book = CampaignBook(around.home)
    with around.home.measuring():
        state = book.current()
        path = book.put_away(state)
    around.print_lines([around.speaker.say("campaign_stopped", id=state.id, path=path)])
    return ExitCode.ACCEPTED


def _rule(rule_id: str) -> Rule:
    try:
        return builtin().newest(rule_id)
    except RuleUnknownError:
        raise _unknown(rule_id) from None


def _unknown(rule_id: str) -> WrongUseError:
    known = sorted({each.id for each in builtin().rules})
    return WrongUseError("rule_unknown", rule=ascii(rule_id[:64]), known=", ".join(known))


def _row(around: Surroundings, rule: Rule) -> tuple[str, ...]:
    """Return id and version, status, whether campaigns are planned for it, and what it is."""
    today = day_at(around.clock.unix_us(), UTC)  # a list needs no zones
    return (
        f"{rule.id} ({rule.version})",
        _in(words.STATUS[rule.status], around),
        "" if why_not_planned(rule, today) else _in(words.PLANNED, around),
        rule.title.said(around.speaker.language),
    )


def _planned(around: Surroundings, rule: Rule) -> str:
    """Return how a campaign for the rule is begun, or why there can be none."""
    because = why_not_planned(rule, day_at(around.clock.unix_us(), UTC))
    if because is None:
        return _in(words.CAN_BE_PLANNED, around).format(rule=rule.id)
    why = not_planned_told(rule, because, around.speaker.language)
    return _in(words.CAN_NOT_BE_PLANNED, around).format(why=why)


def _zone(rule: Rule) -> tzinfo:
    try:
        return ZoneInfo(rule.zone)
    except (ZoneInfoNotFoundError, OSError):
        raise WrongUseError("zone_unknown", zone=rule.zone) from None


def _current(around: Surroundings) -> tuple[CampaignState, Rule, tzinfo]:
    """Return the campaign under way with the very rule it was begun for."""
    state = CampaignBook(around.home).current()
    try:
        rule = builtin().get(state.rule.id, state.rule.version)
    except RuleUnknownError:
        raise _unknown(state.rule.id) from None
    if rule.digest != state.rule.digest:
        raise WrongUseError("rule_other", rule=rule.id, version=rule.version)
    return state, rule, _zone(rule)


def _server_now(around: Surroundings, device: Device) -> int:
    """Return the server's time, in us of UTC; raises what the uplink raises."""
    with around.workplace().uplink(device) as uplink:
        return uplink.server_info().now_unix_us


def _now(around: Surroundings) -> int:
    """Return the server's time, or this device's where the server does not answer."""
    try:
        return _server_now(around, enrolled_device(around.home))
    except (NoAnswerError, WrongAnswerError, BusyError):
        around.tell(around.speaker.say("campaign_own_clock"))
        return around.clock.unix_us()


def _check_due(
    around: Surroundings, state: CampaignState, rule: Rule, zone: tzinfo, device: Device
) -> None:
    """Raise WrongUseError unless a run is due; a server that is silent is found out by the run."""
    try:
        now = _server_now(around, device)
    except (NoAnswerError, WrongAnswerError, BusyError):
        return
    standing = state.standing(rule, zone, now)
    why = "" if standing.why is None else _in(words.WHY[standing.why], around)
    match standing.phase:
        case Phase.READY:
            return
        case Phase.TOO_EARLY:
            when = _clock_time(standing.not_before_unix_us or now, zone)
            raise WrongUseError("campaign_too_early", when=when, why=why)
        case Phase.COMPLETE:
            raise WrongUseError("campaign_complete", id=state.id)
        case Phase.VOID:
            day = "" if standing.day is None else f" ({standing.day})"
            raise WrongUseError("campaign_void", id=state.id, why=f"{why}{day}")


def _show(around: Surroundings, found: CampaignStatus, rule: Rule, zone: tzinfo) -> None:
    if around.as_json:
        around.print_json(found)
        return
    say = around.speaker.say
    lines = [
        rule.title.said(around.speaker.language),
        _in(words.HEAD, around).format(
            id=found.id,
            plan=found.plan_id,
            phase=_in(words.PHASE[found.phase], around),
            done=found.done,
            needed=found.needed,
        ),
    ]
    if found.why is not None:
        day = f" ({found.day})" if found.day else ""
        lines.append(f"  {_in(words.WHY[found.why], around)}{day}")
    times = [_clock_time(each, zone) for each in found.planned_unix_us]
    if times:
        shown = "; ".join(times[:_SHOWN_NEXT])
        lines.append(say("campaign_next", times=shown, zone=found.zone))
        lines.append(say("campaign_last", count=len(times), time=times[-1]))
    around.print_lines(lines)


def _told_run(around: Surroundings, ran: Ran, run: CampaignRun) -> list[str]:
    """Return what the run found, whether it counts, and what became of its record."""
    lines = measured_lines(around, ran.report.measurement, ran.held)
    say = around.speaker.say
    attempt = run.state.attempts[-1] if run.opened else None
    if attempt is None:
        lines.append(say("campaign_no_attempt"))
    elif attempt.invalid_because is None:
        valid = sum(each.taken.valid for each in run.state.attempts)
        lines.append(say("campaign_counts", number=valid, id=run.state.id))
    else:
        lines.append(say("campaign_spoiled", why=_spoiled(around, attempt.invalid_because)))
    return [*lines, "", *rules_lines(around, ran.report), *around.shower.fate(ran.report)]


def _spoiled(around: Surroundings, because: str) -> str:
    if because in {*Fault}:
        return fault_sentence(Fault(because), around.speaker.language)
    if because == CONTRACT_CHANGED:
        return _in(words.WHY[Why.CONTRACT_CHANGED], around)
    return around.speaker.say("campaign_not_measured")


def _exit_code(ran: Ran, run: CampaignRun) -> int:
    if ran.report.interrupted:
        return ExitCode.INTERRUPTED
    if run.opened is None:
        return ExitCode.UNAVAILABLE
    valid = run.state.attempts[-1].invalid_because is None
    return ExitCode.ACCEPTED if valid else ExitCode.INVALID


def _clock_time(unix_us: int, zone: tzinfo) -> str:
    """Return a time at the line, to the second, with its distance from UTC."""
    at = datetime.fromtimestamp(-(-unix_us // US_PER_S), zone)
    return f"{at:%Y-%m-%d %H:%M:%S%z}"


def _in(said: Words, around: Surroundings) -> str:
    return said.fr if around.speaker.language == "fr" else said.en
