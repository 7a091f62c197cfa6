"""Lines of keys for tests: `line(FIRST, SECOND, THIRD)` is two rotations, a thousand days apart."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

from omega_core.key_events import SERVER_ID, KeyRevocation, KeyRotation, rotation_of, seal_rotation
from omega_core.keys import SigningKey
from omega_core.units import US_PER_S
from support.builders import AGENT_ID, SERVER_KEY, key_of
from support.clock import START_UNIX_US

DAY_US = 86_400 * US_PER_S
FIRST, SECOND, THIRD = (key_of(f"line {number}") for number in range(3))


def rotation(
    old: SigningKey = FIRST,
    new: SigningKey = SECOND,
    *,
    role: Literal["server", "agent"] = "server",
    at_unix_us: int = START_UNIX_US,
    name: str | None = None,
) -> KeyRotation:
    """Return the statement that one key follows the other."""
    is_server = role == "server"
    return rotation_of(
        role,
        name or (SERVER_ID if is_server else AGENT_ID),
        old=old.public,
        new=new.public,
        server_key=None if is_server else SERVER_KEY.public,
        at_unix_us=at_unix_us,
    )


def line(*keys: SigningKey, every_us: int = 1_000 * DAY_US) -> list[KeyRotation]:
    """Return the rotations from each key to the next."""
    return [
        rotation(old, new, at_unix_us=START_UNIX_US + number * every_us)
        for number, (old, new) in enumerate(pairwise(keys))
    ]


def rotated(old: SigningKey, new: SigningKey, *, of: Literal["server", "agent"] = "server") -> str:
    """Return the rotation from one key to the other, sealed by both."""
    return seal_rotation(rotation(old, new, role=of), old=old, new=new).decode("ascii")


def revocation(key: SigningKey = FIRST, **changes: Any) -> KeyRevocation:  # noqa: ANN401 - fields of the model
    """Return the server's word that a key is out of use, without a doubt about the past."""
    fields: dict[str, Any] = {
        "role": "agent",
        "id": AGENT_ID,
        "kid": key.public.kid,
        "reason": "stolen from a van",
        "revoked_unix_us": START_UNIX_US,
        "invalid_since_unix_us": None,
    }
    return KeyRevocation(**{**fields, **changes})
