"""What a chain is to be: a line, how its routers speak, and at most one fault. Drawn from a seed.

    device --lan-- box --access-- edge --backhaul-- core --site-- test point
                                                      |
                                                   transit
                                                      |
                           far host --peering-- border --second-- other host

Pure. A case is a value that says everything, so its JSON form builds the same chain again; the
same seed draws the same case. Sizes are those that a customer feels: a loss of 3 to 30 %, 80 to 500
ms more, a tenth to six tenths of the rate, an MTU of 1,280 to 1,400.

`PLACES` are the pairs of fault and place that are drawn: all that can be told apart, in principle,
from the customer's device. `INDISTINCT` are those that can't: they can be built, by name, and are
not drawn. A box that loses a share of what it forwards looks like a lossy link behind it; and
nothing is measured past the test point that a short rate or a hole for large packets would show in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final

from pydantic import TypeAdapter

from omega_acceptance.zone.codes import Zone
from omega_core.units import PPM


class Kind(StrEnum):
    """What is wrong."""

    LOSS = "loss"
    DELAY = "delay"
    RATE = "rate"
    NAMES = "names"  # DNS
    MTU = "mtu"  # larger packets vanish, and nobody says so
    DOWN = "down"
    ONE_WAY = "one_way"  # one direction is dead
    WEDGED = "wedged"  # the box answers, and passes nothing on
    OVERLOADED = "overloaded"  # the box loses a share of what it passes on


class Ways(StrEnum):
    """Which directions of a link a fault is in; up is away from the customer."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Manner(StrEnum):
    """How a fault shows that has several faces."""

    REFUSES = "refuses"  # names: nobody listens at the port
    FAILS = "fails"  # names: SERVFAIL
    SILENT = "silent"  # names: no answer; down: nobody says so
    TOLD = "told"  # down: the router before it knows, and says "unreachable"; at home, no carrier
    NO_FORWARDING = "no_forwarding"  # wedged: not even a packet's time runs out in it
    DROPPED = "dropped"  # wedged: a packet's time does, and what is left of it goes no further


class Speech(StrEnum):
    """How a router speaks for itself; whatever it says, it forwards."""

    LIMITED = "limited"  # one "time exceeded" a second and asker, after six at once: as Linux
    PROMPT = "prompt"  # every one of them
    SILENT = "silent"  # none
    DEAF = "deaf"  # does not answer echo
    MUTE = "mute"  # neither


class Access(StrEnum):
    """A kind of access line; what each is stands in `lines`."""

    WIMAX = "wimax"
    ADSL = "adsl"
    FIBRE = "fibre"


BOX, EDGE, CORE, TEST_POINT, BORDER, FAR = "box", "edge", "core", "testpoint", "border", "far"
LAN, ACCESS, BACKHAUL, SITE = "lan", "access", "backhaul", "site"
TRANSIT, PEERING, SECOND = "transit", "peering", "second"
LINKS: Final = (LAN, ACCESS, BACKHAUL, SITE, TRANSIT, PEERING, SECOND)

ZONE_OF: Final[Mapping[str, Zone]] = {
    LAN: Zone.LAN,
    BOX: Zone.CPE,
    ACCESS: Zone.ACCESS,
    BACKHAUL: Zone.CORE,
    SITE: Zone.CORE,
    TRANSIT: Zone.BEYOND,
    PEERING: Zone.BEYOND,
    FAR: Zone.BEYOND,
}
"""In which zone a place lies. `second` has no faults of its own: it is the network still good."""

_WITHIN: Final = {
    Zone.LAN: (LAN,),
    Zone.ACCESS: (ACCESS,),
    Zone.CORE: (BACKHAUL, SITE),
    Zone.BEYOND: (TRANSIT, PEERING),
}
_NEAR: Final = (Zone.LAN, Zone.ACCESS, Zone.CORE)
PLACES: Final[tuple[tuple[Kind, Zone], ...]] = (
    *(
        (kind, zone)
        for kind in (Kind.LOSS, Kind.DELAY, Kind.DOWN, Kind.ONE_WAY)
        for zone in _WITHIN
    ),
    *((kind, zone) for kind in (Kind.RATE, Kind.MTU) for zone in _NEAR),
    (Kind.NAMES, Zone.CPE),
    (Kind.NAMES, Zone.BEYOND),
    (Kind.WEDGED, Zone.CPE),
)
INDISTINCT: Final[tuple[tuple[Kind, Zone], ...]] = (
    (Kind.OVERLOADED, Zone.CPE),
    (Kind.RATE, Zone.BEYOND),
    (Kind.MTU, Zone.BEYOND),
)

HEALTHY_SHARE: Final = 0.25
LOSS_PPM: Final = (30_000, 300_000)
DELAY_US: Final = (80_000, 500_000)
RATE_PPM: Final = (100_000, 600_000)
MTU_OCTETS: Final = (1_280, 1_400)
OVERLOAD_PPM: Final = (200_000, 600_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: what, where, how much. A size that does not belong to its kind is None.

    `delay_us` is the whole addition to a round trip, `rate_ppm` what is left of the access line's
    rate, in each direction.
    """

    kind: Kind
    place: str
    ways: Ways = Ways.BOTH
    loss_ppm: int | None = None
    delay_us: int | None = None
    rate_ppm: int | None = None
    mtu_octets: int | None = None
    manner: Manner | None = None

    @property
    def zone(self) -> Zone:
        """The zone it lies in: what a finder should say."""
        return ZONE_OF[self.place]

    def __str__(self) -> str:
        sizes = {
            "loss": self.loss_ppm and f"{self.loss_ppm / PPM:.1%}",
            "delay": self.delay_us and f"{self.delay_us // 1000} ms",
            "rate": self.rate_ppm and f"{self.rate_ppm / PPM:.0%}",
            "mtu": self.mtu_octets and f"{self.mtu_octets} octets",
        }
        said = [size for size in sizes.values() if size] + ([self.manner] if self.manner else [])
        way = [] if self.ways is Ways.BOTH else [self.ways]
        return " ".join([self.kind, "at", self.place, *said, *way])


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCase:
    """A chain. `cgnat` puts a second translation of addresses at the edge, 100.64.0.0/10 before it.

    `wireless` gives the LAN what Wi-Fi does to packets (the interface stays a wired one).
    `own_resolver` has the device ask a name server past the test point, and not the box. A router
    that `speech` does not name is LIMITED.
    """

    seed: int = 0
    access: Access = Access.ADSL
    ipv6: bool = True
    cgnat: bool = False
    wireless: bool = False
    own_resolver: bool = False
    speech: Mapping[str, Speech] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def zone(self) -> Zone:
        """The truth."""
        return Zone.NONE if self.fault is None else self.fault.zone

    def to_json(self) -> str:
        """Return what `from_json` takes, on one line."""
        return _CASES.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> ChainCase:
        """Return the case that `to_json` wrote down. Raises ValueError."""
        return _CASES.validate_json(text)


_CASES: Final = TypeAdapter(ChainCase)

_SPEECH: Final[Mapping[str, Mapping[Speech, float]]] = {
    BOX: {Speech.DEAF: 0.02},
    EDGE: {Speech.SILENT: 0.04, Speech.DEAF: 0.12, Speech.MUTE: 0.02, Speech.PROMPT: 0.2},
    CORE: {Speech.SILENT: 0.1, Speech.DEAF: 0.1, Speech.MUTE: 0.05, Speech.PROMPT: 0.2},
    TEST_POINT: {Speech.SILENT: 0.05, Speech.DEAF: 0.05},
    BORDER: {Speech.SILENT: 0.2, Speech.DEAF: 0.1, Speech.MUTE: 0.1, Speech.PROMPT: 0.1},
}
"""How often a node speaks otherwise than LIMITED."""


def draw_case(seed: int) -> ChainCase:
    """Return the case of a seed: healthy, or with one fault of a drawn kind, place and size."""
    random = Random(f"chain {seed}")  # noqa: S311 - a repeatable draw is wanted
    pair = None if random.random() < HEALTHY_SHARE else random.choice(PLACES)
    return _dressed(seed, None if pair is None else _fault(*pair, random), random)


def case_of(kind: Kind, zone: Zone, seed: int) -> ChainCase:
    """Return a case with a fault of this kind in this zone, the rest drawn. Raises ValueError."""
    if (kind, zone) not in PLACES + INDISTINCT:
        raise ValueError(f"there is no fault of kind {kind} in zone {zone}")
    random = Random(f"chain {kind} {zone} {seed}")  # noqa: S311 - a repeatable draw is wanted
    return _dressed(seed, _fault(kind, zone, random), random)


def healthy_case(seed: int) -> ChainCase:
    """Return a case without a fault, the line drawn."""
    random = Random(f"chain healthy {seed}")  # noqa: S311 - a repeatable draw is wanted
    return _dressed(seed, None, random)


def _dressed(seed: int, fault: Fault | None, random: Random) -> ChainCase:
    at_box = fault is not None and fault.kind is Kind.NAMES and fault.place == BOX
    return ChainCase(
        seed=seed,
        access=random.choice(list(Access)),
        ipv6=random.random() < 0.5,
        cgnat=random.random() < 0.5,
        wireless=random.random() < 0.2,
        own_resolver=random.random() < 0.2 and not at_box,
        speech={node: said for node in _SPEECH if (said := _speech(node, random)) is not None},
        fault=fault,
    )


def _speech(node: str, random: Random) -> Speech | None:
    drawn = random.random()
    for speech, share in _SPEECH[node].items():
        drawn -= share
        if drawn < 0:
            return speech
    return None


def _fault(kind: Kind, zone: Zone, random: Random) -> Fault:
    if zone is Zone.CPE:
        return _fault_of_box(kind, random)
    if kind is Kind.NAMES:
        manner = random.choice((Manner.REFUSES, Manner.FAILS, Manner.SILENT))
        return Fault(kind=kind, place=FAR, manner=manner)
    place = random.choice(_WITHIN[zone])
    match kind:
        case Kind.LOSS:
            loss_ppm, ways = random.randint(*LOSS_PPM), random.choice(list(Ways))
            return Fault(kind=kind, place=place, ways=ways, loss_ppm=loss_ppm)
        case Kind.DELAY:
            return Fault(kind=kind, place=place, delay_us=random.randint(*DELAY_US))
        case Kind.RATE:
            return Fault(kind=kind, place=place, rate_ppm=random.randint(*RATE_PPM))
        case Kind.MTU:
            return Fault(kind=kind, place=place, mtu_octets=random.randint(*MTU_OCTETS))
        case Kind.DOWN:
            manner = random.choice((Manner.SILENT, Manner.TOLD))
            return Fault(kind=kind, place=place, manner=manner)
        case Kind.ONE_WAY:
            return Fault(kind=kind, place=place, ways=random.choice((Ways.UP, Ways.DOWN)))
        case _:
            raise ValueError(f"there is no fault of kind {kind} on a link")


def _fault_of_box(kind: Kind, random: Random) -> Fault:
    match kind:
        case Kind.NAMES:
            manner = random.choice((Manner.REFUSES, Manner.FAILS, Manner.SILENT))
            return Fault(kind=kind, place=BOX, manner=manner)
        case Kind.WEDGED:
            manner = random.choice((Manner.NO_FORWARDING, Manner.DROPPED))
            return Fault(kind=kind, place=BOX, manner=manner)
        case Kind.OVERLOADED:
            return Fault(kind=kind, place=BOX, loss_ppm=random.randint(*OVERLOAD_PPM))
        case _:
            raise ValueError(f"there is no fault of kind {kind} in a box")
