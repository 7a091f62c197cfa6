"""Servers that listen: the API of a rig in a thread, or the whole program as a process.

with listening(rig) as url: httpx.get(f"{url}/healthz")
with OmegaServer(tmp_path) as server: httpx.get(f"{server.url}/healthz")
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from omega_server.listening import listen, url_of
from omega_server.serving import Server
from omega_server.site import create_site
from support.server_rig import Rig

_START_S = 30
_PROGRAM = "from omega_server.cli import main; main()"


@contextmanager
def listening(rig: Rig, host: str = "127.0.0.1", *, insecure: bool = False) -> Iterator[str]:
    """Serve a rig's API on a free port; hand out its URL."""
    with listen(host, 0) as listener:
        config = uvicorn.Config(
            create_site(rig.services, insecure=insecure),
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        server = Server(config, rig.services.hub)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            _wait_for(lambda: server.started)
            yield url_of(listener, has_tls=False)
        finally:
            server.should_exit = True
            thread.join(_START_S)


class OmegaServer:
    """`omega-server run --json` as a child; `announced` is what it printed at its start."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self._options = options
        self.announced: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    @property
    def url(self) -> str:
        return str(self.announced["url"])

    @property
    def operator(self) -> dict[str, str]:
        """The headers of an operator's request."""
        token = Path(self.announced["operator_token_file"]).read_text("ascii").strip()
        return {"Authorization": f"Bearer {token}"}

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*program(), "run", "--data", self.data, "--json", *self._listening(), *self._options],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server left with code {self.ended()}")
        self.announced = json.loads(line)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal; return its exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end, whatever caused it; return its exit code."""
        code = self.process.wait(_START_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def _listening(self) -> tuple[str, ...]:
        if "--host" in self._options:
            return ()
        return ("--host", "127.0.0.1", "--port", "0")


def program() -> list[str]:
    """Return the command that is `omega-server`, whether it is installed or not."""
    return [sys.executable, "-c", _PROGRAM]


def omega_server(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one command of the operator to its end."""
    return subprocess.run(
        [*program(), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "200"},
    )


def children_of(pid: int) -> list[int]:
    """Return the processes that have this one as their parent."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def _wait_for(condition: Any) -> None:  # noqa: ANN401 - a call without arguments
    deadline = time.monotonic() + _START_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the server did not start")
        time.sleep(0.01)
