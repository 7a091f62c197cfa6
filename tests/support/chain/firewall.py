"""Rules of the packet filter: shared addresses, routers that say little, boxes that drop.

Texts for `nft -f -`; only `apply_rules` runs anything.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

from lab.errors import LabError, LabUnavailableError
from lab.host import Namespace
from omega_core.units import PPM
from support.chain.cases import (
    ACCESS,
    BACKHAUL,
    BOX,
    EDGE,
    ChainCase,
    Fault,
    Kind,
    Manner,
    Speech,
)

NFT_MISSING: Final = "this lab needs `nft` (Debian: apt-get install nftables)"
_TIMEOUT_S: Final = 10
_FAULT_TABLE: Final = "fault"
MEND: Final = f"table inet {_FAULT_TABLE}\ndelete table inet {_FAULT_TABLE}\n"
"""Takes a fault's rules away, whether or not there are any."""


def translation(interface: str) -> str:
    """Return the rules of a box that shares its IPv4 address on an interface."""
    return (
        "table ip translation {\n"
        "  chain outgoing {\n"
        "    type nat hook postrouting priority srcnat;\n"
        f'    oifname "{interface}" masquerade\n'
        "  }\n"
        "}\n"
    )


def rules_of(node: str, case: ChainCase) -> str:
    """Return the rules that a node has in this case, without its fault; "" for none."""
    rules = ""
    if node == BOX:
        rules += translation(ACCESS)
    if node == EDGE and case.cgnat:
        rules += translation(BACKHAUL)
    return rules + _speech(case.speech.get(node, Speech.LIMITED))


def _speech(speech: Speech) -> str:
    rules = ""
    if speech in {Speech.SILENT, Speech.MUTE}:
        rules += (
            "  chain own_words {\n"
            "    type filter hook output priority filter;\n"
            "    icmp type { time-exceeded, destination-unreachable } drop\n"
            "    icmpv6 type { time-exceeded, destination-unreachable } drop\n"
            "  }\n"
        )
    if speech in {Speech.DEAF, Speech.MUTE}:
        rules += (
            "  chain questions {\n"
            "    type filter hook input priority filter;\n"
            "    icmp type echo-request drop\n"
            "    icmpv6 type echo-request drop\n"
            "  }\n"
        )
    return f"table inet speech {{\n{rules}}}\n" if rules else ""


def fault_rules(fault: Fault) -> str:
    """Return the rules by which a box drops what it should forward; "" for other faults."""
    if fault.kind is Kind.WEDGED and fault.manner is Manner.DROPPED:
        drop = "drop"
    elif fault.kind is Kind.OVERLOADED:
        drop = f"numgen random mod {PPM} < {fault.loss_ppm} drop"
    else:
        return ""
    return (
        f"table inet {_FAULT_TABLE} {{\n"
        "  chain passing {\n"
        "    type filter hook forward priority filter;\n"
        f"    {drop}\n"
        "  }\n"
        "}\n"
    )


def apply_rules(namespace: Namespace, rules: str) -> None:
    """Give a namespace these rules. Raises LabError with what `nft` said."""
    if not rules:
        return
    program = shutil.which("nft")
    if program is None:
        raise LabUnavailableError(NFT_MISSING)
    with namespace.entered():
        child = subprocess.Popen(
            [program, "-f", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    said, _ = child.communicate(rules, timeout=_TIMEOUT_S)
    if child.returncode != 0:
        raise LabError(f"nft (nftables) refused the rules: {said.strip()}")
