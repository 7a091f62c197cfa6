"""What a key says of itself, where nobody vouches for it."""

from __future__ import annotations

from omega_core.control import KeyStatement
from omega_core.envelope import PayloadType, seal
from omega_core.keys import SigningKey
from omega_core.models import model_bytes


def own_statement(key: SigningKey, now_unix_us: int) -> str:
    """Return a statement of a key by itself: it offers the key to verifiers, nobody vouches."""
    public = key.public
    statement = KeyStatement(
        role="agent",
        id=f"run:{public.kid}",
        kid=public.kid,
        key=public.text,
        issued_unix_us=now_unix_us,
    )
    return seal(model_bytes(statement), PayloadType.KEY, key).decode("utf-8")
