"""Whether this process may open raw sockets; a diagnosis of the path works with less without."""

from __future__ import annotations

from pathlib import Path

_CAP_NET_RAW = 13
_STATUS = Path("/proc/self/status")


def has_raw_sockets(status: Path = _STATUS) -> bool:
    """Say whether CAP_NET_RAW is effective; False where the system does not tell."""
    try:
        text = status.read_text(encoding="ascii")
    except OSError:
        return False
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return bool(int(value.strip(), 16) >> _CAP_NET_RAW & 1)
    return False
