"""Opening a session: the first address that answers, Hello, and what the two clocks say.

Addresses are tried in the grant's order. One whose source address the grant does not name is
refused and the next is tried: a host with privacy addresses may prove one and use another.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from omega_core.evidence import Ended, Family
from omega_core.wire.testpoint import PROTOCOL_VERSION, Hello, OpenStream
from omega_probe.attempts import AttemptFailedError, connect, reason_of
from omega_probe.delay_stream import AtTestPoint, ended_of
from omega_probe.errors import TestPointLostError, TestPointRefusedError
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.plan import TestPointAccess
from omega_probe.test_point_client import TestPointClient
from omega_probe.waiting import Waiter

_OTHER_ADDRESS: Final = "grant_other_address"
_BUSY: Final = "busy"
_BUSY_S: Final = 10  # where a test point does not say when
_ANSWERED: Final = {"refused", "reset"}  # the host is there, its test point is not


class NotOpenedError(Exception):
    """No session could be opened; `ended` is how every task ends because of it.

    `busy_s` is after how many seconds a test point that had no room wants to be asked again.
    """

    def __init__(self, ended: Ended, detail: str, *, busy_s: int | None = None) -> None:
        super().__init__(detail)
        self.ended = ended
        self.busy_s = busy_s


class OpenedSession(NamedTuple):
    """An open session. The offset is the test point's clock less ours, to half a round trip."""

    at: AtTestPoint
    offset_us: int


def open_session(
    access: TestPointAccess,
    addresses: Mapping[Family, str],
    *,
    waiter: Waiter,
    meter: OwnTrafficMeter,
    ahead: Sequence[OpenStream] = (),
) -> OpenedSession:
    """Return an open session with the test point; raises NotOpenedError or StoppedError.

    `ahead` is asked for together with it.
    """
    failure = NotOpenedError(Ended.LINK_LOST, "the grant names no address of the test point")
    for family, address in addresses.items():
        try:
            connection = connect(address, access.tcp_port, family, waiter)
            return _open_over(connection, access, waiter, meter, ahead)
        except AttemptFailedError as error:
            failure = NotOpenedError(_ended(error.reason), f"{address}: {error.reason}")
        except OSError as error:
            reason = reason_of(error)
            failure = NotOpenedError(_ended(reason), f"{address}: {reason}")
        except TestPointLostError as error:
            failure = NotOpenedError(error.ended, str(error))
        except TestPointRefusedError as error:
            busy_s = (error.retry_after_s or _BUSY_S) if error.code == _BUSY else None
            failure = NotOpenedError(ended_of(error), f"{error.code}: {error}", busy_s=busy_s)
            if error.code != _OTHER_ADDRESS:
                break
    raise failure


def _open_over(
    connection: socket.socket,
    access: TestPointAccess,
    waiter: Waiter,
    meter: OwnTrafficMeter,
    ahead: Sequence[OpenStream],
) -> OpenedSession:
    clock = waiter.clock
    meter.watch(connection, bulk=False)
    client = TestPointClient(connection, access, clock)
    client.stop = waiter.stop
    try:
        before_us = clock.unix_us()
        hello = Hello(version=PROTOCOL_VERSION, grant=access.grant)
        client.ask_ahead(hello, *ahead)
        client.welcome = client.request(hello)
        middle_us = (before_us + clock.unix_us()) // 2
    except BaseException:
        meter.release(connection)
        client.close()
        raise
    at = AtTestPoint(client, waiter, meter)
    return OpenedSession(at=at, offset_us=client.welcome.now_unix_us - middle_us)


def _ended(reason: str) -> Ended:
    return Ended.TEST_POINT_LOST if reason in _ANSWERED else Ended.LINK_LOST
