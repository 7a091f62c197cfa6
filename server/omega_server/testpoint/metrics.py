"""A test point's counters for Prometheus, on a listener of its own.

Theory of operation. The counters are those of `watch`; nothing is counted twice for the sake of
being shown. A thread answers scrapes in the host's process: it reads, never waits for the loop and
never keeps it waiting. Names and meanings stand in docs/operations.md, and a test compares.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from omega_core.units import PPM
from omega_server.testpoint.errors import TestPointBindError
from omega_server.testpoint.load import LoadSample
from omega_server.testpoint.watch import Kind, LoadWatch, Tally

_PREFIX = "omega_testpoint"


class WatchCollector(Collector):
    """Reads the books at each scrape."""

    def __init__(self, watch: LoadWatch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, also those that are 0, so that a rate can be taken from the start."""
        yield from _counted(self._watch.tally)
        yield from _sampled(self._watch.newest)


@contextmanager
def serving_metrics(address: str, port: int, watch: LoadWatch) -> Iterator[int]:
    """Serve the metrics at an address until the block ends; yield the port."""
    registry = CollectorRegistry()
    registry.register(WatchCollector(watch))
    try:
        server, thread = start_http_server(port, address, registry)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise TestPointBindError(
            f"cannot serve metrics on TCP port {port} of {address}: {reason}"
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _counted(tally: Tally) -> Iterator[Metric]:
    yield _counter("sessions", "Sessions begun.", tally.sessions)
    yield _by(
        "refusals", "Connections and sessions refused, by code.", "code", dict(tally.refusals)
    )
    yield _by("busy", "Sessions refused for want of room, by ground.", "ground", dict(tally.busy))
    yield _by("runs", "Runs, loads and delay streams begun.", "kind", _kinds(tally.runs))
    yield _by("received_octets", "IP octets received.", "kind", _kinds(tally.octets_in))
    yield _by("sent_octets", "IP octets sent.", "kind", _kinds(tally.octets_out))
    yield _counter("host_drops", "Load packets that found no room here.", tally.host_drops)


def _sampled(now: LoadSample) -> Iterator[Metric]:
    yield _gauge("sessions_open", "Sessions that are open.", now.sessions)
    yield _gauge("committed_bps", "Rate that is committed, in the busier way.", now.committed_bps)
    yield _gauge("moved_bps", "Rate that is moved, in the busier way, smoothed.", now.moved_bps)
    yield _gauge("cpu_busy_ratio", "Busy share of all cores.", now.cpu_busy_ppm / PPM)
    if now.capacity_bps is not None:
        yield _gauge("capacity_bps", "What may be committed, each way.", now.capacity_bps)
    if now.nic_busy_ppm is not None:
        yield _gauge("link_busy_ratio", "Share of the busiest link's rate.", now.nic_busy_ppm / PPM)


def _kinds(counts: Mapping[Kind, int]) -> dict[str, int]:
    return {kind.value: counts.get(kind, 0) for kind in Kind}


def _counter(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(f"{_PREFIX}_{name}", text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=value)


def _by(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"{_PREFIX}_{name}", text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
