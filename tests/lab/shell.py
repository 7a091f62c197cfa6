"""A shell on the customer's side of an emulated link, for whoever wants to check the instrument.

    cd tests && python -m lab.shell --link adsl
    cd tests && python -m lab.shell --link adsl --loss 1% ping -c 5 server.lab

With a command it runs that and leaves with its code; without, it starts an interactive shell. What
the link did is printed to stderr at the end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from lab import privilege
from lab.emulation import LinkTruth
from lab.errors import LabError
from lab.links import LINKS
from lab.quantities import parse_rate_bps, parse_share_ppm, parse_time_us, show_direction
from lab.spec import LinkSpec, LinkSpecError
from lab.topology import Lab
from omega_core.units import NS_PER_MS, US_PER_MS

_LINK_DEFAULT = "adsl"
_CODE_NO_LAB = 69  # sysexits.h: unavailable


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog="python -m lab.shell",
        description="A shell on the customer's side of an emulated access link.",
    )
    add = made.add_argument
    add("--link", choices=sorted(LINKS), default=_LINK_DEFAULT, help="named link to start from")
    add("--down", metavar="RATE", help="rate to the customer at the IP layer: 20M, 300k, none")
    add("--up", metavar="RATE", help="rate from the customer")
    add("--rtt", metavar="TIME", help="constant round trip, half each way: 25ms")
    add("--jitter", metavar="TIME", help="uniform 0..TIME added each way")
    add("--loss", metavar="SHARE", help="random loss each way: 0.5%%")
    add("--buffer", metavar="TIME", help="buffer in front of the bottleneck, as time at its rate")
    add("--seed", type=int, help="seed of loss and jitter")
    add("command", nargs=argparse.REMAINDER, help="program to run instead of a shell")
    return made


def link_from(options: argparse.Namespace) -> LinkSpec:
    """Return the named link with what the options change. Raises LinkSpecError."""
    spec = LINKS[options.link]
    both: dict[str, Any] = {}
    if options.jitter is not None:
        both["jitter_us"] = parse_time_us(options.jitter)
    if options.loss is not None:
        both["loss_ppm"] = parse_share_ppm(options.loss)
    if options.buffer is not None:
        both["buffer_ms"] = parse_time_us(options.buffer) // US_PER_MS
    down, up = replace(spec.down, **both), replace(spec.up, **both)
    if options.down is not None:
        down = replace(down, rate_bps=parse_rate_bps(options.down))
    if options.up is not None:
        up = replace(up, rate_bps=parse_rate_bps(options.up))
    if options.rtt is not None:
        rtt_us = parse_time_us(options.rtt)
        down = replace(down, delay_us=rtt_us // 2)
        up = replace(up, delay_us=rtt_us - rtt_us // 2)
    if options.seed is not None:
        down, up = replace(down, seed=2 * options.seed), replace(up, seed=2 * options.seed + 1)
    return replace(spec, down=down, up=up)


def greeting(lab: Lab, *, iperf3: bool) -> str:
    """Return what somebody needs to know who finds themselves on the customer's host."""
    customer, server = lab.customer, lab.server
    iperf = f"iperf3 -c {server.host_name} [-R]" if iperf3 else "(iperf3 is not installed)"
    return "\n".join(
        [
            "You are on the customer's host. Nothing but the server is behind this link.",
            f"  down      {show_direction(lab.spec.down)}",
            f"  up        {show_direction(lab.spec.up)}",
            f"  customer  {customer.v4}  {customer.v6}  {customer.host_name}  on eth0",
            f"  server    {server.v4}  {server.v6}  {server.host_name}",
            f"Try: ping {server.host_name}",
            f"     {iperf}",
            "     exit",
        ]
    )


def farewell(truth: LinkTruth) -> str:
    """Return what the link did, a line per direction."""
    lines = []
    for name, way in (("down", truth.down), ("up", truth.up)):
        lines.append(
            f"{name:4}  {way.frames_in} frames in, {way.frames_lost} lost at random,"
            f" {way.frames_dropped} dropped by the buffer, {way.frames_cut} cut,"
            f" {way.frames_swallowed} too large,"
            f" {way.frames_delivered} delivered; at most"
            f" {way.late_ns_max / NS_PER_MS:.2f} ms late"
        )
        if not way.is_sound():
            lines.append(f"      not sound: {way.overruns + way.refused} frames were too many")
    return "\n".join(lines)


def run(spec: LinkSpec, command: Sequence[str], *, label: str) -> int:
    """Build the lab, run the command or a shell in it, and return its code."""
    with Lab(spec) as lab:
        iperf3 = shutil.which("iperf3")
        if iperf3 is not None:
            quiet = subprocess.DEVNULL
            lab.server.popen([iperf3, "-s"], stdin=quiet, stdout=quiet, stderr=quiet)
        print(greeting(lab, iperf3=iperf3 is not None), file=sys.stderr)  # noqa: T201 - a program
        # A handler of our own, which the child does not inherit: Ctrl-C is for the child alone
        signal.signal(signal.SIGINT, _leave_it_to_the_child)
        child = lab.customer.popen(command or _shell(), env=_environment(label))
        code = child.wait()
        print(farewell(lab.link.truth()), file=sys.stderr)  # noqa: T201 - a program
    return code if code >= 0 else 128 - code  # as shells report a death by signal


def _leave_it_to_the_child(*_: object) -> None:
    pass


def _shell() -> Sequence[str]:
    bash = shutil.which("bash")
    return ["/bin/sh", "-i"] if bash is None else [bash, "--norc", "-i"]


def _environment(link: str) -> dict[str, str]:
    """Return an environment in which `omega` is found, as installed beside this interpreter."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "PS1": f"customer ({link}) \\$ "}


def main() -> NoReturn:
    """Parse, run, leave. This is the only place that ends the process."""
    options = parser().parse_args()
    try:
        spec = link_from(options)
    except LinkSpecError as error:
        parser().error(str(error))
    try:
        privilege.ensure(sys.orig_argv)
        sys.exit(run(spec, options.command, label=options.link))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)  # noqa: T201 - a program
        sys.exit(_CODE_NO_LAB)


if __name__ == "__main__":
    main()
