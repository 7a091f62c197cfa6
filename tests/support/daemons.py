"""`omega run` as a process, and what it says."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from types import TracebackType
from typing import Any, Self

from support.main_job import SCRIPTS, Omega, Site

_SAY_S = 60


class Daemon:
    """The daemon of one device; everything it says is kept."""

    def __init__(self, omega: Omega) -> None:
        self._omega = omega
        self.said: list[dict[str, Any]] = []
        self.errors = ""
        self._news = threading.Condition()

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
        else:
            self._close()

    def start(self) -> None:
        self.process = self._omega.place.popen(
            [SCRIPTS / "omega", "run", "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._omega.env,
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; return its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(_SAY_S)
        self._close()
        return code

    def await_said(self, code: str, *, after: int = 0, **fields: str) -> dict[str, Any]:
        """Wait until it has said something, of what it says from `after` on."""
        deadline = time.monotonic() + _SAY_S
        with self._news:
            while True:
                for each in self.said[after:]:
                    if each["code"] == code and fields.items() <= each.items():
                        return each
                left = deadline - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    raise TimeoutError(f"not said: {code} {fields}; {self.said} {self.errors}")
                self._news.wait(min(left, 1.0))

    def _close(self) -> None:
        self._reader.join(_SAY_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            with self._news:
                self.said.append(json.loads(line))
                self._news.notify_all()
        self.errors += process.stderr.read()


def resident(site: Site, name: str) -> Omega:
    """Return a new device that stays with the site's subscriber."""
    sheet = site.sheet()
    token = site.operate("token", "new", "--sheet", sheet)["token"]
    omega = site.device(name)
    done = omega.run("enrol", "--server", site.url, "--token", token, "--sheet", sheet)
    assert done.code == 0, done.stderr
    return omega


def diagnosed(site: Site, ticket: str, *options: str) -> dict[str, Any]:
    """Press *diagnose*, wait for the end, and return what the command tells."""
    done = subprocess.run(
        [
            str(SCRIPTS / "omega-server"),
            *("ticket", "diagnose", ticket, *options),
            *("--data", str(site.data), "--plans", str(site.plans), "--json"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SAY_S * 5,
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return {**told, "exit_code": done.returncode}
