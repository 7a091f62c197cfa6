"""Loss: is there more than a good line has, and in which part does it begin. Pure.

Theory of operation, two steps. *Is there any*: one look at the packets to the test point, both ways
together and each way apart, by the binomial distribution, against what the plan allows. Bursts
count by their design effect, as they do for the verdict.

*Where*: a part that loses a share q of the round trips takes it from every stop behind it and from
none before it. For each part the likelihood of all that was heard is weighed over sizes q, and so
over what a stop may have withheld by itself, for routers limit their own answers:

    L(k of n unanswered | q) = (1 - w) Bin(k; n, q) + w mean over u of Bin(k; n, q + (1 - q) u)

with w the share of stops that limit (`HOP_LIMITS`, `ECHO_LIMITS`, none for the delay stream). A
stop that answered everything thus clears all before it at full strength, while one that left
packets unanswered accuses little: a hop that is slow to speak is never taken for a lossy line. The
parts are then weighed against each other (`PRIOR`), over both families where both were looked at.
With ten answered packets a loss of 30 % behind a stop is told from one before it, with forty one of
7 %; of less the part stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, lgamma, log, log1p
from typing import Final

from omega_acceptance.decision.beta import ln_incomplete_beta
from omega_acceptance.decision.bursts import design_effect_ppm, observed_burst_ppm
from omega_acceptance.decision.shares import OneLook, one_look, share_test
from omega_acceptance.zone import thresholds as t
from omega_acceptance.zone.codes import Confidence, FactCode, Point, Reason, Symptom, Zone
from omega_acceptance.zone.finding import Candidate, ZoneFact
from omega_acceptance.zone.given import LineSeen
from omega_acceptance.zone.stops import Heard, Series, Stop, Walk
from omega_core.evidence import IdleStream, SequenceRange
from omega_core.metrics import Direction
from omega_core.units import PPM, share_ppm_rounded_up
from omega_core.verdict import Outcome

_PARTS: Final = (Zone.LAN, Zone.ACCESS, Zone.CORE, Zone.BEYOND)
_LIMITS: Final = {Heard.STREAM: 0.0, Heard.ECHO: t.ECHO_LIMITS, Heard.ICMP_ERROR: t.HOP_LIMITS}
_POINT_BEFORE: Final = {
    Zone.LAN: Point.DEVICE,
    Zone.ACCESS: Point.GATEWAY,
    Zone.CORE: Point.OPERATOR_HOP,
    Zone.BEYOND: Point.TEST_POINT,
}
_INTERVAL_TAIL: Final = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Packets of one look, and those of them that were lost; `direction` None of round trips."""

    lost: int
    sent: int
    runs: int
    direction: Direction | None = None

    @property
    def look(self) -> tuple[float, float]:
        """Both, divided by the design effect of the bursts that were observed."""
        burst_ppm = max(PPM, observed_burst_ppm(self.lost, self.sent, self.runs))
        scale = PPM / design_effect_ppm(burst_ppm)
        return self.lost * scale, self.sent * scale


def look_for_loss(seen: LineSeen, walks: Sequence[Walk]) -> Candidate | None:
    """Return the loss that was found, in the part it begins in; None where there is none."""
    limit_ppm = _limit_ppm(seen)
    counted = _counted(seen, walks)
    looks = {each: _read(each, limit_ppm) for each in counted if each.sent >= t.LOSS_PACKETS_MIN}
    failing = [each for each, look in looks.items() if look.outcome is Outcome.FAIL]
    if failing:
        return _located(walks, failing, limit_ppm)
    found = _beyond(walks, limit_ppm)
    if found is not None:
        return found
    doubtful = [each for each, look in looks.items() if look.fail_p * PPM <= t.LOSS_DOUBT_PPM]
    if not doubtful:
        return None
    return Candidate(
        zone=Zone.UNKNOWN,
        symptom=Symptom.LOSS,
        confidence=Confidence.OPEN,
        reason=Reason.FEW_SAMPLES,
        evidence=tuple(_share(each, limit_ppm) for each in doubtful),
    )


def begins(walks: Sequence[Walk]) -> dict[Zone, float]:
    """Return how likely a loss begins in each part that ends at a stop which was heard.

    Together they have 1. A second family counts where it shows the same parts.
    """
    each = [told for walk in walks if (told := _ln_parts(walk))]
    alike = [told for told in each if told.keys() == each[0].keys()]
    parts = each[0].keys() if each else ()
    told = {part: sum(one[part] for one in alike) + log(t.PRIOR[part]) for part in parts}
    top = max(told.values(), default=0.0)
    weights = {part: exp(value - top) for part, value in told.items()}
    whole = sum(weights.values())
    return {part: weight / whole for part, weight in weights.items()}


def interval_ppm(lost: int, sent: int) -> tuple[int, int]:
    """Return between what the true share lies, at 95 %, by Clopper and Pearson; rounded outwards.

    Found by halving, for the incomplete beta function has no inverse of its own here.
    """
    low = _root(lambda p: exp(ln_incomplete_beta(p, lost, sent - lost + 1))) if lost else 0.0
    high = (
        _root(lambda p: 1 - exp(ln_incomplete_beta(1 - p, sent - lost, lost + 1)), falling=True)
        if lost < sent
        else 1.0
    )
    return int(low * PPM), min(PPM, int(high * PPM) + 1)


def _root(rises: Callable[[float], float], *, falling: bool = False) -> float:
    """Return where a function of a share, rising or falling, passes the tail of an interval."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if (rises(middle) < _INTERVAL_TAIL) != falling:
            low = middle
        else:
            high = middle
    return high if falling else low


def _limit_ppm(seen: LineSeen) -> int:
    """Return the loss that the plan allows, or what a line may lose without one."""
    limits = [each.limit for each in seen.criteria("loss_ppm_")]
    return max([each for each in limits if 0 < each < PPM], default=t.LOSS_PPM_MAX)


def _counted(seen: LineSeen, walks: Sequence[Walk]) -> list[Counts]:
    """Return what was counted to the test point: by the streams, or else by what was answered."""
    found = []
    for stream in seen.evidence.idle:
        sent = len(stream.rtt_us)
        found.append(_of_series(stream.rtt_us))
        for direction, lost in _by_direction(stream):
            number = sum(last - first + 1 for first, last in lost)
            found.append(Counts(lost=number, sent=sent, runs=len(lost), direction=direction))
    if found:
        return found
    echoes = [
        series.rtt_us
        for walk in walks
        for series in walk.test_point.speaking
        if series.heard is not Heard.ICMP_ERROR
    ]
    return [_of_series(each) for each in echoes]


def _by_direction(
    stream: IdleStream,
) -> tuple[tuple[Direction, Sequence[SequenceRange]], ...]:
    return (Direction.UP, stream.lost_up), (Direction.DOWN, stream.lost_down)


def _of_series(rtt_us: Sequence[int | None]) -> Counts:
    runs = sum(
        each is None and (at == 0 or rtt_us[at - 1] is not None) for at, each in enumerate(rtt_us)
    )
    return Counts(lost=rtt_us.count(None), sent=len(rtt_us), runs=runs)


def _beyond(walks: Sequence[Walk], limit_ppm: int) -> Candidate | None:
    """Return a loss past the test point: towards all references, or else towards one of them.

    Past the test point it is either way; towards one alone it may be that host's own.
    """
    every = {stop.address: stop for walk in walks for stop in walk.references}
    each_lost = {address: _lost_echoes(stop) for address, stop in every.items()}
    asked = [lost for lost in each_lost.values() if lost is not None]
    if asked and all(lost.lost for lost in asked):
        together = Counts(
            lost=sum(each.lost for each in asked),
            sent=sum(each.sent for each in asked),
            runs=sum(each.runs for each in asked),
        )
        found = _lost_beyond(walks, together, limit_ppm)
        if found is not None:
            return found
    for address, lost in each_lost.items():
        if lost is None:
            continue
        alone = [
            replace(walk, references=tuple(each for each in walk.references if each is stop))
            for walk in walks
            if (stop := every[address]) in walk.references
        ]
        found = _lost_beyond(alone, lost, limit_ppm)
        if found is not None:
            return replace(found, confidence=Confidence.PRESUMED)
    return None


def _lost_echoes(stop: Stop) -> Counts | None:
    """Return what was lost of the echoes to a reference; None of one that never answered any."""
    rows = [_of_series(each.rtt_us) for each in stop.speaking if each.heard is Heard.ECHO]
    if not rows:
        return None
    return Counts(
        lost=sum(each.lost for each in rows),
        sent=sum(each.sent for each in rows),
        runs=sum(each.runs for each in rows),
    )


def _lost_beyond(walks: Sequence[Walk], lost: Counts, limit_ppm: int) -> Candidate | None:
    if _read(lost, limit_ppm).outcome is not Outcome.FAIL:
        return None
    found = _located(walks, [lost], limit_ppm)
    return found if found.zone is Zone.BEYOND else None


def _read(counts: Counts, limit_ppm: int) -> OneLook:
    lost, sent = counts.look
    test = share_test(limit_ppm, t.LOSS_FALSE_ALARM_PPM, t.LOSS_FALSE_ALARM_PPM)
    return one_look(test, round(lost), max(round(sent), round(lost)))


def _located(walks: Sequence[Walk], failing: Sequence[Counts], limit_ppm: int) -> Candidate:
    likely = begins(walks)
    shares = tuple(_share(each, limit_ppm) for each in failing)
    part, chance = max(likely.items(), key=lambda each: each[1], default=(Zone.UNKNOWN, 0.0))
    evidence = (*shares, *(_begins_there(zone, value) for zone, value in likely.items()))
    symptom, direction = _which_way(failing)
    if chance < t.BEGINS_PRESUMED:
        return Candidate(
            zone=Zone.UNKNOWN,
            symptom=symptom,
            confidence=Confidence.OPEN,
            reason=Reason.FEW_SAMPLES if likely else Reason.NOT_OBSERVED,
            evidence=evidence,
            last_good=_clean_up_to(likely),
            suspect=part if likely else None,
            direction=direction,
        )
    return Candidate(
        zone=part,
        symptom=symptom,
        confidence=sure_of(chance),
        reason=Reason.COUNTS,
        evidence=evidence,
        last_good=_POINT_BEFORE[part],
        direction=direction,
    )


def sure_of(chance: float) -> Confidence:
    """Return the class of a part in which a loss begins with this chance."""
    if chance >= t.BEGINS_CERTAIN:
        return Confidence.CERTAIN
    return Confidence.LIKELY if chance >= t.BEGINS_LIKELY else Confidence.PRESUMED


def _clean_up_to(likely: dict[Zone, float]) -> Point | None:
    """Return the farthest point before which the loss hardly ever begins."""
    if not likely:
        return None
    before = {
        part: sum(likely.get(each, 0.0) for each in _PARTS[:number])
        for number, part in enumerate(_PARTS)
    }
    clean = [part for part, chance in before.items() if chance <= 1 - t.BEGINS_LIKELY]
    return _POINT_BEFORE[clean[-1]]


def _which_way(failing: Sequence[Counts]) -> tuple[Symptom, Direction | None]:
    """Say whether nearly all losses were in one direction, and whether little got through it."""
    ways = [each for each in failing if each.direction is not None]
    whole = sum(each.lost for each in ways)
    worst = max(ways, key=lambda each: each.lost, default=None)
    if worst is None or worst.lost < t.ONE_WAY_LOSSES_MIN:
        return Symptom.LOSS, None
    if worst.lost * PPM < whole * t.ONE_WAY_SHARE_PPM:
        return Symptom.LOSS, None
    dead = worst.lost * PPM >= worst.sent * t.ONE_WAY_DEAD_PPM
    return Symptom.ONE_WAY if dead else Symptom.LOSS, worst.direction


def _share(counts: Counts, limit_ppm: int) -> ZoneFact:
    low, high = interval_ppm(counts.lost, counts.sent)
    return ZoneFact(
        code=FactCode.LOSS_SHARE,
        value=share_ppm_rounded_up(counts.lost, counts.sent),
        unit="ppm",
        low=low,
        high=high,
        samples=counts.sent,
        limit=limit_ppm,
        direction=counts.direction,
    )


def _begins_there(part: Zone, chance: float) -> ZoneFact:
    return ZoneFact(code=FactCode.LOSS_BEGINS, value=round(chance * PPM), unit="ppm", part=part)


def _ln_parts(walk: Walk) -> dict[Zone, float]:
    """Return for each part how well a loss that begins there explains what a family's stops said.

    A part with several stops, or stretches, is the mean of them.
    """
    stretches: list[tuple[tuple[Zone, ...], list[Stop]]] = [
        (stop.parts, [stop]) for stop in walk.heard
    ]
    references = [each for each in walk.references if each.answered]
    if references:
        stretches.append(((Zone.BEYOND,), references))
    clean = [_ln_stops(stops, t.LOSS_OF_GOOD_PPM) for _, stops in stretches]
    lossy = [[_ln_stops(stops, size) for _, stops in stretches] for size in t.LOSS_SIZES_PPM]
    lossy = [list(each) for each in zip(*lossy, strict=True)]
    begun: dict[Zone, list[float]] = {}
    for number, (parts, _) in enumerate(stretches):
        before = sum(clean[:number])
        sizes = range(len(t.LOSS_SIZES_PPM))
        each = [before + sum(behind[size] for behind in lossy[number:]) for size in sizes]
        for part in parts:
            begun.setdefault(part, []).append(_ln_mean(each))
    return {part: _ln_mean(begun[part]) for part in _PARTS if part in begun}


def _ln_stops(stops: Sequence[Stop], share_ppm: int) -> float:
    return sum(_ln_series(series, share_ppm) for stop in stops for series in stop.speaking)


def _ln_series(series: Series, share_ppm: int) -> float:
    counts = _of_series(series.rtt_us)
    return _ln_counts(*counts.look, share_ppm, _LIMITS[series.heard])


@lru_cache(maxsize=65_536)
def _ln_counts(lost: float, sent: float, share_ppm: int, limits: float) -> float:
    """Return ln L(lost of sent | share), by the mixture above."""
    share = share_ppm / PPM
    plain = _ln_binomial(lost, sent, share)
    if not limits:
        return plain
    steps = [(step + 0.5) / t.LIMIT_STEPS for step in range(t.LIMIT_STEPS)]
    withheld = _ln_mean([_ln_binomial(lost, sent, share + (1 - share) * u) for u in steps])
    top = max(plain, withheld)
    return top + log((1 - limits) * exp(plain - top) + limits * exp(withheld - top))


def _ln_binomial(lost: float, sent: float, share: float) -> float:
    ways = lgamma(sent + 1) - lgamma(lost + 1) - lgamma(sent - lost + 1)
    return ways + lost * log(share) + (sent - lost) * log1p(-share)


def _ln_mean(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + log(sum(exp(each - top) for each in logs) / len(logs))
