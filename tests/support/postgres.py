"""A private PostgreSQL cluster, started from whatever installation this machine has.

It listens on a UNIX socket in its own folder and nowhere else, and is gone when the tests are.
PostgreSQL refuses to run as root, so it runs as another user then; the folder is not pytest's own,
because that other user couldn't enter it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

_UNPRIVILEGED = ("postgres", "nobody")
_START_S = 30
_USER = "omega"
_names = count(1)


class NoPostgresError(Exception):
    """There is no PostgreSQL to start here; the text says what was looked for."""


class Cluster:
    """One running server; each database in it is made for one test."""

    def __init__(self, socket_folder: Path) -> None:
        self._socket_folder = socket_folder

    def new_database(self) -> str:
        """Return the URL of a new, empty database."""
        name = f"test_{next(_names)}"
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql://{_USER}@/{name}?host={self._socket_folder}"

    def is_up(self) -> bool:
        try:
            psycopg.connect(self._conninfo("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _conninfo(self, database: str) -> str:
        return f"host={self._socket_folder} user={_USER} dbname={database} connect_timeout=5"


def bin_folder() -> Path:
    """Return where `initdb` and `postgres` are; raises NoPostgresError."""
    for folder in _candidates():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    looked = "PATH, pg_config and /usr/lib/postgresql/*/bin"
    raise NoPostgresError(f"PostgreSQL is not installed: no initdb beside postgres in {looked}")


def _candidates() -> Iterator[Path]:
    for program in ("postgres", "initdb", "pg_ctl"):
        found = shutil.which(program)
        if found:
            yield Path(found).resolve().parent
    config = shutil.which("pg_config")
    if config:
        asked = subprocess.run([config, "--bindir"], check=False, capture_output=True, text=True)
        yield Path(asked.stdout.strip())
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start a cluster with its defaults (so with every commit on the disk), and end it."""
    programs = bin_folder()
    user = _other_user() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="omega-pg-"))
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        _as(
            user,
            programs / "initdb",
            "-D",
            folder / "data",
            "-U",
            _USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
        )
        with _server(programs, folder, user) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(programs: Path, folder: Path, user: pwd.struct_passwd | None) -> Iterator[Cluster]:
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "max_connections": 200,
    }
    arguments = [f"-c{name}={value}" for name, value in options.items()]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", *arguments],
            stdout=log,
            stderr=log,
            cwd=folder,
            **_identity(user),
        )
        try:
            yield _ready(Cluster(folder), process, folder / "log")
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nobody needs these data again
            process.wait(_START_S)


def _ready(cluster: Cluster, process: subprocess.Popen[bytes], log: Path) -> Cluster:
    deadline = time.monotonic() + _START_S
    while not cluster.is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text('utf-8', 'replace')}")
        time.sleep(0.05)
    return cluster


def _as(user: pwd.struct_passwd | None, *command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd="/", **_identity(user))


def _identity(user: pwd.struct_passwd | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _other_user() -> pwd.struct_passwd:
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgresError(f"PostgreSQL can't run as root, and none of {_UNPRIVILEGED} is a user")
