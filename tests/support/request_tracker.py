"""A real Request Tracker 5 in a folder of its own, from Debian's packages, on SQLite.

with running_rt(folder) as rt: rt.url, rt.token, rt.new_ticket()
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SHARE = Path("/usr/share/request-tracker5")
_SERVER = _SHARE / "libexec" / "standalone_httpd"
_START_S = 60
_CONFIG = """
Set($rtname, 'omega.test');
Set($Organization, 'omega.test');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{folder}/rt.sqlite');
Set($DatabaseUser, '');
Set($DatabasePassword, '');
Set($WebDomain, '127.0.0.1');
Set($WebPort, {port});
Set($MailCommand, 'testfile');
Set($LogToSTDERR, 'error');
Set($LogToSyslog, undef);
1;
"""
_TOKEN = """
my $user = RT::User->new(RT->SystemUser); $user->Load('root');
my $token = RT::AuthToken->new(RT->SystemUser);
my ($done, $said, $secret) = $token->Create(Owner => $user->id, Description => 'tests');
print $secret;
"""
_TICKET = """
my $ticket = RT::Ticket->new(RT->SystemUser);
my ($number) = $ticket->Create(Queue => 1, Subject => 'It is slow');
print $number;
"""


class NoRequestTrackerError(Exception):
    """The packages are not installed."""


@dataclass(frozen=True)
class RequestTrackerPlace:
    """Where it listens, and what is needed to speak to it."""

    url: str
    token: str
    env: Mapping[str, str]

    def new_ticket(self) -> str:
        """Return the number of a new ticket."""
        return _perl(_TICKET, self.env)


@contextmanager
def running_rt(folder: Path) -> Iterator[RequestTrackerPlace]:
    """Make a database, start the server on a free port, and stop it afterwards."""
    setup = shutil.which("rt-setup-database-5")
    if setup is None or not _SERVER.exists():
        raise NoRequestTrackerError("apt-get install request-tracker5 rt5-db-sqlite rt5-standalone")
    port = _free_port()
    env = _configured(folder, port)
    made = [setup, "--action", "init", "--dba", "nobody", "--skip-create"]
    subprocess.run(made, env=env, check=True, capture_output=True)
    token = _perl(_TOKEN, env)
    listen = [str(_SERVER), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(listen, env=env, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url)
            yield RequestTrackerPlace(url, token, env)
        finally:
            server.terminate()
            server.wait(_START_S)


def _configured(folder: Path, port: int) -> dict[str, str]:
    (folder / "more").mkdir()  # instead of the machine's own RT_SiteConfig.d
    config = folder / "RT_SiteConfig.pm"
    config.write_text(_CONFIG.format(folder=folder, port=port))
    return {
        **os.environ,
        "RT_SITE_CONFIG": str(config),
        "RT_SITE_CONFIG_DIR": str(folder / "more"),
    }


def _perl(program: str, env: Mapping[str, str]) -> str:
    command = ["perl", f"-I{_SHARE}/lib", "-e", "use RT -init;" + program]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(url: str) -> None:
    end_s = time.perf_counter() + _START_S
    while True:
        try:
            urllib.request.urlopen(f"{url}/REST/2.0/rt", timeout=_START_S)  # noqa: S310 - loopback
        except urllib.error.HTTPError:
            return  # 401: it is there
        except OSError:
            if time.perf_counter() > end_s:
                raise
            time.sleep(0.1)
        else:
            return
