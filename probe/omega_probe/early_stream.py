"""A delay stream that has begun while the session still waits for something else.

The stream has a thread, which never touches the control connection; whoever runs the session takes
it over with `finish`, and from then on it is as if it ran there: progress is shown, the control
connection watched, a stop heard. Its evidence is the same wherever it runs. The thread stays until
`leave`: with it would go the kernel's account of how long it was kept from a processor.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from omega_probe.delay_stream import (
    AtTestPoint,
    HeldStream,
    OpenedStream,
    StreamPlan,
    ended_of,
    run_stream,
)
from omega_probe.errors import TestPointLostError, TestPointRefusedError
from omega_probe.giving_way import giving_way
from omega_probe.round_trip import StampSender

LOOK_S: Final = 0.02  # how soon a stop is noticed, what the test point says, and that all is sent
LEAVE_S: Final = 5.0  # the thread looks at its stop ten times a second
SHOWN_LOOKS: Final = 10  # five times a second


class EarlyStream:
    """Runs from the moment it is made; `finish` is called once, and in the end `leave`."""

    def __init__(self, plan: StreamPlan, at: AtTestPoint, opened: OpenedStream) -> None:
        self._plan = plan
        self._at = at
        self._opened = opened
        self._until = threading.Event()
        self._over = threading.Event()
        self._may_leave = threading.Event()
        self._all_sent = threading.Event()
        self._machine: StampSender | None = None
        self._held: HeldStream | None = None
        self._defect: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="early-stream", daemon=True)
        self._thread.start()

    def finish(
        self, *, progress: Callable[[StampSender], None], all_sent: Callable[[], None]
    ) -> HeldStream:
        """Return what the stream came to, when it has ended by itself or was stopped.

        It is stopped when the session is, or the test point is gone. `progress` is given the
        machine now and then, `all_sent` is called once when only replies are still to come. Raises
        what broke the thread, which is a defect.
        """
        lost: TestPointLostError | TestPointRefusedError | None = None
        told, looks = False, 0
        while not self._over.wait(LOOK_S):
            try:
                self._look()
            except (TestPointLostError, TestPointRefusedError) as error:
                lost = lost or error
                self._until.set()
            if self._all_sent.is_set() and not told and lost is None:
                told = True
                all_sent()
            looks += 1
            if self._machine is not None and looks % SHOWN_LOOKS == 0:
                progress(self._machine)
        if not told and lost is None:
            all_sent()
        if self._held is None:
            assert self._defect is not None  # noqa: S101 - one of the two there is
            raise self._defect
        if lost is None:
            return self._held
        return self._held._replace(ended=ended_of(lost), detail=str(lost))

    def leave(self) -> None:
        """Have the thread leave, and wait for it; a stream that is not finished is cut off."""
        self._until.set()
        self._may_leave.set()
        self._thread.join(LEAVE_S)

    def _look(self) -> None:
        """Hear a stop, and what the test point says; raises what the client raises."""
        if self._at.waiter.stop.is_set():
            self._until.set()
        self._at.client.poll()

    def _made(self, machine: StampSender) -> None:
        self._machine = machine

    def _run(self) -> None:
        try:
            # Whoever waits for the session has work meanwhile: modules to load, answers to read.
            with giving_way():
                self._held = run_stream(
                    self._plan,
                    self._at,
                    self._opened,
                    all_sent=self._all_sent.set,
                    watches=False,
                    until=self._until,
                    made=self._made,
                )
        except BaseException as error:  # noqa: BLE001 - told by `finish`, in the session's thread
            self._defect = error
        finally:
            self._over.set()
            self._may_leave.wait(LEAVE_S)
