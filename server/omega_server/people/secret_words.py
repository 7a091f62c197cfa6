"""Secrets that people carry: a token in a link, or a code that can be read out.

A code has ten characters of an alphabet without I, L, O and U, so fifty bits: who tries fifty in a
quarter of an hour, as an address may, finds one of a thousand good ones in some ten thousand years.
It is typed as it is heard: small letters, spaces and hyphens do not matter, nor O for 0, I and L
for 1.
"""

from __future__ import annotations

import re
import secrets

from omega_server.identity import new_token

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_CHARS = 10
_CODE = re.compile(f"[{_ALPHABET}]{{{_CODE_CHARS}}}")
_HEARD = str.maketrans("OIL", "011", " -")


def new_link_secret() -> str:
    """Return a secret to stand in a link: 32 characters, 192 bits."""
    return new_token()


def new_code() -> str:
    """Return a code to read out, such as 7KQ2M-X04TD."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_CHARS))
    return f"{drawn[:5]}-{drawn[5:]}"


def as_kept(secret: str) -> str:
    """Return a secret in the one form that its digest is made of."""
    code = secret.upper().translate(_HEARD)
    return code if _CODE.fullmatch(code) else secret.strip()
