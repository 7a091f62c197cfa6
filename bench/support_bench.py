"""What the benches share: a table on the terminal, a server on loopback, peers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(sysconfig.get_path("scripts"))
OMEGA = SCRIPTS / "omega"
OMEGA_SERVER = SCRIPTS / "omega-server"
_START_TIMEOUT_S = 20


class Table:
    """Rows of text, aligned when printed; the first column to the left, the others to the right."""

    def __init__(self, title: str, heads: Sequence[str]) -> None:
        self._title = title
        self._rows: list[tuple[str, ...]] = [tuple(heads)]

    def row(self, *cells: str) -> None:
        """Add a row."""
        self._rows.append(cells)

    def print(self) -> None:
        """Print the table as Markdown, so that it can be quoted in the documents as it is."""
        widths = [max(map(len, column)) for column in zip(*self._rows, strict=True)]
        print(f"\n{self._title}\n")
        for number, row in enumerate(self._rows):
            first, *others = zip(row, widths, strict=True)
            cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
            print(f"| {' | '.join(cells)} |", flush=True)
            if number == 0:
                print(f"| {' | '.join('-' * width for width in widths)} |")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server that answers at `url`; its folder goes when it ends."""

    url: str
    data: Path


@contextmanager
def running_server(
    options: Sequence[str] = (), *, env: Mapping[str, str] | None = None
) -> Iterator[RunningServer]:
    """Run `omega-server` on a free loopback port until the block ends."""
    with tempfile.TemporaryDirectory(prefix="omega-bench-") as folder:
        port = free_port()
        argv = [
            str(OMEGA_SERVER),
            "run",
            "--data",
            folder,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        process = subprocess.Popen(
            [*argv, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until_healthy(url)
            yield RunningServer(url=url, data=Path(folder))
        finally:
            process.terminate()
            process.wait(10)


def wait_until_healthy(url: str) -> None:
    """Return once the server answers; raises TimeoutError when it does not."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1):  # noqa: S310 - our own URL
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer within {_START_TIMEOUT_S} s")


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody uses at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def last_json(text: str) -> dict[str, object]:
    """Return the JSON object that a program printed."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError("not a JSON object")
    return found
