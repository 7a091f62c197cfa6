"""The meter of the probe's own traffic, on real connections."""

from __future__ import annotations

import socket

from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.validity import Carried, OwnTraffic


def test_a_meter_sums_what_is_past_and_what_is_open() -> None:
    meter = OwnTrafficMeter()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        with near, far:
            meter.watch(near, bulk=False)
            near.sendall(bytes(1_000))
            assert far.recv(1_000, socket.MSG_WAITALL) == bytes(1_000)
            before = meter.reading()
            assert before.tx.payload_octets == 1_000
            meter.add(OwnTraffic(tx=Carried(7, 0, 1)))
            meter.release(near)
            assert meter.reading().tx.payload_octets == 1_007
        meter.release(near)
    assert meter.reading().tx.payload_octets == 1_007, "a release without a watch changes nothing"


def test_a_connection_that_is_gone_keeps_its_last_reading() -> None:
    meter = OwnTrafficMeter()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        meter.watch(near, bulk=False)
        near.sendall(bytes(500))
        assert meter.reading().tx.payload_octets == 500
        near.close()
    assert meter.reading().tx.payload_octets == 500
