"""The public metric names, made from one table so that the naming rule cannot be broken.

A name is <quantity>_<unit>_<statistic>[_<direction>]. The statistic is left out where the
definition leaves no choice: a share of the whole sample, or the maximum that RFC 9097 asks for. The
direction is left out where a metric covers both ways at once. docs/glossary.md defines each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from types import MappingProxyType
from typing import Literal

from omega_core.facts import Count, Fact, Text

Unit = Literal["ppm", "us", "bps", "rpm", "dB"]


class Better(StrEnum):
    """Which way a metric improves."""

    HIGHER = "higher"
    LOWER = "lower"


class Direction(StrEnum):
    """Towards the subscriber, or from them."""

    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured quantity and every public name it gives rise to."""

    name: str
    unit: Unit
    better: Better
    source: str
    statistics: tuple[str, ...] = ("",)
    directions: tuple[str, ...] = ("",)

    def metric_names(self) -> Iterator[str]:
        """Yield the public names, statistics first, then directions; units in small letters."""
        unit = self.unit.lower()
        for statistic, direction in product(self.statistics, self.directions):
            yield "_".join(part for part in (self.name, unit, statistic, direction) if part)


_HIGHER, _LOWER = Better.HIGHER, Better.LOWER
_EACH_WAY = ("down", "up")
_RPM = "draft-ietf-ippm-responsiveness-09, Aggregating the Measurements"

QUANTITIES = (
    Quantity("reachable", "ppm", _HIGHER, "RFC 2678 s6.4"),
    Quantity("idle_rtt", "us", _LOWER, "RFC 2681 s2.4, s4", ("min", "p50", "p95")),
    Quantity("idle_pdv", "us", _LOWER, "RFC 5481 s4.2", ("p95",)),
    Quantity("idle_ipdv", "us", _LOWER, "RFC 5481 s4.1, s6.5", ("mean",)),
    Quantity("loss", "ppm", _LOWER, "RFC 7680 s2.4, s4.1", directions=_EACH_WAY),
    Quantity("reordered", "ppm", _LOWER, "RFC 4737 s3.3, s4.1.3", directions=_EACH_WAY),
    Quantity("goodput", "bps", _HIGHER, "RFC 2647 s3.17", directions=_EACH_WAY),
    Quantity("capacity", "bps", _HIGHER, "RFC 9097 s6.3", directions=_EACH_WAY),
    Quantity("qualified", "bps", _HIGHER, "ITU-T Y.1564; RFC 9097 s8.2", directions=_EACH_WAY),
    Quantity("over_rate", "bps", _HIGHER, "ITU-T Y.1564", directions=_EACH_WAY),
    Quantity("working_rtt", "us", _LOWER, "RFC 9318 s4.2.4", ("p50", "p95"), _EACH_WAY),
    Quantity("responsiveness", "rpm", _HIGHER, _RPM, directions=_EACH_WAY),
    Quantity("tcp_efficiency", "ppm", _HIGHER, "RFC 6349 s4.2", directions=_EACH_WAY),
    Quantity("buffer_delay", "ppm", _LOWER, "RFC 6349 s4.3", directions=_EACH_WAY),
    Quantity("availability", "ppm", _HIGHER, "ITU-T Y.1540"),
)

METRICS: Mapping[str, Quantity] = MappingProxyType(
    {name: quantity for quantity in QUANTITIES for name in quantity.metric_names()}
)

_DEVICE_READINGS = (
    Quantity("radio_cinr", "dB", _HIGHER, "the CPE's own figure"),
    Quantity("dsl_sync", "bps", _HIGHER, "the modem's own figure", directions=_EACH_WAY),
)

READINGS: Mapping[str, Quantity] = MappingProxyType(
    {name: quantity for quantity in _DEVICE_READINGS for name in quantity.metric_names()}
)
"""Figures a device states about itself: a plan may ask for them, Omega only passes them on."""


class NoValue(StrEnum):
    """Why a metric has no value."""

    NOT_MEASURED = "not_measured"  # no task of this run measures it
    SKIPPED = "skipped"  # the mode leaves its task out
    NO_REPLY = "no_reply"  # asked, and nothing came back
    TOO_FEW_SAMPLES = "too_few_samples"
    LOSSY_AT_ANY_RATE = "lossy_at_any_rate"  # no sub-interval met the loss criterion
    WAY_UNKNOWN = "way_unknown"  # lost, but the report that tells which way never came
    LINK_LOST = "link_lost"
    TEST_POINT_LOST = "test_point_lost"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    BUDGET = "budget"
    NO_GRANT = "no_grant"


class LimitCause(StrEnum):
    """What kept a rate from being higher (`omega_core.limit_cause`)."""

    PATH = "path"  # the network between the two hosts: what is meant to be measured
    PROBE_HOST = "probe_host"
    TEST_POINT = "test_point"
    LAN = "lan"  # the measuring host's own link
    GRANT = "grant"  # the octets that the session may move
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue(Fact):
    """A measured value with the size of its sample and how it was made, or why there is none.

    `limited_by` says of a rate what kept it from being higher; null of all others.
    """

    value: Count | None
    unit: Unit
    samples: Count
    method: Text
    reason: NoValue | None = None
    limited_by: LimitCause | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != (self.reason is not None):
            raise ValueError("a metric has a value, or a reason for having none")


def measured(name: str, value: int, *, samples: int, method: str) -> MetricValue:
    """Return a value under the public name's own unit; KeyError for a name nobody defined."""
    return MetricValue(value=value, unit=METRICS[name].unit, samples=samples, method=method)


def undefined(name: str, reason: NoValue, *, samples: int = 0, method: str = "") -> MetricValue:
    """Return the absence of a value, with its reason; KeyError for a name nobody defined."""
    unit = METRICS[name].unit
    return MetricValue(value=None, unit=unit, samples=samples, method=method, reason=reason)
