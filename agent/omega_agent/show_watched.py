"""What a watch saw of a line, as lines of text: the share first, then each outage."""

from __future__ import annotations

from fractions import Fraction

from omega_acceptance.watched import availability
from omega_agent.moments import utc
from omega_agent.texts import Speaker
from omega_core.availability_record import AvailabilityRecord
from omega_core.units import PPM, US_PER_S

_OUTAGES_TOLD = 20  # more fill a terminal; `--json` has all
_PPM_PER_PERCENT = PPM // 100


def watched_lines(record: AvailabilityRecord, speaker: Speaker) -> list[str]:
    """Return what one window of a watch comes to."""
    say, watched = speaker.say, record.watched
    lines = [
        say(
            "watched_window",
            since=utc(watched.started_us),
            until=utc(watched.ended_us),
            agent=record.agent.id or "-",
            test_point=record.test_point,
        )
    ]
    seen = availability(watched)
    unobserved = _seconds(watched.unobserved_us)
    if seen.observed_us > 0:
        low, high = _percent(seen.low, up=False), _percent(seen.high, up=True)
        lines.append(say("watched_share", low=low, high=high, unobserved=unobserved))
    else:
        lines.append(say("watched_nothing", unobserved=unobserved))
    sure = [each for each in watched.outages if each.is_sure]
    window = watched.started_us, watched.ended_us
    for each in sure[:_OUTAGES_TOLD]:
        since = utc(max(each.since_us, watched.started_us))
        least, most = _seconds(each.least_us(*window)), _seconds(each.most_us(*window))
        if each.until_us is None:
            told = say("watched_lasts", since=since, least=least)
        else:
            told = say("watched_outage", since=since, least=least, most=most)
        lines.append(f"  {told}")
    if len(sure) > _OUTAGES_TOLD:
        more = say("watched_more", count=len(sure) - _OUTAGES_TOLD)
        lines.append(f"  {more}")
    return lines


def _percent(share: Fraction, *, up: bool) -> str:
    """Return a share in percent, rounded away from the other bound."""
    scaled = share * PPM
    ppm = (
        -(-scaled.numerator // scaled.denominator) if up else scaled.numerator // scaled.denominator
    )
    return f"{ppm / _PPM_PER_PERCENT:.4f}"


def _seconds(us: int) -> str:
    return f"{us / US_PER_S:.1f}"
