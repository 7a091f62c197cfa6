"""The link in the owner's hands: start the pumps, change the link, read the truth.

A process moves one direction, or those of several links; each direction has a number in it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from lab.errors import LabError
from lab.link import changed
from lab.messages import receive_message, send_message
from lab.spec import DirectionSpec
from lab.truth import DirectionTruth, PacketTruth, read_rows

_ANSWER_TIMEOUT_S = 10
_END_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A direction to be moved: from one interface to another of the links' own namespace."""

    spec: DirectionSpec
    source: str
    sink: str


class PumpProcess:
    """The process of one direction or several, seen from the lab.

    Entering starts the interpreter, which takes longest; `start` gives it its work once the
    interfaces exist.
    """

    def __enter__(self) -> Self:
        self._control, far_end = socket.socketpair()
        self._control.settimeout(_ANSWER_TIMEOUT_S)
        with far_end:
            descriptor = far_end.fileno()
            # -S: neither site-packages nor a coverage tracer, which would slow every frame
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-P", "-m", "lab.pump", str(descriptor)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[descriptor],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,  # Ctrl-C is for the owner, which then closes the lab
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._control.close()
        try:
            self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def start(self, directions: Sequence[Carried], namespaces: Sequence[int]) -> None:
        """Begin to carry frames; the namespaces are the links' own, then those of the hosts."""
        self._specs = [each.spec for each in directions]
        self._packets: list[list[PacketTruth]] = [[] for _ in directions]
        socket.send_fds(self._control, [b"n"], [*namespaces])
        described = [
            {"spec": each.spec.to_json(), "source": each.source, "sink": each.sink}
            for each in directions
        ]
        self._ask({"directions": described, "owner": os.getpid()})

    def direction(self, number: int = 0) -> EmulatedDirection:
        """Return one of the directions, in the order in which they were given."""
        return EmulatedDirection(self, number)

    def spec(self, number: int) -> DirectionSpec:
        """Return what a direction does at present."""
        return self._specs[number]

    def change(self, number: int, spec: DirectionSpec) -> DirectionTruth:
        """Have a direction go on as `spec`; return the truth until now."""
        truth = self.order(number, spec=spec.to_json())
        self._specs[number] = spec
        return truth

    def order(self, number: int, **fields: Any) -> DirectionTruth:  # noqa: ANN401 - goes into JSON
        """Have something done, now, and return the truth of a direction up to that moment."""
        report, raw = self._ask({**fields, "pump": number})
        self._packets[number].extend(read_rows(raw))
        return DirectionTruth(**report, packets=tuple(self._packets[number]))

    def _ask(self, fields: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        answer = None
        with suppress(OSError):  # closed here, gone there, or silent for too long
            send_message(self._control, fields)
            answer = receive_message(self._control)
        if answer is None:
            raise LabError("the emulated link does not answer: its lab is closed, or it broke down")
        return answer


@dataclass(frozen=True, slots=True)
class EmulatedDirection:
    """One direction while the lab runs. Changes take effect at once, also on what is queued."""

    _pump: PumpProcess
    _number: int

    @property
    def spec(self) -> DirectionSpec:
        """What the direction does at present."""
        return self._pump.spec(self._number)

    def set(self, **fields: int | bool | None) -> DirectionTruth:
        """Change fields of the `DirectionSpec`, except outages; return the truth until now."""
        return self._pump.change(self._number, changed(self.spec, **fields))

    def cut(self) -> DirectionTruth:
        """Begin an outage."""
        return self._pump.order(self._number, cut=True)

    def mend(self) -> DirectionTruth:
        """End the outage."""
        return self._pump.order(self._number, cut=False)

    def watch(self, ports: Collection[int]) -> DirectionTruth:
        """From now on log the packets from or to these UDP ports, and no others."""
        return self._pump.order(self._number, watch=sorted(ports))

    def truth(self) -> DirectionTruth:
        """Return the counters, and every packet logged since the link came up."""
        return self._pump.order(self._number)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTruth:
    """Both directions."""

    down: DirectionTruth
    up: DirectionTruth

    def is_sound(self) -> bool:
        """Say whether the link did what its model said, both ways."""
        return self.down.is_sound() and self.up.is_sound()


class EmulatedLink:
    """The whole link; what is said to it is said to both directions."""

    def __init__(self, *, down: EmulatedDirection, up: EmulatedDirection) -> None:
        self.down = down
        self.up = up

    def set(self, **fields: int | bool | None) -> LinkTruth:
        """See `EmulatedDirection.set`."""
        return LinkTruth(down=self.down.set(**fields), up=self.up.set(**fields))

    def cut(self) -> LinkTruth:
        """See `EmulatedDirection.cut`."""
        return LinkTruth(down=self.down.cut(), up=self.up.cut())

    def mend(self) -> LinkTruth:
        """See `EmulatedDirection.mend`."""
        return LinkTruth(down=self.down.mend(), up=self.up.mend())

    def watch(self, *ports: int) -> LinkTruth:
        """See `EmulatedDirection.watch`."""
        return LinkTruth(down=self.down.watch(ports), up=self.up.watch(ports))

    def truth(self) -> LinkTruth:
        """See `EmulatedDirection.truth`."""
        return LinkTruth(down=self.down.truth(), up=self.up.truth())
