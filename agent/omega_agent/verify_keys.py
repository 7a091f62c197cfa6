"""The keys of a record: which are known, on whose word, and what each was worth when it counted.

Theory of operation. A ring is made of the keys that the reader trusts. What the file brings is then
laid beside it, each part checked before it is believed:

    key events    rotations open themselves; those of the server that hang together with a trusted
                  key make its other keys trusted too, those before it and those after it
    revocations   sealed by a server key of that line, or by nobody we know
    statements    whose key it is; one that a trusted key signed vouches for a device
    run key       of a run that is nobody's, as it is: the grant names it by its id

Every failure is EnvelopeError, `key_event` or `key_statement`. Nothing that is revoked or too old
fails a check: the mathematics holds, and nobody vouches. `doubts` says so, judged at the time of
entry, which is the receipt's; where there is none any revocation counts, for nobody can say when
the signature was made. What is known is what the file and the reader bring: a revocation of later
is found in the bundle that the server gives out today, not in one that was saved before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Final

from omega_agent.verify_report import KeyDoubt
from omega_core.control import Grant, KeyStatement
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    Sealed,
    keys_by_id,
    open_sealed,
    parse_written,
)
from omega_core.key_events import KeyRevocation, KeyRotation, open_rotation
from omega_core.key_history import (
    KeyHistoryError,
    KeyLife,
    KeyState,
    keys_in,
    line_of,
    lives_in,
    state_at,
    state_without_moment,
    with_revocations,
)
from omega_core.keys import NotAKeyError, PublicKey
from omega_core.models import ContentError, ModelT, NotPlainJsonError, parse_model

_REMEMBERED: Final = 64  # some 100 kB


class KeyRing:
    """The keys of one file; every method raises EnvelopeError naming the check that failed."""

    def __init__(self, trusted: Sequence[PublicKey]) -> None:
        self.trusted: dict[str, PublicKey] = keys_by_id(trusted)
        """Keys whose word is taken: the reader's, and those in line with them."""
        self.offered: dict[str, PublicKey] = dict(self.trusted)
        self.vouched: dict[str, str] = {}
        """Device by key id, where a trusted key says so."""
        self.server_parts: list[bool] = []
        """For every part that a server signed: was it one that is trusted?"""
        self._rotations: list[KeyRotation] = []
        self._revocations: list[KeyRevocation] = []
        self._issued: dict[str, int] = {}
        self._noted: list[tuple[str, int]] = []
        self._of_server: set[str] = set(self.trusted)

    def read_events(self, of_file: Sequence[str], at_hand: Sequence[str] = ()) -> None:
        """Take in rotations and revocations: the file's, and the server's that are beside it."""
        self._rotations, revocations = _told_apart((*of_file, *at_hand), needed=len(of_file))
        servers = [each for each in self._rotations if each.role == "server"]
        try:
            for kid in tuple(self.trusted):
                line = line_of(kid, servers)
                self.trusted |= keys_in(line)
        except KeyHistoryError as error:
            raise EnvelopeError("key_event", str(error)) from error
        self.offered |= self.trusted
        self._of_server = set(self.trusted)
        for each in revocations:
            self._read_revocation(each, servers)

    def read_statements(self, envelopes: Iterable[str]) -> None:
        """Take in whose keys they are: `offered`, and `vouched` where a trusted key says so."""
        for envelope in envelopes:
            try:
                sealed, statement, key = _read_statement(envelope)
                own = {key.kid: key} if statement.role == "agent" else {}
                by_trusted = self.signed(sealed, PayloadType.KEY, own)
            except (EnvelopeError, NotAKeyError) as error:
                raise EnvelopeError("key_statement", str(error)) from error
            self.offered[key.kid] = key
            self._issued[key.kid] = statement.issued_unix_us
            self.note(sealed, statement.issued_unix_us)
            if by_trusted and statement.role == "agent":
                self.vouched[key.kid] = statement.id

    def read_run_key(self, text: str | None) -> None:
        """Take in the key of a run that is nobody's; its id in the grant is what vouches for it."""
        if text is None:
            return
        try:
            key = PublicKey.from_text(text)
        except NotAKeyError as error:
            raise EnvelopeError("key_statement", "the key of the run is none") from error
        if key.kid in self.offered:
            raise EnvelopeError("key_statement", "the key of the run is offered twice")
        self.offered[key.kid] = key

    def signed(
        self, sealed: Sealed, payload_type: str, own: Mapping[str, PublicKey] | None = None
    ) -> bool:
        """Say whether trusted keys signed this; a key nobody offered leaves it open.

        `own` is the key that a statement is about: signing itself it offers itself, no more.
        """
        kids = {signature.kid for signature in sealed.signatures}
        if own and kids == own.keys() and not kids & self.trusted.keys():
            open_sealed(sealed, payload_type, own)
            return False
        if not kids <= self.trusted.keys():
            if sealed.payload_type != payload_type:
                raise EnvelopeError("payload_type", f"not {payload_type}")
            self.server_parts.append(False)
            return False
        open_sealed(sealed, payload_type, self.trusted)
        self.server_parts.append(True)
        return True

    def note(self, sealed: Sealed, at_unix_us: int) -> None:
        """Remember when the server says it signed this: its key is judged at that moment."""
        self._noted += [(signature.kid, at_unix_us) for signature in sealed.signatures]

    def check_used(self, agent_id: str | None, kid: str, grant: Grant | None) -> None:
        """Refuse what is about keys that have no part in this record, or about another device."""
        used = {kid}
        if grant is not None:
            used.add(PublicKey.from_text(grant.test_point.key).kid)
        if self.offered.keys() - self.trusted.keys() - used:
            raise EnvelopeError("key_statement", "it is about a key that signed nothing here")
        stated = self.vouched.get(kid)
        if stated is not None and agent_id not in {None, stated}:
            detail = "the key is another agent's than the record says"
            raise EnvelopeError("key_statement", detail)
        line = self._line_of_agent(kid)
        if any(each.id != agent_id for each in line):
            raise EnvelopeError("key_event", "a rotation of another agent's key")
        elsewhere = [each for each in self._rotations if each.role == "agent" and each not in line]
        if elsewhere:
            raise EnvelopeError("key_event", "a rotation of a key that signed nothing here")
        servers = {each.old_kid for each in self._rotations if each.role == "server"}
        if any(self.server_parts) and not servers <= self.trusted.keys():
            raise EnvelopeError("key_event", "a rotation of another server's key")
        meant = {each.server_key for each in line}
        if any(self.server_parts) and not meant <= {each.text for each in self.trusted.values()}:
            raise EnvelopeError("key_event", "a rotation that was meant for another server")
        in_line = used | {each.old_kid for each in line} | {each.kid for each in line}
        if any(each.kid not in in_line | self._of_server for each in self._revocations):
            raise EnvelopeError("key_event", "a revocation of a key that signed nothing here")

    def doubts(
        self, kid: str, grant: Grant | None, *, entered_unix_us: int | None
    ) -> list[KeyDoubt]:
        """Return the keys that were not good when it counted: the device's, the others'.

        Those of device and test point are judged at `entered_unix_us`, the receipt's time, None
        without a receipt; the server's when it signed what it signed.
        """
        servers = [each for each in self._rotations if each.role == "server"]
        judged = [("agent", kid, self._agent_life(kid), entered_unix_us)]
        if grant is not None:
            point = PublicKey.from_text(grant.test_point.key).kid
            judged.append(("test_point", point, self._life(point, KeyLife()), entered_unix_us))
        for signer, at_unix_us in self._noted:
            if signer in self._of_server:
                lives = lives_in(line_of(signer, servers))
                life = self._life(signer, lives.get(signer, KeyLife()))
                judged.append(("server", signer, life, at_unix_us))
        found = {
            each_kid: _doubt(role, each_kid, life, state)
            for role, each_kid, life, at_unix_us in judged
            if (state := _state(life, at_unix_us)) is not KeyState.ACTIVE
        }
        return list(found.values())

    def _read_revocation(self, sealed: Sealed, servers: Sequence[KeyRotation]) -> None:
        try:
            revocation = _content(KeyRevocation, sealed.payload)
            by_trusted = self.signed(sealed, PayloadType.KEY_REVOCATION)
        except EnvelopeError as error:
            raise EnvelopeError("key_event", str(error)) from error
        if not by_trusted:
            return
        signer = sealed.signatures[0].kid
        line = line_of(signer, servers)
        before = {each.old_kid for each in takewhile(lambda each: each.old_kid != signer, line)}
        is_servers = revocation.role == "server" or revocation.kid in {signer, *keys_in(line)}
        if is_servers and revocation.kid not in before:
            raise EnvelopeError("key_event", "a server's key is revoked by one that followed it")
        self._revocations.append(revocation)

    def _agent_life(self, kid: str) -> KeyLife:
        lives = lives_in(self._line_of_agent(kid))
        replaced = lives.get(kid, KeyLife()).replaced_unix_us
        issued = self._issued.get(kid)
        return self._life(kid, KeyLife(issued_unix_us=issued, replaced_unix_us=replaced))

    def _life(self, kid: str, life: KeyLife) -> KeyLife:
        return with_revocations(life, (each for each in self._revocations if each.kid == kid))

    def _line_of_agent(self, kid: str) -> tuple[KeyRotation, ...]:
        try:
            return line_of(kid, [each for each in self._rotations if each.role == "agent"])
        except KeyHistoryError as error:
            raise EnvelopeError("key_event", str(error)) from error


def _told_apart(envelopes: Sequence[str], *, needed: int) -> tuple[list[KeyRotation], list[Sealed]]:
    """Return the rotations, opened, and the revocations, not yet checked; each of them once.

    After the first `needed` come those at hand: what they say of devices is of the reader's own.
    """
    rotations: dict[tuple[str, str], KeyRotation] = {}
    revocations: list[Sealed] = []
    for number, envelope in enumerate(envelopes):
        data = envelope.encode("utf-8")
        try:
            sealed = parse_written(data)
            if sealed.payload_type == PayloadType.KEY_REVOCATION:
                revocations.append(sealed)
                continue
            rotation = open_rotation(data)
        except EnvelopeError as error:
            raise EnvelopeError("key_event", str(error)) from error
        if number >= needed and rotation.role != "server":
            continue
        known = rotations.setdefault((rotation.old_kid, rotation.kid), rotation)
        if rotation.rotated_unix_us < known.rotated_unix_us:  # asked again, after a lost answer
            rotations[rotation.old_kid, rotation.kid] = rotation
    return list(rotations.values()), revocations


def _state(life: KeyLife, entered_unix_us: int | None) -> KeyState:
    if entered_unix_us is None:
        return state_without_moment(life)
    return state_at(life, entered_unix_us)


def _doubt(role: str, kid: str, life: KeyLife, state: KeyState) -> KeyDoubt:
    since = {
        KeyState.COMPROMISED: life.invalid_since_unix_us,
        KeyState.REVOKED: life.revoked_unix_us,
        KeyState.SUPERSEDED: life.replaced_unix_us,
    }.get(state, life.issued_unix_us)
    return KeyDoubt(role=role, kid=kid, state=state, since_unix_us=since)


def _content(model: type[ModelT], payload: bytes) -> ModelT:
    try:
        return parse_model(model, payload)
    except NotPlainJsonError as error:
        raise EnvelopeError("payload_form", str(error)) from error
    except ContentError as error:
        raise EnvelopeError("schema", str(error)) from error


@lru_cache(maxsize=_REMEMBERED)
def _read_statement(envelope: str) -> tuple[Sealed, KeyStatement, PublicKey]:
    """Return what a statement says; thousands of records bring the same few. Nothing is checked."""
    sealed = parse_written(envelope.encode("utf-8"))
    statement = _content(KeyStatement, sealed.payload)
    key = PublicKey.from_text(statement.key)
    if key.kid != statement.kid:
        raise EnvelopeError("key_id", "the key is not the one its id says")
    return sealed, statement, key
