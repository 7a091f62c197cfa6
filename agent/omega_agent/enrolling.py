"""A device joins a server: `omega enrol`.

    new key, agent.pem.new -> GET /v1/server: its key, pinned now -> request sealed with our key,
    naming the pinned one -> statement of our key, signed by the server, checked
    -> agent.pem, chain.json, identity.json -> agent.pem.new removed

A refusal leaves everything as it was, an earlier enrolment included. When the answer is lost the
same command can be typed again: the new key is still on the disk, and the server gives the same
answer to the same key and token.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Protocol

from omega_agent.errors import NotTrustedError, WrongUseError
from omega_agent.home import Home
from omega_agent.identity import Identity, load_identity, store_identity
from omega_agent.server_url import ServerUrl
from omega_core import keyfile
from omega_core.canonical import NotPlainJsonError
from omega_core.clock import Clock
from omega_core.control import EnrolmentAnswer, EnrolmentRequest, KeyStatement, ServerInfo
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
    seal,
)
from omega_core.files import write_durably
from omega_core.keys import NotAKeyError, PublicKey, SigningKey
from omega_core.models import ContentError, model_bytes, parse_model

_OWNER_ONLY = 0o600
_TOKEN = re.compile(r"[\x21-\x7e]{16,128}")


class Registrar(Protocol):
    """Whom a device joins; `Uplink` is one. What it raises: see there."""

    def server_info(self) -> ServerInfo:
        """Return what the server says of itself."""
        ...

    def enrol(self, request: bytes) -> EnrolmentAnswer:
        """Send a sealed enrolment request."""
        ...


def parse_server_key(text: str) -> PublicKey:
    """Return the key that was typed; raises WrongUseError."""
    try:
        return PublicKey.from_text(text)
    except (NotAKeyError, ValueError) as error:
        raise WrongUseError("server_key_form") from error


def check_token(text: str) -> str:
    """Return the token that was typed; raises WrongUseError for what can't be one."""
    if _TOKEN.fullmatch(text) is None:
        raise WrongUseError("token_form")
    return text


def check_may_enrol(home: Home, *, replace: bool, waiting: int) -> None:
    """Raise WrongUseError for a device that is enrolled already, unless it is to be replaced.

    Not while records wait: they are sealed with the old key, and should arrive while it is known.
    """
    identity = load_identity(home)
    if identity is None:
        return
    if not replace:
        raise WrongUseError("enrolled_already", agent=identity.agent_id, server=identity.server)
    if waiting:
        raise WrongUseError("waiting_first", count=waiting)


def enrol(
    home: Home,
    registrar: Registrar,
    *,
    server: ServerUrl,
    insecure: bool,
    token: str,
    expected_key: PublicKey | None,
    software: str,
    clock: Clock,
    serial: str | None = None,
    sheet_id: str | None = None,
) -> Identity:
    """Join the server and return who this device is now.

    `serial` and `sheet_id` are what the token was made for, where the operator bound it.

    Raises what the server's door raises, NotTrustedError when its key is not `expected_key` or its
    statement does not hold, StorageError.
    """
    info = registrar.server_info()
    try:
        server_key = PublicKey.from_text(info.server_key)
    except NotAKeyError as error:
        raise NotTrustedError("statement", why=error) from error
    if expected_key is not None and expected_key != server_key:
        raise NotTrustedError("server_key_other")
    home.make()
    key = keyfile.load_or_create(home.new_key_file)
    request = EnrolmentRequest(
        token=token,
        agent_key=key.public.text,
        server_key=server_key.text,
        software=software,
        requested_unix_us=clock.unix_us(),
        serial=serial,
        sheet_id=sheet_id,
    )
    answer = registrar.enrol(seal(model_bytes(request), PayloadType.ENROLMENT, key))
    check_statement(answer, key, server_key)
    identity = Identity(
        key=key,
        agent_id=answer.agent_id,
        statement=answer.statement,
        server=server,
        insecure=insecure,
        server_key=server_key,
    )
    write_durably(home.key_file, key.to_pem(), mode=_OWNER_ONLY)
    store_identity(home, identity)
    home.forget_other_keys(home.key_file.name)
    with suppress(OSError):  # it would only be used once more, for the next enrolment
        home.new_key_file.unlink()
    return identity


def check_statement(answer: EnrolmentAnswer, key: SigningKey, server_key: PublicKey) -> None:
    """Raise NotTrustedError unless the server states that our key is this agent's."""
    try:
        sealed = parse_envelope(answer.statement.encode("utf-8"))
        payload = open_sealed(sealed, PayloadType.KEY, keys_by_id([server_key]))
        statement = parse_model(KeyStatement, payload)
    except (EnvelopeError, NotPlainJsonError, ContentError) as error:
        raise NotTrustedError("statement", why=error) from None
    stated = (statement.role, statement.id, statement.key, statement.kid)
    if stated != ("agent", answer.agent_id, key.public.text, key.public.kid):
        raise NotTrustedError("statement", why="it is about another key")
