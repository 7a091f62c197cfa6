"""The lab as a place: what its hosts see, what programs find, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import privilege
from lab.errors import LabError, LabUnavailableError
from lab.host import Host
from lab.peers import ping
from lab.pytest_support import need_tool
from lab.spec import DirectionSpec, LinkSpec
from lab.streams import stream
from lab.topology import Lab
from omega_core.units import NS_PER_MS

pytestmark = [pytest.mark.lab, pytest.mark.timeout(60)]

TESTS = Path(__file__).resolve().parent.parent
PATIENCE_S = 5.0


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as made:
        yield made


def output(host: Host, *argv: str) -> str:
    return host.run(argv).stdout


def processes_in(namespaces: set[int]) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "ns/net").stat().st_ino in namespaces:
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def runs(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_empty(namespaces: set[int], *, spare: set[int]) -> set[int]:
    """Return who is still inside when nobody should be any more."""
    ends = time.perf_counter() + PATIENCE_S
    while (found := processes_in(namespaces) - spare) and time.perf_counter() < ends:
        time.sleep(0.02)
    return found


class TestHosts:
    def test_see_one_ethernet_interface_in_proc_and_sys(self, lab: Lab) -> None:
        for host in (lab.customer, lab.server):
            listed = output(host, "ls", "/sys/class/net").split()
            assert sorted(listed) == ["eth0", "lo"]
            assert output(host, "cat", "/sys/class/net/eth0/type").strip() == "1"
            assert int(output(host, "cat", "/sys/class/net/eth0/speed")) == 10_000
            assert output(host, "cat", "/sys/class/net/eth0/duplex").strip() == "full"
            assert output(host, "cat", "/sys/class/net/eth0/operstate").strip() == "up"
            in_proc = output(host, "cat", "/proc/net/dev").splitlines()[2:]
            assert sorted(line.split(":")[0].strip() for line in in_proc) == ["eth0", "lo"]

    def test_have_addresses_that_work_at_once(self) -> None:
        with Lab() as lab:
            for host in (lab.server, lab.customer):
                shown = output(host, "ip", "address", "show", "dev", "eth0")
                assert "state UP" in shown
                assert f"inet {host.v4}/30" in shown
                assert f"inet6 {host.v6}/64" in shown
                assert "tentative" not in shown

    def test_the_customer_s_default_route_is_the_link(self, lab: Lab) -> None:
        for family, gateway in (("-4", lab.server.v4), ("-6", lab.server.v6)):
            route = output(lab.customer, "ip", family, "route", "show", "default")
            assert route.startswith(f"default via {gateway} dev eth0")

    def test_find_each_other_by_name(self, lab: Lab) -> None:
        for host, peer in ((lab.customer, lab.server), (lab.server, lab.customer)):
            found = output(host, "getent", "ahosts", peer.host_name)
            assert peer.v4 in found
            assert peer.v6 in found

    def test_an_unknown_name_fails_within_a_round_trip(self, lab: Lab) -> None:
        before = time.perf_counter()
        done = lab.customer.run(["getent", "hosts", "nowhere.example"], check=False)
        assert done.returncode != 0
        assert time.perf_counter() - before < 1

    def test_use_the_mtu_of_the_link(self) -> None:
        with Lab(LinkSpec(mtu_bytes=1_492)) as lab:
            assert output(lab.server, "cat", "/sys/class/net/eth0/mtu").strip() == "1492"
            with stream(lab.customer, lab.server) as sent:
                sent.send(1, ip_bytes=1_492)
                sent.settle(100 * NS_PER_MS)
            assert len(sent.received) == 1

    def test_find_each_other_by_arp_and_nd_too(self) -> None:
        need_tool("ping")
        with Lab(static_neighbours=False) as lab:
            for address in (lab.server.v4, lab.server.v6):
                assert ping(lab.customer, address, count=2, interval_s=0.01).received == 2
            neighbours = output(lab.customer, "ip", "neighbour", "show", "dev", "eth0")
        assert neighbours.count(lab.server.own.mac) >= 2

    def test_send_plain_frames_whatever_the_program_asks_of_the_kernel(self, lab: Lab) -> None:
        udp_segment, size, octets = 103, 1_400, 200_000
        before = lab.link.truth().up
        with lab.customer.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_UDP, udp_segment, size)
            sender.sendto(bytes(20 * size), (lab.server.v4, 9))
        with (
            lab.server.entered(),
            socket.create_server((lab.server.v4, 0)) as listener,
            lab.customer.entered(),
            socket.create_connection(listener.getsockname()) as client,
        ):
            client.sendall(bytes(octets))
            accepted, _ = listener.accept()
            with accepted:
                assert len(accepted.recv(octets, socket.MSG_WAITALL)) == octets
        after = lab.link.truth().up
        assert after.is_sound()
        assert after.frames_in - before.frames_in >= 20 + octets // 1_460


class TestPrograms:
    def test_run_where_they_were_told_and_are_heard(self, lab: Lab, tmp_path: Path) -> None:
        done = lab.customer.run(["pwd"], cwd=tmp_path)
        assert done.stdout.strip() == str(tmp_path)
        done = lab.customer.run(
            ["sh", "-c", "cat; echo $WORD >&2"], env={"WORD": "x"}, stdin_text="y"
        )
        assert (done.stdout, done.stderr) == ("y", "x\n")

    def test_that_fail_say_so(self, lab: Lab) -> None:
        with pytest.raises(subprocess.CalledProcessError) as caught:
            lab.customer.run(["sh", "-c", "echo no >&2; exit 3"])
        assert caught.value.returncode == 3
        assert caught.value.__notes__ == ["no"]

    def test_that_take_too_long_are_ended(self, lab: Lab) -> None:
        with pytest.raises(subprocess.TimeoutExpired):
            lab.customer.run(["sleep", "60"], timeout_s=0.05)

    def test_a_thread_of_the_test_can_step_in_and_is_back_afterwards(self, lab: Lab) -> None:
        here = Path("/proc/thread-self/ns/net").stat().st_ino
        with lab.customer.entered():
            assert Path("/proc/thread-self/ns/net").stat().st_ino == lab.customer.inode()
        assert Path("/proc/thread-self/ns/net").stat().st_ino == here


class TestEnd:
    def test_building_takes_less_than_a_second(self) -> None:
        before = time.perf_counter()
        with Lab():
            assert time.perf_counter() - before < 1

    def test_ends_what_was_started_even_by_others_and_behind_its_back(self) -> None:
        before = time.perf_counter()
        with Lab() as lab:
            child = lab.server.popen(["sleep", "60"])
            lab.customer.run(["sh", "-c", "trap '' TERM; setsid sleep 60 >/dev/null 2>&1 &"])
            namespaces = {lab.server.inode(), lab.customer.inode()}
            assert len(processes_in(namespaces)) == 2
        assert child.returncode == -signal.SIGTERM
        assert wait_until_empty(namespaces, spare=set()) == set()
        assert time.perf_counter() - before < PATIENCE_S

    def test_comes_after_an_exception_too(self) -> None:
        before = {*Path("/proc/self/fd").iterdir()}
        lab = Lab()

        def fail() -> None:
            with lab:
                lab.customer.popen(["sleep", "60"])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert {*Path("/proc/self/fd").iterdir()} == before
        with pytest.raises(LabError, match="its lab is closed"):
            lab.link.truth()

    def test_comes_when_the_owner_is_killed(self) -> None:
        program = (
            "import sys, time\n"
            "from lab.topology import Lab\n"
            "with Lab() as lab:\n"
            "    lab.server.popen(['sleep', '60'])\n"
            "    pids = [each._pump._process.pid for each in (lab.link.down, lab.link.up)]\n"
            "    print(lab.server.inode(), lab.customer.inode(), *pids, flush=True)\n"
            "    time.sleep(60)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            text=True,
        ) as owner:
            assert owner.stdout is not None
            server, customer, *pumps = map(int, owner.stdout.readline().split())
            assert len(processes_in({server, customer})) == 1
            owner.kill()
            owner.wait()
        assert wait_until_empty({server, customer}, spare=set()) == set()
        ends = time.perf_counter() + PATIENCE_S
        while any(runs(pid) for pid in pumps):
            assert time.perf_counter() < ends, "a pump outlived its lab"
            time.sleep(0.02)

    def test_a_link_that_breaks_down_is_reported(self) -> None:
        with Lab() as lab:
            pump = lab.link.down._pump._process
            pump.kill()
            pump.wait()
            with pytest.raises(LabError, match="broke down"):
                lab.link.down.truth()


def test_several_labs_do_not_see_each_other() -> None:
    slow = LinkSpec(up=DirectionSpec(delay_us=30_000))
    with Lab(slow) as one, Lab() as other:
        with stream(one.customer, one.server) as late, stream(other.customer, other.server) as soon:
            late.send(3, ip_bytes=60)
            soon.send(3, ip_bytes=60)
            late.settle(200 * NS_PER_MS)
        assert len(late.received) == len(soon.received) == 3
        assert min(late.delays_ns().values()) >= 30 * NS_PER_MS
        assert min(soon.delays_ns().values()) < 30 * NS_PER_MS


class TestPrivilege:
    PROGRAM = (
        "from lab.topology import Lab\n"
        "with Lab() as lab:\n"
        "    lab.customer.run(['ping', '-c', '1', lab.server.host_name])\n"
        "    print(lab.customer.run(['ls', '/sys/class/net']).stdout.split())\n"
    )

    def test_root_has_all_that_is_needed(self) -> None:
        assert privilege.available() is None

    def test_a_user_namespace_is_enough(self) -> None:
        need_tool("ping")
        inside = f"run_inside([{sys.executable!r}, '-c', {self.PROGRAM!r}])"
        done = subprocess.run(
            [sys.executable, "-c", f"from lab.privilege import run_inside; {inside}"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if "Operation not permitted" in done.stderr and "unshare" in done.stderr:
            pytest.skip("user namespaces are switched off here")
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "['eth0', 'lo']"

    def test_without_ip_the_reason_names_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        assert privilege.available() == privilege.IP_MISSING
        with pytest.raises(LabUnavailableError, match="iproute2"), Lab():
            pass

    def test_the_shell_runs_a_command_and_leaves_with_its_code(self) -> None:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "lab.shell",
                "--rtt",
                "2ms",
                "sh",
                "-c",
                "ls /sys/class/net; exit 7",
            ],
            cwd=TESTS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 7
        assert done.stdout.split() == ["eth0", "lo"]
        assert "10.77.0.1" in done.stderr
        assert "frames in" in done.stderr
