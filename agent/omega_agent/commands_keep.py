"""`omega enrol`, `key`, `outbox`: what each does, once its options are parsed.

Each returns the exit code. An error that is expected is raised and becomes one line at the edge.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from omega_agent.enrolling import check_may_enrol, check_token, enrol, parse_server_key
from omega_agent.errors import WrongUseError
from omega_agent.identity import load_identity
from omega_agent.moments import utc
from omega_agent.outbox import SetAside, Waiting
from omega_agent.reporter import Passed
from omega_agent.rotating import rotate
from omega_agent.server_url import parse_server_url
from omega_agent.session_request import named
from omega_agent.sessions import Workplace
from omega_agent.surroundings import Surroundings, print_json
from omega_agent.tables import table
from omega_agent.uplink import Uplink
from omega_agent.waiting_record import DamagedItemError, parse_waiting
from omega_core.errors import ExitCode
from omega_core.limits import KEY_OVERLAP_S
from omega_core.units import NS_PER_S
from omega_probe.environment import software

S_PER_DAY = 86_400


def enrol_device(
    around: Surroundings,
    *,
    server: str,
    token: str,
    server_key: str | None,
    insecure: bool,
    replace: bool,
    serial: str | None = None,
    sheet: str | None = None,
) -> int:
    """Make a key on this device, register it, and pin the server's."""
    url = parse_server_url(server)
    expected = None if server_key is None else parse_server_key(server_key)
    check_token(token)
    bound_to = None if serial is None else named(serial)
    sheet_id = None if sheet is None else named(sheet)
    check_may_enrol(around.home, replace=replace, waiting=around.workplace().waiting)
    with (
        around.home.measuring(),
        Uplink(url, software=software(), clock=around.clock, insecure=insecure) as uplink,
    ):
        identity = enrol(
            around.home,
            uplink,
            server=url,
            insecure=insecure,
            token=token,
            expected_key=expected,
            software=software(),
            clock=around.clock,
            serial=bound_to,
            sheet_id=sheet_id,
        )
    say = around.speaker.say
    around.print_lines(
        [
            say("enrolled", agent=identity.agent_id, server=identity.server),
            say("enrolled_key", key=identity.server_key.text),
        ]
    )
    return ExitCode.ACCEPTED


def rotate_key(around: Surroundings) -> int:
    """Give this device a new key; what waits in the outbox is posted as it was sealed."""
    with around.home.measuring():
        identity = load_identity(around.home)
        if identity is None:
            raise WrongUseError("not_enrolled", path=around.home.path)
        with Uplink(
            identity.server, software=software(), clock=around.clock, insecure=identity.insecure
        ) as uplink:
            identity = rotate(around.home, uplink, identity)
    waiting = around.workplace().waiting
    if around.as_json:
        kid = identity.key.public.kid
        print_json({"agent_id": identity.agent_id, "key_id": kid, "waiting": waiting})
        return ExitCode.ACCEPTED
    say = around.speaker.say
    around.print_lines([say("rotated", agent=identity.agent_id, key=identity.key.public.kid)])
    if waiting:
        days = KEY_OVERLAP_S // S_PER_DAY
        around.print_lines([say("rotated_waiting", count=waiting, days=days)])
    return ExitCode.ACCEPTED


def list_outbox(around: Surroundings) -> int:
    """Show what waits to be posted, and what the server refused."""
    outboxes = around.workplace().outboxes
    waiting = [_described(each) for outbox in outboxes for each in outbox.pending()]
    refused = [
        {**_described(each), "reason": each.reason}
        for outbox in outboxes
        for each in outbox.set_aside()
    ]
    if around.as_json:
        print_json({"waiting": waiting, "refused": refused})
        return ExitCode.ACCEPTED
    say = around.speaker.say
    if not waiting:
        around.print_lines([say("outbox_empty")])
    else:
        around.print_lines([say("outbox_waiting", count=len(waiting)), *_listed(waiting)])
    if refused:
        reasons = [around.speaker.refusal(str(each["reason"])) for each in refused]
        around.print_lines([say("outbox_refused", count=len(refused)), *_listed(refused, reasons)])
    return ExitCode.ACCEPTED


def send_outbox(around: Surroundings, *, wait_s: int) -> int:
    """Post what waits, again and again for as long as is asked; say what is left."""
    place = around.workplace()
    with around.interrupts.watched():
        passed = _drained(place, around, wait_s)
    around.tell_rewritten(passed.rewritten.values())
    left = place.waiting
    say = around.speaker.say
    if around.as_json:
        print_json(_sent(passed, left))
    else:
        around.print_lines([say("sent", count=len(passed.posted)), *_why(around, passed)])
        if left:
            around.print_lines([say("left", count=left)])
    if left:
        return ExitCode.UNAVAILABLE
    return ExitCode.USAGE if passed.refused else ExitCode.ACCEPTED


def _drained(place: Workplace, around: Surroundings, wait_s: int) -> Passed:
    """Post from each outbox in turn; what one has left of the time is the next one's."""
    total, rng = Passed(), random.SystemRandom()
    deadline_ns = around.clock.monotonic_ns() + wait_s * NS_PER_S
    for reporter in place.reporters:
        left_s = max(0, deadline_ns - around.clock.monotonic_ns()) // NS_PER_S
        passed = reporter.drain(
            wait_s=left_s, clock=around.clock, rng=rng, pause=around.interrupts.stop.wait
        )
        passed.later = {**total.later, **passed.later}
        passed.elsewhere = passed.elsewhere or total.elsewhere
        total.add(passed)
    return total


def _described(each: Waiting | SetAside) -> dict[str, object]:
    """Return what an item is: which record, of when, for what, to where."""
    try:
        item = parse_waiting(each.content)
        if item.is_availability:
            return {
                "digest": each.record_id,
                "measured": utc(item.opened_availability().watched.started_us),
                "purpose": "availability",
                "id": None,
                "server": item.server_url,
            }
        session = item.opened().session
    except DamagedItemError:
        return {"digest": each.record_id, "damaged": True}
    return {
        "digest": each.record_id,
        "measured": utc(session.started_unix_us),
        "purpose": session.purpose,
        "id": session.sheet_id or session.ticket_id,
        "server": item.server_url,
    }


def _listed(
    described: Iterable[dict[str, object]], reasons: Iterable[str] | None = None
) -> list[str]:
    rows = [
        [
            f"  {each['digest']}",
            *(str(each.get(key) or "-") for key in ("measured", "purpose", "id", "server")),
        ]
        for each in described
    ]
    if reasons is not None:
        rows = [[*row, reason] for row, reason in zip(rows, reasons, strict=True)]
    return table(rows)


def _why(around: Surroundings, passed: Passed) -> list[str]:
    """Return why some were not taken: each reason once."""
    say = around.speaker.say
    refused = [
        say("refused", why=around.speaker.refusal(each.code), digest=digest)
        for digest, each in passed.refused.items()
    ]
    later = sorted({str(each) for each in passed.later.values()})
    busy = [say("sending_elsewhere")] if passed.elsewhere else []
    return [*refused, *later, *busy]


def _sent(passed: Passed, left: int) -> dict[str, object]:
    return {
        "posted": sorted(passed.posted),
        "refused": {digest: each.code for digest, each in passed.refused.items()},
        "waiting": left,
        "why_waiting": sorted({str(each) for each in passed.later.values()}),
    }
