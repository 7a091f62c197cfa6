"""What a provider signed: an ID token (OpenID Connect Core 1.0 section 3.1.3.7), checked whole.

Signature by one of the provider's published keys and by an algorithm with such a key (never a MAC,
never none); issuer and audience to the letter; not too old, not of the future; and the nonce of
the login that it is to answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from omega_core.limits import OIDC_CLOCK_S

_ALGORITHMS = ["RS256", "PS256", "ES256"]


class TokenError(ValueError):
    """An ID token is not what it must be; never quotes it."""


def checked_claims(
    token: str, keys: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now_unix_s: int
) -> Mapping[str, Any]:
    """Return the claims of an ID token; raises TokenError."""
    try:
        key_set = KeySet.import_key_set({"keys": keys.get("keys", [])})
        claims = jwt.decode(token, key_set, algorithms=_ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise TokenError(f"it can't be verified: {type(error).__name__}") from error
    _check_times(claims, now_unix_s)
    if claims.get("iss") != issuer:
        raise TokenError("it is of another issuer")
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or client_id not in named:
        raise TokenError("it is for somebody else")
    if len(named) > 1 and claims.get("azp") != client_id:
        raise TokenError("it was given to somebody else")
    if claims.get("nonce") != nonce:
        raise TokenError("it answers another login")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise TokenError("it names nobody")
    return claims


def _check_times(claims: Mapping[str, Any], now_unix_s: int) -> None:
    if now_unix_s >= _moment(claims.get("exp")) + OIDC_CLOCK_S:
        raise TokenError("it is too old")
    begins = max(_moment(claims.get("iat")), _moment(claims.get("nbf", 0)))
    if begins > now_unix_s + OIDC_CLOCK_S:
        raise TokenError("it is of the future")


def _moment(told: object) -> int | float:
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise TokenError("its times are no numbers")
    return told
