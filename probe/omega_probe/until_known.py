"""Ends a stream when what is asked of it is known, and does not disturb it by asking.

Theory of operation. Whoever knows says of how many packets the answer may be known; it is asked
again only when the fate of so many is. The answer takes milliseconds, tens of them on a small
device, and the next packet is due: so it is worked out in a thread of its own, which gives way
after a tenth of one, and heard at a later look. The first answer is worked out before any packet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeAlias

from omega_core.evidence import IdleStream
from omega_core.units import NS_PER_S
from omega_probe.giving_way import giving_way
from omega_probe.round_trip import StampSender

Needed: TypeAlias = Callable[[IdleStream | None], int]
"""Of how many packets the answer may be known, given those whose fate is; None at first."""
Aside: TypeAlias = Callable[[Callable[[], int]], "Future[int]"]

WORTH_ASKING_NS: Final = NS_PER_S


def aside(question: Callable[[], int]) -> Future[int]:
    """Ask in a thread that gives way soon to one that has a packet to send."""
    answer: Future[int] = Future()

    def ask() -> None:
        try:
            with giving_way():
                found = question()
        except BaseException as error:  # noqa: BLE001 - a defect, raised to whoever looks
            answer.set_exception(error)
        else:
            answer.set_result(found)

    threading.Thread(target=ask, name="until-known", daemon=True).start()
    return answer


class UntilKnown:
    """One stream's; looked at now and then, always from one thread."""

    def __init__(self, needed: Needed, *, aside: Aside = aside) -> None:
        self.known_after: int | None = None
        """How many packets it took; None while it is not known."""
        self._needed = needed
        self._aside = aside
        self._packets = needed(None)
        self._asked: tuple[int, Future[int]] | None = None

    def look(
        self, machine: StampSender, now_ns: int, stream_of: Callable[[int], IdleStream | None]
    ) -> None:
        """Look whether enough is known; `stream_of` gives the first packets, to any thread.

        Where less than a second is left nobody is asked: to end then would spare next to nothing.
        """
        self._hear(machine)
        if self._asked is not None or machine.left_ns < WORTH_ASKING_NS:
            return
        settled = machine.settled(now_ns)
        if settled >= self._packets:
            self._asked = settled, self._aside(lambda: self._needed(stream_of(settled)))
            self._hear(machine)

    def _hear(self, machine: StampSender) -> None:
        """Take the answer, if it is there."""
        if self._asked is None or not self._asked[1].done():
            return
        (settled, answer), self._asked = self._asked, None
        self._packets = answer.result()
        if self._packets <= settled and machine.left_ns > 0:
            self.known_after = settled
            machine.end_sending()
