"""A line as people read it: the verdict in words, and then the figures behind it.

S-4711  FTTH-300-100, activated 2026-11-18 11:06:40Z
  now           connected: MA-000001
  availability  kept: at least the 99.9000 % that the plan promises
  last outage   2026-11-30 21:06:40Z  72 to 75 s

  from          2026-11-18 11:06:40Z to 2026-12-18 11:06:40Z
  share         99.9971 % to 99.9972 % of the time observed
  observed      29 d 22:55:00 of 30 d 00:00:00
  not observed  01:05:00: the device was without power or rebooted
  records       30
  outages       1
    2026-11-30 21:06:40Z  72 to 75 s
  gaps          1
    2026-12-08 11:08:20Z  01:05:00: the device was without power or rebooted
  agent         MA-000001  here since 2026-11-18 11:06:40Z
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from omega_core.units import US_PER_MS, US_PER_S
from omega_server.cli.common import moment
from omega_server.lines.views import (
    GapView,
    HoleView,
    LineAvailabilityView,
    LineView,
    OutageView,
    StandingView,
)

_SKEW_TOLD_US = 60 * US_PER_S  # less is within what people read off a clock
_DAY_S = 86_400
CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "starting": "the watch was starting",
        "stopped": "no record speaks of it, or the watch was stopped",
        "rebooted": "the device was without power or rebooted",
        "suspended": "the device slept",
        "stalled": "the device was too busy",
        "not_granted": "the standing grant had ended",
        "no_route": "the device was not connected to the line",
        "test_point_silent": "the test point was silent, the line was not",
        "test_point_restarted": "the test point was restarted",
    }
)


def line_lines(line: LineView, seen: LineAvailabilityView) -> Iterator[str]:
    """Yield the lines of a line's page."""
    activated = line.plan.activated_unix_us
    state = "not activated" if activated is None else f"activated {moment(activated)}"
    yield f"{line.subscriber_ref}  {line.plan.id}, {state}"
    yield _line("now", _now(line))
    yield _line("availability", _verdict(seen))
    if line.last_outage is not None:
        yield _line("last outage", _outage(line.last_outage.outage))
    if line.last_record is not None:
        record = line.last_record
        came_to = record.verdict or "not judged"
        yield _line("last record", f"{came_to}, {record.mode}, {moment(record.received_unix_us)}")
    if line.open_tickets:
        yield _line("open tickets", ", ".join(line.open_tickets))
    if line.sheets:
        yield _line("sheets", ", ".join(line.sheets))
    yield ""
    yield from _figures(seen)
    yield from _events(seen)
    yield from (_line("agent", _agent(each)) for each in seen.agents)


def _figures(seen: LineAvailabilityView) -> Iterator[str]:
    yield _line("from", f"{moment(seen.from_unix_us)} to {moment(seen.to_unix_us)}")
    if seen.low_ppm is not None and seen.high_ppm is not None:
        share = f"{_percent(seen.low_ppm)} to {_percent(seen.high_ppm)} of the time observed"
        yield _line("share", share)
    whole_us = seen.observed_us + seen.unobserved_us
    yield _line("observed", f"{_long(seen.observed_us)} of {_long(whole_us)}")
    for each in seen.unobserved:
        yield _line("not observed", f"{_long(each.unobserved_us)}: {CAUSES[each.cause]}")
    step_us = seen.clock_step_us_largest
    if step_us is not None and abs(step_us) >= _SKEW_TOLD_US:
        off = f"the agent's UTC was up to {abs(step_us) // US_PER_S} s from the times shown"
        yield _line("clock", off)
    yield _line("records", str(len(seen.records)))
    for hole in seen.holes:
        yield _line("incomplete", _hole(hole))


def _events(seen: LineAvailabilityView) -> Iterator[str]:
    maybe_lost = seen.outages_count - seen.sure_outages_count
    lost = f", and {maybe_lost} that may be a lost packet or two" if maybe_lost else ""
    yield _line("outages", f"{seen.sure_outages_count}{lost}")
    for outage in seen.outages:
        yield f"    {_outage(outage)}"
    yield _line("gaps", str(seen.gaps_count))
    for gap in seen.gaps:
        yield f"    {_gap(gap)}"
    if seen.next_before_unix_us is not None:
        yield _line("older", f"not listed: those before {moment(seen.next_before_unix_us)}")


def _line(name: str, text: str) -> str:
    return f"  {name:<12}  {text}"


def _now(line: LineView) -> str:
    connected = [each.agent_id for each in line.agents if each.is_connected]
    if connected:
        return f"connected: {', '.join(connected)}"
    if line.known_now == "nobody_watches":
        return "not known: no agent stands on this line"
    times = [each.seen_unix_us for each in line.agents if each.seen_unix_us is not None]
    heard = f"last heard of {moment(max(times))}" if times else "never heard of"
    newest = line.newest_window
    if line.known_now == "down_in_newest_record" and newest is not None:
        return f"down when the newest record ended, {moment(newest.ended_unix_us)}; {heard}"
    return f"not known: the agent is silent, {heard}"


def _verdict(seen: LineAvailabilityView) -> str:
    said = seen.criterion
    if said is None:
        return "not judged: the plan promises nothing of it"
    promised = f"the {_percent(said.limit_ppm)} that the plan promises"
    words = {
        "pass": f"kept: at least {promised}",
        "fail": f"missed: less than {promised}",
        "observed_time_too_short": f"not decided: less than {_percent(said.observed_min_ppm)} "
        "of the time was observed",
        "inside_bounds": f"not decided: {promised} lie within the bounds",
    }
    verdict = words[seen.why_open or seen.outcome]
    if seen.is_plan_window:
        return verdict
    return f"{verdict}; the plan's own window is {said.window_days} days"


def _outage(outage: OutageView) -> str:
    least_s = outage.least_us // US_PER_S
    most_s = -(-outage.most_us // US_PER_S)
    end = "" if outage.until_unix_us is not None else ", and the newest record ends with it"
    return f"{moment(outage.since_unix_us)}  {least_s} to {most_s} s{end}"


def _gap(gap: GapView) -> str:
    length = _short(gap.ended_unix_us - gap.started_unix_us)
    return f"{moment(gap.started_unix_us)}  {length}: {CAUSES[gap.cause]}"


def _hole(hole: HoleView) -> str:
    after = "the first record" if hole.after_seq is None else f"record {hole.after_seq}"
    if hole.why == "begun_anew":
        return f"{hole.agent_id} began its count anew after {after}"
    if hole.after_seq is None:
        return f"records of {hole.agent_id} before its number {hole.before_seq} have not come"
    return f"records of {hole.agent_id} between {hole.after_seq} and {hole.before_seq} are missing"


def _agent(agent: StandingView) -> str:
    until = "" if agent.until_unix_us is None else f" until {moment(agent.until_unix_us)}"
    return f"{agent.agent_id}  here since {moment(agent.since_unix_us)}{until}"


def _percent(ppm: int) -> str:
    return f"{ppm // 10_000}.{ppm % 10_000:04d} %"


def _short(duration_us: int) -> str:
    if duration_us < 60 * US_PER_S:
        return f"{duration_us // US_PER_S}.{duration_us % US_PER_S // (100 * US_PER_MS)} s"
    return _long(duration_us)


def _long(duration_us: int) -> str:
    days, rest_s = divmod(duration_us // US_PER_S, _DAY_S)
    hours, minutes = divmod(rest_s // 60, 60)
    clock = f"{hours:02d}:{minutes:02d}:{rest_s % 60:02d}"
    return f"{days} d {clock}" if days else clock
