"""The largest packet that passes, without socket and clock.

Theory of operation. Packets of many sizes go out side by side, fragmenting forbidden, each with a
number; the driver says which were answered. First the sizes that links and tunnels usually leave
(1,500, 1,492 of PPPoE, 1,480 of a tunnel in IPv4, ...), then seven sizes that divide what is left
between the largest that passed and the smallest that did not, until they are neighbours: a binary
search that takes three halvings a round trip instead of one.

    driver                         machine
    sizes_to_send()     ----->     (number, size) of one step, each once; empty at the end
    answered(number)    ----->     it passed, and so does everything smaller
    told(number, who, mtu) -->     a router says it is too big
    refused(number)     ----->     the host itself can't send it: larger than its interface
    step_over()         ----->     what was not answered is missing

A lost packet must not be taken for one that is too large. So a size has failed only after three
packets without an answer in steps in which a smaller one was answered, and the boundary at the end
is asked three times more; a search that was cut before that has found no hole, for on a slow line
the large packets of a step push each other out of a short queue. A router that says what it can
carry is believed to the extent that packets of that size pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from omega_core import limits
from omega_core.facts import Family
from omega_core.path import MtuEnd, MtuTold, MtuTry

TRIES: Final = 3
CONFIRMING_TRIES: Final = 3
SECTIONS: Final = 8
STEPS_MAX: Final = 10
OCTETS_MIN: Final[dict[Family, int]] = {4: limits.MTU_OCTETS_MIN_V4, 6: limits.MTU_OCTETS_MIN_V6}
USUAL_OCTETS: Final = (1_492, 1_480, 1_472, 1_460, 1_440, 1_420, 1_400, 1_360, 1_280)


@dataclass(slots=True)
class _Size:
    """What is known of one size."""

    sent: int = 0
    answered: int = 0
    told: bool = False
    refused: bool = False


class MtuSearch:
    """A search between what every link carries and what the interface does."""

    def __init__(self, family: Family, interface_mtu_octets: int) -> None:
        self.start_octets = max(
            OCTETS_MIN[family], min(interface_mtu_octets, limits.PLAN_MTU_BYTES_MAX)
        )
        self._least = OCTETS_MIN[family]
        self._sizes: dict[int, _Size] = {}
        self._size_of: list[int] = []
        self._told: dict[MtuTold, None] = {}
        self._steps = 0
        self._confirmed = False
        self._cut = False

    def sizes_to_send(self) -> list[tuple[int, int]]:
        """Return number and size of each packet of the next step, smallest first."""
        if self._cut or self._steps >= STEPS_MAX or len(self._sizes) >= limits.MTU_TRIES_MAX:
            return []
        sizes = self._wanted()
        self._steps += bool(sizes)
        step = []
        for octets in sizes:
            self._sizes.setdefault(octets, _Size()).sent += 1
            step.append((len(self._size_of), octets))
            self._size_of.append(octets)
        return step

    def answered(self, number: int) -> None:
        """A packet was answered."""
        size = self._of(number)
        if size is not None:
            size.answered = min(size.answered + 1, size.sent)

    def told(self, number: int | None, address: str | None, mtu_octets: int | None) -> None:
        """Somebody said that a packet is too big; `number` is None if it did not say which."""
        if len(self._told) < limits.MTU_TRIES_MAX:
            self._told[MtuTold(address=address, mtu_octets=mtu_octets)] = None
        size = None if number is None else self._of(number)
        if size is not None:
            size.told = True

    def refused(self, number: int) -> None:
        """The host can't send a packet of this size."""
        size = self._of(number)
        if size is not None:
            size.sent -= 1
            size.refused = True

    def stop(self) -> None:
        """Time or packets are used up."""
        self._cut = True

    @property
    def largest_passed(self) -> int | None:
        """The largest size of which a packet was answered."""
        return max((octets for octets, size in self._sizes.items() if size.answered), default=None)

    @property
    def smallest_failed(self) -> int | None:
        """The smallest size above it that was not, three times or by somebody's word."""
        passed = self.largest_passed or 0
        return min(
            (o for o, size in self._sizes.items() if o > passed and self._has_failed(size)),
            default=None,
        )

    @property
    def ended(self) -> MtuEnd:
        """What the search came to."""
        passed, failed = self.largest_passed, self.smallest_failed
        if passed is None:
            return MtuEnd.BUDGET if self._cut and failed is None else MtuEnd.UNANSWERED
        if passed >= self.start_octets:
            return MtuEnd.WHOLE
        if failed is None or failed > passed + 1:
            return MtuEnd.BUDGET
        if self._was_told(failed):
            return MtuEnd.TOLD
        return MtuEnd.BUDGET if self._cut else MtuEnd.BLACK_HOLE

    def tries(self) -> tuple[MtuTry, ...]:
        """Return what was sent of each size, and answered."""
        return tuple(
            MtuTry(ip_octets=octets, sent=size.sent, answered=size.answered)
            for octets, size in sorted(self._sizes.items())
            if size.sent
        )

    def who_told(self) -> tuple[MtuTold, ...]:
        """Return who said that something was too big."""
        return (*self._told,)

    def _of(self, number: int) -> _Size | None:
        if not 0 <= number < len(self._size_of):
            return None
        return self._sizes[self._size_of[number]]

    def _has_failed(self, size: _Size) -> bool:
        return not size.answered and (size.told or size.refused or size.sent >= TRIES)

    def _was_told(self, failed: int) -> bool:
        """Somebody spoke of the failing size, or of a boundary that is the one found."""
        spoke = any(size.told for octets, size in self._sizes.items() if octets >= failed)
        return spoke or any(told.mtu_octets == failed - 1 for told in self._told)

    def _wanted(self) -> list[int]:
        """Return the sizes of the next step, a size as often as it is sent."""
        if self._steps == 0:
            usual = {octets for octets in USUAL_OCTETS if self._least < octets < self.start_octets}
            return sorted({self._least, self.start_octets} | usual)
        open_sizes = self._open()
        if open_sizes:
            return open_sizes
        passed, failed = self.largest_passed, self.smallest_failed
        if passed is None or passed >= self.start_octets:
            return []
        if failed is not None and failed <= passed + 1:
            return self._confirming(failed)
        return self._between(passed, self.start_octets if failed is None else failed)

    def _open(self) -> list[int]:
        """Sizes above what passed that have neither failed nor been answered, as often as needed.

        Both ends of the gap are enough: what fails there decides about everything above.
        """
        passed, failed = self.largest_passed or 0, self.smallest_failed or self.start_octets + 1
        waiting = [
            octets
            for octets, size in sorted(self._sizes.items())
            if passed < octets < failed and not self._has_failed(size)
        ]
        chosen = waiting if passed else waiting[:1]
        return [o for o in chosen for _ in range(max(0, TRIES - self._sizes[o].sent))]

    def _confirming(self, failed: int) -> list[int]:
        """Ask the boundary once more, unless somebody's word already says it."""
        if self._confirmed or self._sizes[failed].refused or self._was_told(failed):
            return []
        self._confirmed = True
        return [failed] * CONFIRMING_TRIES

    def _between(self, passed: int, failed: int) -> list[int]:
        """Return what somebody said that passes, if it is in the gap, else what divides the gap."""
        said = [told.mtu_octets for told in self._told if told.mtu_octets is not None]
        points = self._unknown({o + more for o in said for more in (0, 1)}, passed, failed)
        if not points:
            parts = {passed + (failed - passed) * part // SECTIONS for part in range(1, SECTIONS)}
            points = self._unknown(parts, passed, failed)
        return sorted([*points] * TRIES)

    def _unknown(self, points: Iterable[int], passed: int, failed: int) -> set[int]:
        return {each for each in points if passed < each < failed and each not in self._sizes}
