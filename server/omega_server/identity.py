"""Who the server is: its key, and its word about the keys of others."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from omega_core import keyfile
from omega_core.control import KeyStatement
from omega_core.envelope import PayloadType, seal
from omega_core.errors import ExitCode, OmegaError
from omega_core.files import write_durably
from omega_core.key_events import SERVER_ID
from omega_core.key_history import KeyState, state_at
from omega_core.keys import PublicKey, SigningKey, to_base64url
from omega_core.models import model_bytes
from omega_server.store.port import Store
from omega_server.store.rows import TestPointRow

SERVER_KEY_FILE = "keys/server.pem"
TEST_POINT_KEY_FILE = "keys/testpoint.pem"
OPERATOR_TOKEN_FILE = "operator.token"
_TOKEN_OCTETS = 24
_OWNER_ONLY = 0o600


class OtherDatabaseError(OmegaError):
    """The database belongs to a server with another key."""

    exit_code = ExitCode.USAGE
    who_acts = "operator: use the data folder whose key made this database, or another database"


class RevokedTestPointError(OmegaError):
    """The server's own test point has a key that was revoked."""

    exit_code = ExitCode.USAGE
    who_acts = "operator: move keys/testpoint.pem away; the next start makes another test point"


def load_keys(data: Path) -> tuple[SigningKey, SigningKey]:
    """Return the keys of the server and of its own test point, made at the first start."""
    (data / "keys").mkdir(mode=0o700, parents=True, exist_ok=True)
    server = keyfile.load_or_create(data / SERVER_KEY_FILE)
    return server, keyfile.load_or_create(data / TEST_POINT_KEY_FILE)


def load_operator_token(data: Path) -> str:
    """Return the operator's bearer token, made at the first start."""
    path = data / OPERATOR_TOKEN_FILE
    if not path.exists():
        write_durably(path, new_token().encode("ascii") + b"\n", mode=_OWNER_ONLY)
    return path.read_text("ascii").strip()


def new_token() -> str:
    """Return a new secret for people to carry: 32 characters, 192 bits."""
    return to_base64url(secrets.token_bytes(_TOKEN_OCTETS))


def token_digest(token: str) -> str:
    """Return what is kept of a token: enough to know it again, not to use it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_same_secret(one: str, other: str) -> bool:
    """Compare without telling by the time it takes where the difference is."""
    return hmac.compare_digest(token_digest(one), token_digest(other))


def pin_to(store: Store, key: PublicKey, now_unix_us: int) -> None:
    """Bind the database to the server's key, or to one that followed it.

    Agents have pinned the key: the same database under another key would refuse them all. Raises
    OtherDatabaseError for a key that is not the database's, was replaced over a week ago, or was
    revoked.
    """
    kept = store.state.pin("server_kid", key.kid)
    own = next((row for row in store.keys.keys_of("server", SERVER_ID) if row.kid == key.kid), None)
    if own is None:
        raise OtherDatabaseError(
            f"this database was made under key {kept}, this server's is {key.kid}"
        )
    state = state_at(own.life, now_unix_us)
    if state is not KeyState.ACTIVE:
        raise OtherDatabaseError(
            f"this server's key {key.kid} is {state}; the database knows newer"
        )


def statement_of(
    server: SigningKey, role: str, name: str, key: PublicKey, now_unix_us: int
) -> bytes:
    """Return the server's sealed word that a key belongs to an agent or to a test point."""
    statement = KeyStatement(
        role="agent" if role == "agent" else "test_point",
        id=name,
        kid=key.kid,
        key=key.text,
        issued_unix_us=now_unix_us,
    )
    return seal(model_bytes(statement), PayloadType.KEY, server)


def register_test_point(
    store: Store, server: SigningKey, key: PublicKey, now_unix_us: int
) -> TestPointRow:
    """Return the test point with this key, made known to the store when it is new.

    Raises RevokedTestPointError.
    """
    known = store.enrolment.test_point(key.kid)
    if known is not None:
        if store.keys.revocations(key.kid):
            raise RevokedTestPointError(f"the key of test point {known.test_point_id} was revoked")
        return known
    name = f"tp-{key.kid[:12]}"
    row = TestPointRow(
        test_point_id=name,
        kid=key.kid,
        key=key.text,
        statement=statement_of(server, "test_point", name, key, now_unix_us),
        added_unix_us=now_unix_us,
    )
    store.enrolment.add_test_point(row)
    return row
