"""What a session is to measure, where, and within which limits: the probe's whole instruction.

The agent makes these from a grant; the probe knows neither plans nor verdicts. Everything is an
integer in the unit of its name, so a plan can be written down and compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from omega_core import limits
from omega_core.metrics import Direction
from omega_core.qualification import DEFAULT, Allowance
from omega_core.units import NS_PER_S

CONNECTIVITY_ATTEMPTS_DEFAULT = 3
IDLE_DURATION_NS_DEFAULT = 10 * NS_PER_S
PRECHECK_NS_DEFAULT = 2 * NS_PER_S
_KNOWN_SOON_NS = 2 * NS_PER_S  # what tasks that end by themselves take on most lines
_QUICK_NS, _SEARCH_NS, _HELD_NS = NS_PER_S, 2 * NS_PER_S, 3 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodputTask:
    """One TCP run: which way, and for how long at most.

    With `until_known` it ends as soon as its rate is what a search before it has found the line to
    carry, and does not take all of the time on a path that needs less. `beside` is whether a delay
    stream goes on beside it. With `if_open` it is held only if the session's guide says that what
    the runs before it were asked is still open.
    """

    direction: Direction
    duration_ns: int
    until_known: bool = False
    beside: bool = True
    if_open: bool = False

    @property
    def name(self) -> str:
        """What the task is called in the evidence."""
        return f"goodput_{self.direction}"

    @property
    def expected_ns(self) -> int:
        """About how long it takes, for a display."""
        return min(_KNOWN_SOON_NS, self.duration_ns) if self.until_known else self.duration_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityTask:
    """One UDP load: which way, and for how long at most; it ends as soon as it knows.

    It searches for the IP-layer capacity, a quick one over half the sub-interval; with `fixed_bps`
    it asks whether the line carries that rate, with what `allowance` leaves to the line, in packets
    of `mtu_bytes` where that is known. A `repeat` is held only where the last run at this rate was
    short. A search that `holds` then fills the buffer and keeps it full for as long as working
    latency needs.
    """

    direction: Direction
    duration_ns: int
    quick: bool = False
    holds: bool = False
    fixed_bps: int | None = None
    allowance: Allowance = DEFAULT
    mtu_bytes: int | None = None
    repeat: bool = False

    @property
    def name(self) -> str:
        """What the task is called in the evidence."""
        what = "capacity" if self.fixed_bps is None else "qualified"
        return f"{what}_{self.direction}"

    @property
    def expected_ns(self) -> int:
        """About how long it takes, for a display."""
        usual_ns = _QUICK_NS if self.quick else _HELD_NS if self.holds else _SEARCH_NS
        return min(usual_ns, self.duration_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementPlan:
    """The tasks of a session and their parameters.

    An `idle_hurried` stream waits at its end for one and a half times the longest round trip
    instead of for ten.
    With `idle_look_ns` a short stream and the fixed rates come before the idle stream, so that a
    first answer is there soon. `capacity` comes before `goodput`. `skipped` names the tasks that
    this mode leaves out, so that the result can say so. `expected_bps_down` and `_up` are
    what the line was sold to carry, as far as anybody said: other traffic is weighed against them.
    With `stop_when_invalid` a fault that
    the precheck finds ends the session before data is spent; without, it only marks the result.
    """

    connectivity_attempts: int = CONNECTIVITY_ATTEMPTS_DEFAULT
    idle_duration_ns: int = IDLE_DURATION_NS_DEFAULT
    idle_period_ns: int = limits.STREAM_PERIOD_NS_DEFAULT
    idle_authenticated: bool = False
    idle_hurried: bool = False
    idle_look_ns: int = 0
    capacity: tuple[CapacityTask, ...] = ()
    goodput: tuple[GoodputTask, ...] = ()
    skipped: tuple[str, ...] = ()
    expected_bps_down: int | None = None
    expected_bps_up: int | None = None
    precheck_ns: int = PRECHECK_NS_DEFAULT
    stop_when_invalid: bool = False

    def expected_bps(self, direction: Direction) -> int | None:
        """Return what the line was sold to carry in a direction, None if nobody said."""
        return self.expected_bps_down if direction is Direction.DOWN else self.expected_bps_up

    def loads(self) -> tuple[GoodputTask | CapacityTask, ...]:
        """Return what loads the line in the order in which it is held.

        Fixed rates find a lossy line cheaply and come first; what searches find, TCP needs not find
        out; repeats come last, because they are to be later than what they repeat.
        """
        asked = self._asked()
        searches = tuple(task for task in self.capacity if not task.fixed_bps)
        repeats = tuple(task for task in self.capacity if task.repeat)
        return (*asked, *searches, *self.goodput, *repeats)

    @property
    def loads_before_idle(self) -> int:
        """How many of the loads are held before the idle stream, after a short look at the line."""
        return len(self._asked()) if self.idle_look_ns else 0

    def _asked(self) -> tuple[CapacityTask, ...]:
        return tuple(task for task in self.capacity if task.fixed_bps and not task.repeat)

    @property
    def begins_with_search(self) -> bool:
        """Whether the first load takes what octets there are: a share set aside is no matter."""
        first = next(iter(self.loads()), None)
        return isinstance(first, CapacityTask) and first.fixed_bps is None

    def __post_init__(self) -> None:
        """Raise ValueError for a plan that no session can carry out; an agent's defect."""
        _check("connectivity_attempts", self.connectivity_attempts, 1, limits.ATTEMPTS_MAX)
        _check("idle_duration_ns", self.idle_duration_ns, 0, limits.STREAM_DURATION_NS_MAX)
        _check("idle_look_ns", self.idle_look_ns, 0, limits.STREAM_DURATION_NS_MAX)
        _check("idle_period_ns", self.idle_period_ns, limits.STREAM_PERIOD_NS_MIN, NS_PER_S)
        _check("goodput runs", len(self.goodput), 0, limits.GOODPUT_RUNS_MAX)
        _check("precheck_ns", self.precheck_ns, 0, limits.PRECHECK_NS_MAX)
        _check("runs", len(self.goodput) + len(self.capacity), 0, limits.GOODPUT_RUNS_MAX)
        _check("capacity runs", len(self.capacity), 0, limits.CAPACITY_RUNS_MAX)
        for task in self.goodput:
            _check("duration_ns", task.duration_ns, limits.TICK_NS, limits.GOODPUT_RUN_NS_MAX)
        for search in self.capacity:
            _check("duration_ns", search.duration_ns, limits.TICK_NS, limits.LOAD_RUN_NS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPointAccess:
    """Where the test point is and what the grant allows: everything from the grant's content.

    `grant` is the sealed grant as received, `secret` the session's secret. Bytes are IP octets.
    """

    __test__ = False  # not a pytest class

    session_id: str
    grant: str
    secret: bytes
    addresses: tuple[str, ...]
    tcp_port: int
    udp_port: int
    bytes_down_max: int
    bytes_up_max: int
    duration_s_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTarget:
    """Where the Controller is, and a path whose GET costs little."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} must be in {least}..{most}, not {value}")
