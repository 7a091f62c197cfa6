"""What one server keeps, opened, and the services made of it: where the parts are put together.

    data folder --> keys, operator's token --> store --> services

A second start finds all of it again. One process at a time has a data folder; the operator's
commands work on the store beside it, with the profiles that the last start was given.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from omega_acceptance.catalogue import Catalogue
from omega_core.clock import Clock
from omega_core.errors import UsageError, storage_error
from omega_core.files import write_durably
from omega_core.keys import SigningKey
from omega_server.addresses import AddressProofs
from omega_server.api.services import Services
from omega_server.availability import AvailabilityDesk
from omega_server.collector import Collector
from omega_server.connectors.config import CONNECTORS_FILE, SystemSettings, read_settings, system_of
from omega_server.connectors.courier import Courier
from omega_server.connectors.desk import diagnoser
from omega_server.connectors.opening import TicketOpening
from omega_server.controller import Controller
from omega_server.enrolment import Enrolment
from omega_server.fleet.desk import FleetDesk
from omega_server.identity import load_keys, load_operator_token, pin_to, register_test_point
from omega_server.instructing.check_ins import CheckInDesk
from omega_server.instructing.desk import InstructionDesk
from omega_server.instructing.hub import Hub
from omega_server.instructing.scheduling import ScheduleDesk
from omega_server.keys import KeyDesk, finish_rotation, server_rotations
from omega_server.lines.desk import LineDesk
from omega_server.metrics import ServerMetrics
from omega_server.people.oidc.config import OIDC_FILE, read_provider
from omega_server.people.opening import people_of, with_provider
from omega_server.places import TestPoints
from omega_server.references import read_references
from omega_server.settings import PLANS_FILE, ServerSettings
from omega_server.store import open_store
from omega_server.store.port import Store
from omega_server.store.rows import TestPointRow
from omega_server.transparency import LogAuthor, open_log
from omega_server.workers import Workers


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What is kept in the data folder and the store, opened."""

    settings: ServerSettings
    clock: Clock
    catalogue: Catalogue
    key: SigningKey
    operator_token: str
    store: Store
    log: LogAuthor
    test_point: TestPointRow


@contextmanager
def open_installation(settings: ServerSettings, clock: Clock) -> Iterator[Installation]:
    """Open the data folder and the store, made at the first start; one process at a time."""
    with _own_folder(settings.data):
        catalogue = catalogue_of(settings.plans)
        _remember_plans(settings.data, settings.plans)
        operator_token = load_operator_token(settings.data)
        with open_store(settings.database_url, may_migrate=True) as store:
            finish_rotation(store, settings.data)
            key, test_point_key = load_keys(settings.data)
            pin_to(store, key.public, clock.unix_us())
            test_point = register_test_point(store, key, test_point_key.public, clock.unix_us())
            with open_log(store, key, settings.data) as log:
                yield Installation(
                    settings=settings,
                    clock=clock,
                    catalogue=catalogue,
                    key=key,
                    operator_token=operator_token,
                    store=store,
                    log=log,
                    test_point=test_point,
                )


def services_of(
    installation: Installation,
    test_points: TestPoints,
    *,
    test_point_metrics: Callable[[], bytes | None] | None = None,
) -> Services:
    """Return the services of an installation, given the test points it may name."""
    store, key, clock = installation.store, installation.key, installation.clock
    proofs = AddressProofs(key)
    workers = Workers()
    controller = Controller(
        store=store,
        key=key,
        catalogue=installation.catalogue,
        proofs=proofs,
        test_points=test_points,
        clock=clock,
        selftests_max=installation.settings.selftests_max,
    )
    return Services(
        store=store,
        clock=clock,
        key=key,
        key_rotations=server_rotations(store, key.public),
        operator_token=installation.operator_token,
        proofs=proofs,
        controller=controller,
        collector=Collector(store=store, key=key, log=installation.log, clock=clock),
        availability=AvailabilityDesk(
            store=store, key=key, log=installation.log, test_points=test_points, clock=clock
        ),
        enrolment=Enrolment(store, key, clock),
        key_desk=KeyDesk(store, key, clock),
        workers=workers,
        metrics=ServerMetrics(test_point_metrics),
        desk=InstructionDesk(
            store=store,
            catalogue=installation.catalogue,
            clock=clock,
            references=read_references(installation.settings.data),
        ),
        check_ins=CheckInDesk(store=store, key=key, proofs=proofs, clock=clock),
        hub=Hub(store, workers, clock, per_s=installation.settings.check_ins_per_s),
        ticket_opening=TicketOpening(store, _systems_of(installation), clock),
        lines=LineDesk(store=store, catalogue=installation.catalogue, clock=clock),
        schedules=ScheduleDesk(store=store, catalogue=installation.catalogue, clock=clock),
        fleet=FleetDesk(store=store, catalogue=installation.catalogue, clock=clock),
        people=with_provider(
            people_of(store, clock),
            read_provider(installation.settings.data / OIDC_FILE),
            store=store,
            clock=clock,
            key=key,
        ),
    )


def couriers_of(installation: Installation) -> list[Courier]:
    """Return what serves the ticket systems in the data folder's file; raises UsageError."""
    store, clock = installation.store, installation.clock
    return [
        Courier(
            name=each.name,
            system=system_of(each, clock),
            store=store.deliveries,
            clock=clock,
            random=SystemRandom(),
            diagnose=diagnoser(store, installation.key, public_url=each.public_url),
        )
        for each in _systems_of(installation)
    ]


def _systems_of(installation: Installation) -> tuple[SystemSettings, ...]:
    return read_settings(installation.settings.data / CONNECTORS_FILE)


def catalogue_of(plans: Path | None) -> Catalogue:
    """Return the plans that come with the product, and those of a folder."""
    catalogue = Catalogue.builtin()
    return catalogue if plans is None else catalogue.with_directory(plans)


def remembered_plans(data: Path | None) -> Path | None:
    """Return the folder of profiles that the server on this data folder was last started with."""
    if data is None:
        return None
    try:
        return Path(os.fsdecode((data / PLANS_FILE).read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(data / PLANS_FILE, error) from error


def _remember_plans(data: Path, plans: Path | None) -> None:
    """Keep where the further profiles are; forget it where this start was given none."""
    if plans is None:
        (data / PLANS_FILE).unlink(missing_ok=True)
    else:
        write_durably(data / PLANS_FILE, os.fsencode(plans.resolve()))


def make_folder(data: Path) -> None:
    """Create the data folder, for its owner only, unless it is there; raises StorageError."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(data, error) from error


@contextmanager
def _own_folder(data: Path) -> Iterator[None]:
    """Make the folder, and keep it for this process."""
    make_folder(data)
    try:
        descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise storage_error(data, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(f"another omega-server runs on {data}") from error
    else:
        yield
    finally:
        os.close(descriptor)
