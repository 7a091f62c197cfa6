"""What `omega verify` found, as lines of text for stdout."""

from __future__ import annotations

from omega_agent.moments import utc
from omega_agent.show_watched import watched_lines
from omega_agent.tables import coloured
from omega_agent.texts import Speaker
from omega_agent.verify_folder import FolderReport
from omega_agent.verify_report import KeyDoubt, Standing, VerifyReport
from omega_core.record import Record
from omega_core.units import US_PER_S

_SKEW_TOLD_US = 60 * US_PER_S  # less is within what people read off a clock
_SIGN = {Standing.TRUSTED: "✓", Standing.NOT_TRUSTED: "?", Standing.INVALID: "✗"}


def verify_lines(report: VerifyReport, speaker: Speaker, *, colour: bool) -> list[str]:
    """Return what can be said of the file: the standing first, then why, then what is in it."""
    say, sign = speaker.say, _SIGN[report.standing]
    head = coloured(f"{sign} {say(f'verify_{report.standing}')}", sign, colour=colour)
    lines = [head]
    if report.failed is not None:
        lines.append(say("verify_failed", check=report.failed, detail=report.detail))
    lines += [f"  {say(f'unchecked_{each}')}" for each in report.unchecked]
    lines += [f"  {_doubt(each, speaker)}" for each in report.doubts]
    if report.passed:
        lines.append(say("verify_passed", checks=", ".join(dict.fromkeys(report.passed))))
    return [*lines, *_contents(report, speaker)]


def folder_lines(report: FolderReport, speaker: Speaker, *, colour: bool) -> list[str]:
    """Return what can be said of a folder: the sum first, then each file with something to say."""
    say, sign = speaker.say, _SIGN[report.standing]
    head = say(
        "folder_checked",
        files=report.files,
        trusted=report.valid_and_trusted,
        untrusted=report.valid_key_not_trusted,
        invalid=report.invalid,
    )
    lines = [coloured(f"{sign} {head}", sign, colour=colour)]
    for each in report.findings:
        mark = _SIGN[each.standing]
        lines.append(coloured(f"{mark} {each.path}", mark, colour=colour))
        if each.failed is not None:
            lines.append(f"  {say('verify_failed', check=each.failed, detail=each.detail)}")
        lines += [f"  {say(f'unchecked_{what}')}" for what in each.unchecked]
        lines += [f"  {_doubt(doubt, speaker)}" for doubt in each.key_doubts]
    for gap in report.missing:
        words = {"agent": gap.agent_id, "first": gap.first_seq, "last": gap.last_seq}
        if gap.what == "measurement":
            lines.append(say("folder_missing", **words))
        else:
            lines.append(say("folder_not_watched", **words))
    return lines


def _doubt(doubt: KeyDoubt, speaker: Speaker) -> str:
    say = speaker.say
    since = "-" if doubt.since_unix_us is None else utc(doubt.since_unix_us)
    return say(f"doubt_{doubt.state}", role=say(f"role_{doubt.role}"), kid=doubt.kid, since=since)


def _contents(report: VerifyReport, speaker: Speaker) -> list[str]:
    """Return what the file says of itself, once its signature has been checked."""
    say, record, receipt = speaker.say, report.record, report.receipt
    if record is None and report.watched is None:
        return []
    lines = [say("verify_record", digest=report.digest)]
    if report.watched is not None:
        lines += watched_lines(report.watched, speaker)
    if record is not None:
        session = record.session
        lines.append(
            say(
                "verify_session",
                purpose=session.purpose,
                id=session.sheet_id or session.ticket_id or "-",
                agent=record.agent.id or "-",
                at=utc(session.started_unix_us),
            )
        )
    if receipt is not None:
        lines.append(say("verify_receipt", at=utc(receipt.received_unix_us)))
    if record is not None and (seconds := _seconds_off(record)) is not None:
        lines.append(say("verify_skew", seconds=seconds))
    if report.logged is not None:
        tree = report.logged
        lines.append(say("verify_logged", origin=tree.origin, size=tree.size))
    if report.verdict is not None:
        lines.append(say("verify_verdict", verdict=report.verdict))
    return lines


def _seconds_off(record: Record) -> int | None:
    """Return by how much the device's clock was off, where it would mislead a reader."""
    offset_us = record.clocks.offset_to_server_us
    if offset_us is None or abs(offset_us) < _SKEW_TOLD_US:
        return None
    return abs(offset_us) // US_PER_S
