"""Everything the endpoints call, put together by `omega_server.installation`."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core.clock import Clock
from omega_core.control import ServerInfo
from omega_core.keys import SigningKey
from omega_server.addresses import AddressProofs
from omega_server.availability import AvailabilityDesk
from omega_server.collector import Collector
from omega_server.connectors.opening import TicketOpening
from omega_server.controller import Controller
from omega_server.enrolment import Enrolment
from omega_server.fleet.desk import FleetDesk
from omega_server.instructing.check_ins import CheckInDesk
from omega_server.instructing.desk import InstructionDesk
from omega_server.instructing.hub import Hub
from omega_server.instructing.scheduling import ScheduleDesk
from omega_server.keys import KeyDesk
from omega_server.lines.desk import LineDesk
from omega_server.metrics import ServerMetrics
from omega_server.people.opening import People
from omega_server.store.port import Store
from omega_server.workers import Workers

SOFTWARE = "omega-server 0.1.0"


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything the endpoints call."""

    store: Store
    clock: Clock
    key: SigningKey
    key_rotations: tuple[str, ...]
    operator_token: str
    proofs: AddressProofs
    controller: Controller
    collector: Collector
    availability: AvailabilityDesk
    enrolment: Enrolment
    key_desk: KeyDesk
    workers: Workers
    metrics: ServerMetrics
    desk: InstructionDesk
    check_ins: CheckInDesk
    hub: Hub
    ticket_opening: TicketOpening
    lines: LineDesk
    schedules: ScheduleDesk
    fleet: FleetDesk
    people: People

    @property
    def server_key(self) -> str:
        """The server's public key, in base64url."""
        return self.key.public.text

    def info(self) -> ServerInfo:
        """Return what the server says of itself."""
        return ServerInfo(
            software=SOFTWARE,
            server_key=self.server_key,
            key_rotations=self.key_rotations,
            now_unix_us=self.clock.unix_us(),
        )
