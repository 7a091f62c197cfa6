"""How a webhook is signed, and how its receiver checks it: pure.

    Omega-Delivery:  <32 hex>                    the same for every try of one delivery
    Omega-Timestamp: <seconds since 1970>        of this try
    Omega-Signature: v1=<hex HMAC-SHA256(secret, timestamp "." delivery "." body)>

The receiver checks the signature over the bytes as they came, refuses a timestamp more than five
minutes off its own clock, and shows a delivery once, whichever try brings it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from omega_core.limits import CONNECTOR_REPLAY_S

DELIVERY_HEADER: Final = "Omega-Delivery"
TIMESTAMP_HEADER: Final = "Omega-Timestamp"
SIGNATURE_HEADER: Final = "Omega-Signature"
_VERSION = "v1="
_DIGITS_MAX = 12


def delivery_id(external_id: str, record_digest: str) -> str:
    """Return the name of a delivery: the same whenever it is tried."""
    said = f"omega-delivery/v1\n{external_id}\n{record_digest}\n"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def signature(secret: bytes, timestamp: str, delivery: str, body: bytes) -> str:
    """Return the value of the signature header."""
    said = f"{timestamp}.{delivery}.".encode() + body
    return _VERSION + hmac.new(secret, said, hashlib.sha256).hexdigest()


def is_genuine(
    secret: bytes, *, timestamp: str, delivery: str, signed: str, body: bytes, now_unix_s: int
) -> bool:
    """Say whether a request is ours and of now; what a receiver must do, as a reference."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > _DIGITS_MAX:
        return False
    if abs(now_unix_s - int(timestamp)) > CONNECTOR_REPLAY_S:
        return False
    expected = signature(secret, timestamp, delivery, body)
    return hmac.compare_digest(expected.encode(), signed.encode())
