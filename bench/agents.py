"""Two thousand agents that wait at one server process: how soon they hear, what they cost.

    python bench/agents.py [--agents N] [--presses N] [--outage SECONDS] [--only hearing|return]

A real `omega-server run` on loopback; the agents are small ones in this process, each with a key of
its own, a connection of its own, and the real messages: sealed check-ins, answers whose signatures
are checked. What is timed is from the moment a clerk's request is sent to the moment its agent has
the instruction, opened. The server's memory is its resident set with and without them.

After that the server is killed, stays away, and comes back. The agents return as the daemon does:
within the time the server named, and when it says if it sends them away. Counted is what the server
admits in any second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / folder)
    for folder in ("core", "acceptance_profiles", "agent", "probe", "server", "tests")
]

from omega_agent.daemon import pauses  # noqa: E402 - the path is set above
from omega_core.clock import SystemClock  # noqa: E402
from omega_core.control import AddressProof, EnrolmentRequest  # noqa: E402
from omega_core.envelope import (  # noqa: E402
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
    seal,
)
from omega_core.instruction import MEASURE, Capabilities, CheckIn, CheckInAnswer  # noqa: E402
from omega_core.keys import PublicKey, SigningKey, to_base64url  # noqa: E402
from omega_core.limits import CHECK_IN_WAIT_S_MAX, CHECK_INS_PER_S  # noqa: E402
from omega_core.models import model_bytes, parse_model  # noqa: E402
from omega_server.enrolment import make_token  # noqa: E402
from omega_server.installation import open_installation, services_of  # noqa: E402
from omega_server.places import FixedTestPoint, TestPointPlace  # noqa: E402
from omega_server.settings import ServerSettings  # noqa: E402
from support_bench import OMEGA_SERVER, Table  # noqa: E402

HOST = "127.0.0.1"
_FILES = 16_384
_WINDOW_S = 1.0


@dataclass
class Fleet:
    """The agents and what they have seen."""

    data: Path
    server_key: PublicKey
    agents: list[Agent] = field(default_factory=list)
    admitted_s: list[float] = field(default_factory=list)
    refused: int = 0
    heard: dict[str, asyncio.Future[float]] = field(default_factory=dict)
    spread_s: int = 5

    def connected(self) -> int:
        """Return how many wait at this moment."""
        return sum(agent.is_waiting for agent in self.agents)


@dataclass
class Agent:
    """One small agent."""

    fleet: Fleet
    agent_id: str
    key: SigningKey
    instance: str = field(default_factory=lambda: to_base64url(secrets.token_bytes(16)))
    proof: str | None = None
    is_waiting: bool = False
    has_answered: bool = False
    holding: set[str] = field(default_factory=set)

    async def run(self, port: int, rng: random.Random, *, at_once: bool) -> None:
        """Check in for ever."""
        if not at_once:
            await asyncio.sleep(pauses.before_the_first(self.fleet.spread_s, rng))
        while True:
            try:
                pause_s = await self._once(port, rng)
            except (OSError, asyncio.IncompleteReadError, ValueError):
                self.proof, self.has_answered = None, False
                pause_s = pauses.after_silence(self.fleet.spread_s, rng)
            finally:
                self.is_waiting = False
            if pause_s:
                await asyncio.sleep(pause_s)

    async def _once(self, port: int, rng: random.Random) -> float:
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            if self.proof is None:
                _, _, body = await asked(reader, writer, "GET", "/v1/address", b"")
                self.proof = parse_model(AddressProof, body).token
            while True:
                status, headers, body = await self._checked_in(reader, writer)
                if status == 503:
                    self.fleet.refused += 1
                    return pauses.after_busy(int(headers.get("retry-after", "1")), rng)
                if status != 200:
                    raise ValueError(body)
                self._take(body)
        finally:
            writer.close()

    async def _checked_in(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[int, dict[str, str], bytes]:
        check_in = CheckIn(
            agent_id=self.agent_id,
            instance=self.instance,
            starts=1,
            software="bench",
            proof=self.proof or "",
            nonce=to_base64url(secrets.token_bytes(16)),
            wait_s=CHECK_IN_WAIT_S_MAX if self.has_answered else 0,
            capabilities=Capabilities(kinds=(MEASURE,), raw_sockets=False),
            holding=tuple(sorted(self.holding)),
        )
        sealed = seal(model_bytes(check_in), PayloadType.CHECK_IN, self.key)
        self.is_waiting = self.has_answered
        return await asked(reader, writer, "POST", "/v1/check-ins", sealed)

    def _take(self, body: bytes) -> None:
        self.fleet.admitted_s.append(time.monotonic())
        keys = keys_by_id([self.fleet.server_key])
        payload = open_sealed(parse_envelope(body), PayloadType.CHECK_IN_ANSWER, keys)
        answer = parse_model(CheckInAnswer, payload)
        self.proof, self.has_answered = answer.proof, True
        self.fleet.spread_s = answer.return_spread_s
        for each in answer.instructions:
            told = parse_envelope(each.encode())
            open_sealed(told, PayloadType.INSTRUCTION, keys)
            name = json.loads(told.payload)["instruction_id"]
            self.holding.add(name)
            heard = self.fleet.heard.get(self.agent_id)
            if heard is not None and not heard.done():
                heard.set_result(time.monotonic())
        self.holding.difference_update(answer.withdrawn)


async def asked(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    method: str,
    path: str,
    body: bytes,
    *,
    headers: str = "",
) -> tuple[int, dict[str, str], bytes]:
    """Send one request over an open connection; return status, headers and body."""
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
    )
    writer.write(head.encode("ascii") + body)
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    found = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    octets = int(found.get("content-length", "0"))
    return int(lines[0].split(" ")[1]), found, await reader.readexactly(octets)


def enrolled(data: Path, count: int) -> Fleet:
    """Return a fleet that a server in this folder knows."""
    clock = SystemClock()
    with open_installation(ServerSettings(data=data), clock) as installation:
        point = installation.test_point
        place = TestPointPlace(id=point.test_point_id, key=point.key, tcp_port=1, udp_port=1)
        services = services_of(installation, FixedTestPoint(place))
        fleet = Fleet(data=data, server_key=services.key.public)
        for _ in range(count):
            key = SigningKey.generate()
            request = EnrolmentRequest(
                token=make_token(installation.store, clock.unix_us()),
                agent_key=key.public.text,
                server_key=services.server_key,
                software="bench",
                requested_unix_us=clock.unix_us(),
            )
            sealed = seal(model_bytes(request), PayloadType.ENROLMENT, key)
            fleet.agents.append(Agent(fleet, services.enrolment.enrol(sealed).agent_id, key))
    return fleet


class Server:
    """`omega-server run` on the fleet's folder."""

    def __init__(self, data: Path, port: int = 0) -> None:
        self.process = subprocess.Popen(
            [OMEGA_SERVER, "run", "--json", "--data", data, "--host", HOST, "--port", str(port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.process.stdout is None:
            raise RuntimeError("no output")
        self.port = int(str(json.loads(self.process.stdout.readline())["url"]).rpartition(":")[2])
        self.token = (
            (data / "operator.token").read_text().strip()
            if (data / "operator.token").exists()
            else ""
        )

    def resident_kb(self) -> int:
        """Return the resident set, without what it shares with its children."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("the server has gone")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


async def until_connected(fleet: Fleet, limit_s: float) -> float:
    """Wait until every agent waits; return how long it took."""
    started = time.monotonic()
    while fleet.connected() < len(fleet.agents):
        if time.monotonic() - started > limit_s:
            raise TimeoutError(f"{fleet.connected()} of {len(fleet.agents)} are connected")
        await asyncio.sleep(0.1)
    return time.monotonic() - started


async def hearing(fleet: Fleet, server: Server, presses: int, rng: random.Random) -> list[float]:
    """Press *diagnose* for agents drawn at random; return the seconds until each has it."""
    took = []
    for agent in rng.sample(fleet.agents, presses):
        while not agent.is_waiting:  # noqa: ASYNC110 - between two check-ins
            await asyncio.sleep(0.01)
        future = asyncio.get_running_loop().create_future()
        fleet.heard[agent.agent_id] = future
        started = time.monotonic()
        reader, writer = await asyncio.open_connection(HOST, server.port)
        body = json.dumps({"by": "clerk", "agent_id": agent.agent_id}).encode()
        bearer = f"authorization: Bearer {server.token}\r\n"
        status, _, answer = await asked(
            reader, writer, "POST", "/v1/instructions", body, headers=bearer
        )
        if status != 201:
            raise RuntimeError(answer)
        took.append(await asyncio.wait_for(future, 30) - started)
        writer.close()
    return took


def busiest(times_s: list[float]) -> int:
    """Return how many were admitted in the busiest second."""
    ordered, most, first = sorted(times_s), 0, 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - _WINDOW_S:
            first += 1
        most = max(most, last - first + 1)
    return most


async def measured(arguments: argparse.Namespace, data: Path) -> None:
    """Run what was asked for, and print it."""
    rng = random.Random(arguments.seed)  # noqa: S311 - no secret
    fleet = enrolled(data, arguments.agents)
    server = Server(data)
    alone_kb = server.resident_kb()
    tasks = [
        asyncio.create_task(agent.run(server.port, rng, at_once=False)) for agent in fleet.agents
    ]
    try:
        connecting_s = await until_connected(fleet, 300)
        await asyncio.sleep(2)
        with_kb = server.resident_kb()
        table = Table(f"{arguments.agents} agents at one server process", ("", "figure"))
        table.row("all connected after", f"{connecting_s:.1f} s")
        table.row("server alone", f"{alone_kb / 1_000:.1f} MB")
        table.row("with them", f"{with_kb / 1_000:.1f} MB")
        table.row("an agent", f"{(with_kb - alone_kb) / arguments.agents:.1f} kB")
        if arguments.only != "return":
            took = sorted(await hearing(fleet, server, arguments.presses, rng))
            table.row("heard, median", f"{1_000 * statistics.median(took):.0f} ms")
            table.row("heard, p95", f"{1_000 * took[int(0.95 * len(took))]:.0f} ms")
            table.row("heard, slowest", f"{1_000 * took[-1]:.0f} ms")
        if arguments.only != "hearing":
            server = await returned(fleet, server, arguments.outage, table)
        table.print()
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        server.kill()


async def returned(fleet: Fleet, server: Server, outage_s: float, table: Table) -> Server:
    """Let the server be away, and see its agents come back."""
    server.kill()
    await asyncio.sleep(outage_s)
    fleet.admitted_s.clear()
    fleet.refused = 0
    server = await asyncio.to_thread(Server, fleet.data, server.port)
    back_s = await until_connected(fleet, 600)
    peak = busiest(fleet.admitted_s)
    table.row(f"away for {outage_s:.0f} s, all back after", f"{back_s:.1f} s")
    table.row("sent away meanwhile", str(fleet.refused))
    table.row("admitted in the busiest second", f"{peak}")
    table.row("of the ceiling", f"{peak / CHECK_INS_PER_S:.2f}")
    return server


def main() -> None:
    """Parse, and measure in a folder on the disk of the working directory."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--agents", type=int, default=2_000)
    parser.add_argument("--presses", type=int, default=200)
    parser.add_argument("--outage", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("hearing", "return"))
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, max(_FILES, _hard())))
    with tempfile.TemporaryDirectory(prefix="omega-bench-", dir=Path.cwd()) as folder:
        asyncio.run(measured(arguments, Path(folder)))


def _hard() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


if __name__ == "__main__":
    main()
