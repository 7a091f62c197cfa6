"""A small provider in this process: it knows codes, checks PKCE, and signs ID tokens."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from omega_core.keys import to_base64url

ISSUER = "https://login.example.net/operator"


class SmallProvider:
    """Answers what an `httpx` client asks; `claims` are changed by a test."""

    def __init__(self, now_unix_s: int) -> None:
        self.key = ECKey.generate_key("P-256", parameters={"kid": "k1", "use": "sig"})
        self.signs_with = self.key
        self.algorithm = "ES256"
        self.claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": "omega",
            "sub": "u-1",
            "iat": now_unix_s,
            "exp": now_unix_s + 300,
            "preferred_username": "Tina",
            "groups": ["everybody", "field"],
        }
        self.document: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
        }
        self._codes: dict[str, dict[str, str]] = {}

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def login(self, url: str) -> tuple[str, str]:
        """Log in at the page somebody was sent to; return state and code."""
        query = dict(parse_qsl(urlsplit(url).query))
        assert query["code_challenge_method"] == "S256"
        code = f"code{len(self._codes)}"
        self._codes[code] = query
        return query["state"], code

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/operator")
        match path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=self.document)
            case "/keys":
                return httpx.Response(200, json={"keys": [self.key.as_dict(private=False)]})
            case "/token":
                return self._redeemed(request)
            case _:
                return httpx.Response(404)

    def _redeemed(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if asked is None or asked["code_challenge"] != to_base64url(digest):
            return httpx.Response(400, json={"error": "invalid_grant"})
        claims = {"nonce": asked["nonce"], **self.claims}
        token = jwt.encode({"alg": self.algorithm, "kid": "k1"}, claims, self.signs_with)
        return httpx.Response(200, content=json.dumps({"id_token": token}))
