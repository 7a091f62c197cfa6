"""Everything on one machine: `omega-server run`, from start to stop.

    installation --> listening socket --> test point (child) --> API

What is started is stopped in the opposite order on SIGTERM and SIGINT: no new connections, requests
under way answered, the test point ended, the store closed.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import structlog
import uvicorn

from omega_core import limits
from omega_core.clock import Clock
from omega_server.api.services import Services
from omega_server.connectors.postmen import Postmen
from omega_server.enrolment import make_token
from omega_server.fleet.keeper import FleetKeeper, FleetThread
from omega_server.identity import OPERATOR_TOKEN_FILE, TEST_POINT_KEY_FILE
from omega_server.installation import Installation, couriers_of, open_installation, services_of
from omega_server.listening import check_tls, listen, url_of
from omega_server.places import TestPointPlace
from omega_server.serving import Server
from omega_server.settings import ServerSettings
from omega_server.site import create_site
from omega_server.test_points import LocalTestPoint
from omega_server.testpoint import TestPointSettings

_GRACE_S = 10
_FILES_BESIDE = 256  # the database, logs, the test point, libraries
_METRICS_OF_CHILD = ("127.0.0.1", 0)  # any free port, for this process alone to ask
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What whoever started the server needs to know. The token is None after the first start."""

    url: str
    server_key: str
    server_key_id: str
    enrolment_token: str | None
    operator_token_file: Path
    test_point: TestPointPlace


def run(
    settings: ServerSettings,
    clock: Clock,
    announce: Callable[[Started], None],
    *,
    new_token: bool = False,
) -> None:
    """Run the server until SIGTERM or SIGINT; `announce` is called once it can be reached."""
    signal.signal(signal.SIGTERM, _stop_starting)
    _allow_files(limits.SERVER_CONNECTIONS_MAX + _FILES_BESIDE)
    if settings.tls_cert is not None and settings.tls_key is not None:
        check_tls(settings.tls_cert, settings.tls_key)
    with ExitStack() as stack:
        installation = stack.enter_context(open_installation(settings, clock))
        listener = stack.enter_context(listen(settings.host, settings.port))
        local = _local_test_point(installation)
        stack.callback(local.stop)
        place = local.start()
        services = services_of(installation, local, test_point_metrics=local.metrics)
        stack.enter_context(Postmen(couriers_of(installation)))
        stack.enter_context(FleetThread(FleetKeeper(installation.store, installation.clock)))
        server = _server(services, settings)
        announce(_started(installation, listener, place, new_token=new_token))
        asyncio.run(server.serve(sockets=[listener]))
        _log.info("stopped")


def _started(
    installation: Installation, listener: socket.socket, place: TestPointPlace, *, new_token: bool
) -> Started:
    settings, store = installation.settings, installation.store
    wanted = new_token or not store.enrolment.tokens()
    return Started(
        url=url_of(listener, has_tls=settings.has_tls),
        server_key=installation.key.public.text,
        server_key_id=installation.key.public.kid,
        enrolment_token=make_token(store, installation.clock.unix_us()) if wanted else None,
        operator_token_file=settings.data / OPERATOR_TOKEN_FILE,
        test_point=place,
    )


def _local_test_point(installation: Installation) -> LocalTestPoint:
    settings = installation.settings
    return LocalTestPoint(
        TestPointSettings(
            id=installation.test_point.test_point_id,
            key_file=settings.data / TEST_POINT_KEY_FILE,
            server_public_keys=(installation.key.public.text,),
            hosts=(settings.test_point_bind or settings.host,),
            tcp_port=settings.test_point_tcp_port,
            udp_port=settings.test_point_udp_port,
            capacity_bps=settings.test_point_capacity_bps,
            metrics=_METRICS_OF_CHILD,
        ),
        key=installation.test_point.key,
        addresses=settings.test_point_hosts,
    )


def _server(services: Services, settings: ServerSettings) -> Server:
    """Return the server, which a signal ends from now on."""
    config = uvicorn.Config(
        create_site(services, insecure=settings.insecure, time_zone=settings.time_zone),
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the address a request came from is evidence: no header may claim it
        limit_concurrency=limits.SERVER_CONNECTIONS_MAX,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    server = Server(config, services.hub)

    def stop(*_: object) -> None:
        server.should_exit = True

    # uvicorn handles both signals itself, and raises them again once it has stopped: then there is
    # nothing left to interrupt. Until it does, one that comes must not be lost.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return server


def _allow_files(wanted: int) -> None:
    """Let this process have so many files open, as far as the system allows it.

    Every agent that waits is one; the usual soft limit is 1,024, the hard one far above.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _stop_starting(*_: object) -> NoReturn:
    """End as if nothing had begun: what was started is stopped on the way out."""
    raise SystemExit(0)
