"""Reaching the test point: TCP, then the control connection, then UDP; all attempts are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from omega_core.evidence import Attempt, Ended, Family
from omega_core.wire.testpoint import OpenStream
from omega_probe.delay_stream import AtTestPoint, HeldStream, opening_of
from omega_probe.opening import NotOpenedError
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.test_point_reach import tcp_attempts, udp_attempt_plans, udp_attempts
from omega_probe.waiting import Waiter, side_by_side

SILENT_AGAIN: Final = 1  # further rounds of attempts while nothing has ever answered


class ConnectivityTask:
    """Carries out one session's task; `attempts` has what was made, those before it included."""

    def __init__(
        self,
        addresses: Mapping[Family, str],
        tcp_port: int,
        *,
        rounds: int,
        waiter: Waiter,
        meter: OwnTrafficMeter,
        earlier: Sequence[Attempt],
    ) -> None:
        self.attempts = [*earlier]
        self.cut_short: HeldStream | None = None
        """A stream of attempts that could not go on."""
        self._addresses = addresses
        self._tcp_port = tcp_port
        self._rounds = rounds
        self._waiter = waiter
        self._meter = meter

    def reach(
        self,
        open_session: Callable[[Sequence[OpenStream]], AtTestPoint],
        *,
        all_sent: Callable[[], None],
    ) -> None:
        """Try both ways at once; raises NotOpenedError or StoppedError.

        `open_session` opens the session, and asks for streams together with it. `all_sent` is
        called when the last attempt over UDP has been made and only replies are still to come.

        A session that could not be opened is tried again when the test point has answered since:
        a line may need some seconds to come up.
        """
        by_udp = partial(self._by_udp, open_session, all_sent)
        ways: list[Callable[[], None]] = [self._by_tcp, by_udp]
        try:
            side_by_side(ways)
        except NotOpenedError as error:
            answered = any(each.to_test_point and each.answered for each in self.attempts)
            if error.ended is not Ended.LINK_LOST or not answered:
                raise
            by_udp()

    def _by_udp(
        self,
        open_session: Callable[[Sequence[OpenStream]], AtTestPoint],
        all_sent: Callable[[], None],
    ) -> None:
        """Open the session, and try the way that its packets take."""
        plans = udp_attempt_plans(self._addresses, rounds=self._rounds, first_stream=0)
        at = open_session([opening_of(plan) for plan in plans])
        made, self.cut_short = udp_attempts(plans, at, all_sent=all_sent)
        self.attempts += made

    def _by_tcp(self) -> None:
        """Try the test point; once more when nothing at all answered.

        Silence twice in a row is a finding about the line, silence once may be a moment.
        """
        for _ in range(1 + SILENT_AGAIN):
            tcp_attempts(
                self._addresses,
                self._tcp_port,
                rounds=self._rounds,
                waiter=self._waiter,
                meter=self._meter,
                keep=self.attempts.append,
            )
            if any(attempt.to_test_point and attempt.answered for attempt in self.attempts):
                return
