"""The test point that runs as this server's child, under supervision.

The Controller asks `ready()` for each session. A child that has died is started again, with a pause
that grows while it keeps dying, on the same ports, so that what was told about them stays true;
until it is back sessions are refused as `busy`.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

import structlog

from omega_server.places import TestPointPlace
from omega_server.testpoint import Ports, TestPointProcess, TestPointSettings

_LOOK_S = 0.5
_PAUSE_S_MAX = 30.0
_METRICS_TIMEOUT_S = 2.0  # it answers from memory; scrapers give up after ten

_log = structlog.get_logger(__name__)


class LocalTestPoint:
    """The test point of `omega-server run`: a child process under supervision."""

    def __init__(
        self, settings: TestPointSettings, *, key: str, addresses: tuple[str, ...]
    ) -> None:
        self._settings = settings
        self._key = key
        self._addresses = addresses
        self._process: TestPointProcess | None = None
        self._place: TestPointPlace | None = None
        self._ports: Ports | None = None
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="test-point-watch", daemon=True)

    def start(self) -> TestPointPlace:
        """Start the child; return where it is. Raises what `TestPointProcess.start` raises."""
        place = self._launch()
        self._watcher.start()
        return place

    def ready(self) -> TestPointPlace | None:
        """See `TestPoints.ready`."""
        process, place = self._process, self._place
        return place if process is not None and process.alive else None

    def metrics(self) -> bytes | None:
        """Return the child's counters as it tells them; None when it tells nothing."""
        ports = self._ports
        if ports is None or ports.metrics_port is None:
            return None
        connection = HTTPConnection("127.0.0.1", ports.metrics_port, timeout=_METRICS_TIMEOUT_S)
        try:
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            return response.read() if response.status == HTTPStatus.OK else None
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def stop(self) -> None:
        """End the child and its supervision."""
        self._ending.set()
        if self._watcher.is_alive():
            self._watcher.join()
        if self._process is not None:
            self._process.stop()

    def _launch(self) -> TestPointPlace:
        process = TestPointProcess(self._settings)
        ports = process.start()
        self._settings = replace(self._settings, tcp_port=ports.tcp_port, udp_port=ports.udp_port)
        self._process, self._ports = process, ports
        self._place = TestPointPlace(
            id=self._settings.id,
            key=self._key,
            tcp_port=ports.tcp_port,
            udp_port=ports.udp_port,
            addresses=self._addresses,
        )
        return self._place

    def _watch(self) -> None:
        pause_s = _LOOK_S
        while not self._ending.wait(pause_s):
            if self._process is not None and self._process.alive:
                pause_s = _LOOK_S
                continue
            pause_s = min(2 * pause_s, _PAUSE_S_MAX)
            self._start_again()

    def _start_again(self) -> None:
        _log.warning("test_point_died", id=self._settings.id)
        try:
            if self._process is not None:
                self._process.stop()
            self._launch()
        except Exception:  # noqa: BLE001 - the watch must outlive whatever happens
            # Whatever keeps it from starting may pass; the server goes on and says `busy`.
            _log.exception("test_point_not_started", id=self._settings.id)
