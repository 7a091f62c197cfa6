"""What `--trust FILE` pins: one thing a line, `#` begins a remark.

CgJ3...                           a server's key, base64url
witness.example/w1+b72bab2e+BP..  a witness of transparency logs, as C2SP writes such keys
quorum 2                          so many witnesses must have cosigned; without it, all
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from omega_agent.errors import WrongUseError
from omega_agent.verify_log import NO_WITNESSES, Witnesses, quorum_of
from omega_core.keys import PublicKey
from omega_core.log.errors import FormError
from omega_core.log.note import KeyKind, NoteKey

_QUORUM = re.compile(r"quorum ([0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word is taken."""

    servers: tuple[PublicKey, ...]
    witnesses: Witnesses = NO_WITNESSES


def parse_trust(text: str, path: Path) -> Trust:
    """Return what the file pins; raises WrongUseError naming the line that can't be read."""
    servers: list[PublicKey] = []
    witnesses: list[NoteKey] = []
    quorum: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].strip()
        try:
            if not content:
                continue
            if (asked := _QUORUM.fullmatch(content)) is not None:
                quorum = int(asked[1])
            elif "+" in content:
                witnesses.append(_witness(content))
            else:
                servers.append(PublicKey.from_text(content))
        except (ValueError, FormError) as error:
            raise WrongUseError("trust_line", path=path, line=number) from error
    if not servers:
        raise WrongUseError("trust_empty", path=path)
    try:
        return Trust(tuple(servers), quorum_of(witnesses, quorum))
    except ValueError as error:
        raise WrongUseError("trust_quorum", path=path) from error


def _witness(text: str) -> NoteKey:
    key = NoteKey.from_text(text)
    if key.kind is not KeyKind.COSIGNATURE:
        raise FormError("not a witness's key")
    return key
