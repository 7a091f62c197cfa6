"""`omega-server run`, `testpoint` and `migrate`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from omega_core.clock import SystemClock
from omega_core.errors import UsageError
from omega_core.keys import NotAKeyError, PublicKey
from omega_core.limits import CHECK_INS_PER_S, SESSIONS_OF_AN_ADDRESS_MAX
from omega_server import app as server
from omega_server import testpoint as test_points
from omega_server.addresses import plain
from omega_server.cli.common import AsJson, Data, DatabaseUrl, show
from omega_server.installation import make_folder
from omega_server.logs import configure_logs
from omega_server.settings import (
    ANY_ADDRESS,
    BPS_OF_MBIT,
    PORT_DEFAULT,
    checked_settings,
    database_url,
)
from omega_server.store import open_store

_PORT_MAX = 65_535
_PortOption = Annotated[int, typer.Option(min=0, max=_PORT_MAX)]
_CapacityOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="MBIT",
        help="Rate that sessions may commit together, each way, in Mbit/s; 0 is no bound, and "
        "without it 80 % of the fastest link counts.",
    ),
]


def run(
    *,
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="DIR", envvar="OMEGA_DATA", help="Where keys and database are kept."
        ),
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen on; :: is every one, IPv4 too.")
    ] = ANY_ADDRESS,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port of the API; 0 is any free one.")
    ] = PORT_DEFAULT,
    database: DatabaseUrl = None,
    testpoint_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address of the test point as agents reach it (repeatable); by default the one "
            "at which they reached the server.",
        ),
    ] = None,
    testpoint_bind: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Address the test point listens on; by default --host."
        ),
    ] = None,
    testpoint_tcp_port: _PortOption = 0,
    testpoint_udp_port: _PortOption = 0,
    testpoint_capacity_mbit: _CapacityOption = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate chain, PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow plain http on public addresses.")
    ] = False,
    plans: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder of further profiles (*.toml)."),
    ] = None,
    selftests_per_address: Annotated[
        int,
        typer.Option(min=0, help="Sessions of devices nobody knows, per address and ten minutes."),
    ] = SESSIONS_OF_AN_ADDRESS_MAX,
    check_ins_per_s: Annotated[
        int,
        typer.Option(min=1, help="Check-ins of waiting agents taken in a second; others wait."),
    ] = CHECK_INS_PER_S,
    time_zone: Annotated[
        str,
        typer.Option(
            metavar="ZONE",
            envvar="OMEGA_TIME_ZONE",
            help="Of the times on pages and in forms, as in Europe/Paris.",
        ),
    ] = "UTC",
    new_token: Annotated[
        bool,
        typer.Option("--new-token", help="Print a new enrolment token; the first start does so."),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every refusal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run everything on one machine: API, store and test point, until SIGTERM or Ctrl-C."""
    configure_logs(verbose=verbose)
    settings = checked_settings(
        data=data,
        host=host,
        port=port,
        database=database,
        test_point_hosts=tuple(testpoint_host or ()),
        test_point_bind=testpoint_bind,
        test_point_tcp_port=testpoint_tcp_port,
        test_point_udp_port=testpoint_udp_port,
        test_point_capacity_mbit=testpoint_capacity_mbit,
        tls_cert=tls_cert,
        tls_key=tls_key,
        insecure=insecure,
        time_zone=time_zone,
        plans=plans,
        selftests_max=selftests_per_address,
        check_ins_per_s=check_ins_per_s,
    )
    server.run(
        settings,
        SystemClock(),
        lambda started: _announce(started, as_json=as_json),
        new_token=new_token,
    )


def run_test_point(
    *,
    key_file: Annotated[
        Path, typer.Option(metavar="FILE", help="The test point's own key; made when missing.")
    ],
    server_key: Annotated[
        list[str],
        typer.Option(
            metavar="KEY",
            help="The server's public key, as `run` prints it; the old and the new one while it is "
            "rotated (repeatable).",
        ),
    ],
    test_point_id: Annotated[str, typer.Option("--id", help="The test point's name.")],
    host: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Address to listen on (repeatable).")
    ] = None,
    tcp_port: _PortOption = 0,
    udp_port: _PortOption = 0,
    capacity_mbit: _CapacityOption = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS:PORT",
            help="Serve counters for Prometheus there, to whoever asks; by default not at all.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a test point alone, until SIGTERM or Ctrl-C."""
    configure_logs()
    try:
        for text in server_key:
            PublicKey.from_text(text)
    except NotAKeyError as error:
        raise UsageError(f"--server-key: {error}") from error
    test_points.run(
        test_points.TestPointSettings(
            id=test_point_id,
            key_file=key_file,
            server_public_keys=tuple(server_key),
            hosts=tuple(host or (ANY_ADDRESS,)),
            tcp_port=tcp_port,
            udp_port=udp_port,
            capacity_bps=None if capacity_mbit is None else capacity_mbit * BPS_OF_MBIT,
            metrics=None if metrics is None else _address_and_port(metrics),
        ),
        lambda ports: _announce_ports(ports, as_json=as_json),
    )


def _address_and_port(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    wrong = UsageError("--metrics: an address and a port, such as 127.0.0.1:9464")
    if not port.isascii() or not port.isdigit() or int(port) > _PORT_MAX:
        raise wrong
    try:
        return plain(address.removeprefix("[").removesuffix("]")), int(port)
    except ValueError:
        raise wrong from None


def _announce_ports(ports: test_points.Ports, *, as_json: bool) -> None:
    line = f"test point: TCP port {ports.tcp_port}, UDP port {ports.udp_port}"
    if ports.metrics_port is not None:
        line += f", metrics on TCP port {ports.metrics_port}"
    show(asdict(ports), lambda: [line], as_json=as_json)
    typer.get_text_stream("stdout").flush()


def migrate(data: Data = None, database: DatabaseUrl = None) -> None:
    """Make the database's tables, or bring them to this program's version."""
    if data is None and database is None:
        raise UsageError("say which server is meant: --data DIR, or --database URL")
    if data is not None and database is None:
        make_folder(data)
    with open_store(database_url(data or Path(), database), may_migrate=True):
        typer.echo("the database is up to date")


def _announce(started: server.Started, *, as_json: bool) -> None:
    place = started.test_point
    content = {
        "url": started.url,
        "server_key": started.server_key,
        "server_key_id": started.server_key_id,
        "enrolment_token": started.enrolment_token,
        "operator_token_file": str(started.operator_token_file),
        "test_point": {"id": place.id, "tcp_port": place.tcp_port, "udp_port": place.udp_port},
    }

    def lines() -> list[str]:
        token = started.enrolment_token
        return [
            f"Omega server at {started.url}",
            f"  server key       {started.server_key}",
            f"  server key id    {started.server_key_id}",
            f"  test point       {place.id}, TCP port {place.tcp_port}, UDP port {place.udp_port}",
            f"  operator token   in {started.operator_token_file}",
            f"  enrolment token  {token or 'none new; `omega-server token new` makes one'}",
            "Stop it with Ctrl-C.",
        ]

    show(content, lines, as_json=as_json)
    typer.get_text_stream("stdout").flush()
