"""Check a record without a network: `omega verify FILE`.

Theory of operation. Bytes and trusted keys in, a report out; nothing is ever raised, whatever the
bytes. The checks run in a fixed order and the first that fails names the report. Size and shape
come before signatures, signatures before content, and content is read from the verified bytes only;
nothing is serialised again.

    record       envelope_shape payload_base64 key_event key_statement payload_type key_missing
                 key_id signature[i] payload_form schema
    receipt      receipt digest envelope_digest
    grant        grant            same agent, session, purpose, plan
    second end   observation observers_disagree
    log          log_leaf log_path checkpoint_signature witness_quorum
    profile      profile          the one that the grant pins
    judge again  metrics_mismatch verdict_mismatch

What a watch saw of a line (an availability record) goes the same way with fewer parts: it has no
grant, no second end and nothing to be judged.

A trusted key is a server's: its statement names the agent's key, its signature stands under grant
and receipt. What a key signed that nobody offered can't be checked; the report says so and is then
at best *valid, key not trusted*, as it is where a key was revoked or replaced when it counted (see
`verify_keys`). Where one part is vouched for by a trusted key every part must be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from omega_acceptance.errors import ProfileError
from omega_acceptance.schema import AcceptanceProfile, profile_from_content
from omega_agent.verify_again import check_metrics, check_verdict, verdict_again
from omega_agent.verify_fit import differing, observed_elsewhere
from omega_agent.verify_keys import KeyRing
from omega_agent.verify_log import NO_WITNESSES, Witnesses, check_logged
from omega_agent.verify_report import Standing, Unchecked, VerifyReport
from omega_core.availability_record import AvailabilityRecord
from omega_core.bundle import Bundle, parse_bundle
from omega_core.canonical import NotPlainJsonError
from omega_core.control import Grant, KeyStatement, Observation, Receipt
from omega_core.derive import derive
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    Sealed,
    keys_by_id,
    open_sealed,
    parse_envelope,
    parse_written,
)
from omega_core.key_events import KeyRevocation
from omega_core.keys import NotAKeyError, PublicKey
from omega_core.models import ContentError, ModelT, StrictModel, parse_model
from omega_core.observers import disagreements
from omega_core.record import Record
from omega_core.saturation import saturation
from omega_core.verdict import Fault, Verdict

_AgentsT = TypeVar("_AgentsT", Record, AvailabilityRecord)
_SAYS_BUNDLE = b'"bundle_version"'
_HEAD_OCTETS = 64  # where canonical form has it, also with some white space in front


def verify(
    data: bytes,
    *,
    trusted: Sequence[PublicKey],
    statements: Sequence[str] = (),
    key_events: Sequence[str] = (),
    witnesses: Witnesses = NO_WITNESSES,
) -> VerifyReport:
    """Return what can be said of these bytes: a bundle, or a bare envelope.

    `trusted` are keys whose word is taken. `statements` are sealed key statements that are at hand
    beside the file, for a bare envelope that brings none; `key_events` are sealed rotations and
    revocations that are, for any file. `witnesses` are those who must have cosigned the log.
    """
    report = VerifyReport()
    checks = _Checks(KeyRing(trusted), report, key_events, witnesses)
    try:
        if _SAYS_BUNDLE in data[:_HEAD_OCTETS]:
            bundle = parse_bundle(data)
            report.passed.append("bundle_shape")
            checks.bundle(bundle)
        else:
            checks.bare(parse_envelope(data), statements)
    except EnvelopeError as error:
        report.standing, report.failed, report.detail = Standing.INVALID, error.check, error.detail
    except (ValueError, ArithmeticError, LookupError) as error:
        # Signed by a key we know, of the right form, and yet the judge can't make sense of it.
        report.standing, report.failed = Standing.INVALID, "verdict_mismatch"
        report.detail = f"the facts can't be judged: {type(error).__name__}"
    return report


class _Checks:
    """One run over one file; every method raises EnvelopeError naming the check that failed."""

    def __init__(
        self,
        ring: KeyRing,
        report: VerifyReport,
        events_at_hand: Sequence[str],
        witnesses: Witnesses,
    ) -> None:
        self._ring = ring
        self._report = report
        self._at_hand = events_at_hand
        self._witnesses = witnesses

    def bundle(self, bundle: Bundle) -> None:
        """Check a record with everything that goes with it."""
        sealed = self._parsed(bundle.record, digest_is_stated=bundle.receipt is not None)
        self._keys(bundle.keys, bundle.key_events)
        self._ring.read_run_key(bundle.run_key)
        if sealed.payload_type == PayloadType.AVAILABILITY:
            self._watched_bundle(bundle, sealed)
            return
        record, kid = self._record(sealed)
        self._receipt(bundle.receipt, sealed, record.session.id)
        grant, granted_by_trusted = self._grant(bundle.grant, record, kid)
        self._observation(bundle.observation, record, grant)
        self._logged(bundle.proof, sealed)
        profile = self._profile(bundle, record)
        self._judged_again(record, profile, observed=bundle.observation is not None)
        is_vouched = granted_by_trusted if record.agent.id is None else kid in self._ring.vouched
        self._weigh(record.agent.id, kid, grant)
        self._conclude(is_vouched=is_vouched or kid in self._ring.trusted)

    def _watched_bundle(self, bundle: Bundle, sealed: Sealed) -> None:
        """Check what a watch saw with everything that goes with it."""
        kid = self._watched(sealed)
        parts = {
            "grant": bundle.grant,
            "observation": bundle.observation,
            "profile": bundle.profile,
        }
        for name, part in parts.items():
            if part is not None:
                raise EnvelopeError(name, "what a watch saw has none")
        self._receipt(bundle.receipt, sealed, None)
        self._logged(bundle.proof, sealed)
        self._conclude_watched(kid)

    def bare(self, sealed: Sealed, statements: Sequence[str]) -> None:
        """Check an envelope that stands alone."""
        self._passed("envelope_shape", "payload_base64")
        if sealed.payload_type == PayloadType.AVAILABILITY:
            self._keys(statements, ())
            kid = self._watched(sealed)
            self._receipt(None, sealed, None)
            self._logged(None, sealed)
            self._conclude_watched(kid)
            return
        if sealed.payload_type == PayloadType.RECORD:
            self._keys(statements, ())
            record, kid = self._record(sealed)
            self._judged_again(record, None, observed=False)
            self._report.unchecked += [
                Unchecked.NO_RECEIPT,
                Unchecked.NO_GRANT,
                Unchecked.NO_OBSERVATION,
                *([Unchecked.NO_PROFILE] if record.profile else []),
                *([Unchecked.NO_PROOF] if self._witnesses.quorum else []),
            ]
            self._weigh(record.agent.id, kid, None)
            is_enrolled = record.agent.id is not None and kid in self._ring.vouched
            self._conclude(is_vouched=is_enrolled or kid in self._ring.trusted)
            return
        model = _OTHER_KINDS.get(sealed.payload_type)
        if model is None:
            raise EnvelopeError("payload_type", "not a kind that Omega signs")
        self._report.kind = sealed.payload_type
        self._report.digest = sealed.payload_digest
        self._passed("payload_type")
        self._ring.read_events((), self._at_hand)
        payload = open_sealed(sealed, sealed.payload_type, self._ring.trusted)
        self._passed("key_missing", "key_id", "signature")
        _content(model, payload)
        self._passed("payload_form", "schema")
        self._conclude(is_vouched=True)

    def _parsed(self, envelope: str, *, digest_is_stated: bool) -> Sealed:
        parse = parse_envelope if digest_is_stated else parse_written
        sealed = parse(envelope.encode("utf-8"))
        self._passed("envelope_shape", "payload_base64")
        return sealed

    def _keys(self, statements: Sequence[str], events: Sequence[str]) -> None:
        """Lay the keys that the file brings beside the trusted ones."""
        self._ring.read_events(events, self._at_hand)
        if events:
            self._passed("key_event")
        self._ring.read_statements(statements)
        if statements:
            self._passed("key_statement")

    def _record(self, sealed: Sealed) -> tuple[Record, str]:
        """Return the record and the id of the key that signed it."""
        record, kid = self._agents_own(sealed, PayloadType.RECORD, Record)
        self._report.record = record
        return record, kid

    def _watched(self, sealed: Sealed) -> str:
        """Take in what a watch saw; return the id of the key that signed it."""
        self._report.kind = PayloadType.AVAILABILITY
        watched, kid = self._agents_own(sealed, PayloadType.AVAILABILITY, AvailabilityRecord)
        self._report.watched = watched
        return kid

    def _agents_own(
        self, sealed: Sealed, payload_type: str, model: type[_AgentsT]
    ) -> tuple[_AgentsT, str]:
        """Return what an agent says and signed alone, and the id of its key."""
        if len(sealed.signatures) != 1:
            raise EnvelopeError("envelope_shape", "a record has one signature")
        payload = open_sealed(sealed, payload_type, self._ring.offered)
        self._passed("payload_type", "key_missing", "key_id", "signature[0]")
        record = _content(model, payload)
        self._passed("payload_form", "schema")
        kid = sealed.signatures[0].kid
        if record.agent.kid != kid:
            raise EnvelopeError("key_id", "the record names another key than the one that signed")
        self._report.digest = sealed.payload_digest
        return record, kid

    def _part(self, check: str, payload_type: str, envelope: str) -> tuple[Sealed, bool]:
        """Return an envelope that a server signed, and whether a trusted one did."""
        try:
            sealed = parse_written(envelope.encode("utf-8"))
            return sealed, self._ring.signed(sealed, payload_type)
        except EnvelopeError as error:
            raise EnvelopeError(check, str(error)) from error

    def _receipt(self, envelope: str | None, of: Sealed, session_id: str | None) -> None:
        if envelope is None:
            self._report.unchecked.append(Unchecked.NO_RECEIPT)
            return
        sealed, _ = self._part("receipt", PayloadType.RECEIPT, envelope)
        receipt = _part_content("receipt", Receipt, sealed)
        self._ring.note(sealed, receipt.received_unix_us)
        if receipt.session_id != session_id:
            raise EnvelopeError("receipt", "it is for another session")
        self._passed("receipt")
        if receipt.record_digest != of.payload_digest:
            raise EnvelopeError("digest", "the receipt is for another record")
        self._passed("digest")
        if receipt.envelope_digest != of.envelope_digest:
            raise EnvelopeError("envelope_digest", "the receipt is for another envelope")
        self._passed("envelope_digest")
        self._report.receipt = receipt

    def _grant(self, envelope: str | None, record: Record, kid: str) -> tuple[Grant | None, bool]:
        """Return the grant, and whether a trusted key signed it."""
        if envelope is None:
            if record.grant_digest is not None:
                raise EnvelopeError("grant", "the record has one that is not in the file")
            self._report.unchecked.append(Unchecked.NO_GRANT)
            return None, False
        sealed, by_trusted = self._part("grant", PayloadType.GRANT, envelope)
        grant = _part_content("grant", Grant, sealed)
        self._ring.note(sealed, grant.issued_unix_us)
        if sealed.payload_digest != record.grant_digest:
            raise EnvelopeError("grant", "the record was made under another grant")
        if what := differing(grant, record, kid):
            raise EnvelopeError("grant", f"grant and record differ in {what}")
        self._passed("grant")
        return grant, by_trusted

    def _observation(self, envelope: str | None, record: Record, grant: Grant | None) -> None:
        if envelope is None:
            if record.observation_digest is not None:
                raise EnvelopeError("observation", "the record has one that is not in the file")
            self._report.unchecked.append(Unchecked.NO_OBSERVATION)
            return
        if grant is None:
            raise EnvelopeError("observation", "there is no grant that names its test point")
        try:
            sealed = parse_written(envelope.encode("utf-8"))
            keys = keys_by_id([PublicKey.from_text(grant.test_point.key)])
            payload = open_sealed(sealed, PayloadType.OBSERVATION, keys)
            observation = _content(Observation, payload)
        except (EnvelopeError, NotAKeyError) as error:
            raise EnvelopeError("observation", str(error)) from error
        if record.observation_digest not in {None, sealed.payload_digest}:
            raise EnvelopeError("observation", "the record names another observation")
        if what := observed_elsewhere(observation, record, grant):
            raise EnvelopeError("observation", f"observation and grant differ in {what}")
        self._passed("observation")
        found = disagreements(record.evidence, observation)
        if found and Fault.OBSERVERS_DISAGREE not in record.validity:
            raise EnvelopeError("observers_disagree", str(found[0]))
        overloaded = saturation(observation, record.evidence)
        if overloaded and Fault.TEST_POINT_SATURATED not in record.validity:
            raise EnvelopeError("observers_disagree", "only the test point says it was overloaded")
        self._passed("observers_disagree")

    def _logged(self, proof: str | None, of: Sealed) -> None:
        """Check that the record is in the log; where witnesses are asked for it must be."""
        receipt = self._report.receipt
        place = None if receipt is None else receipt.log
        if proof is None:
            if place is not None or self._witnesses.quorum:
                self._report.unchecked.append(Unchecked.NO_PROOF)
            return
        trusted = self._ring.trusted.values()
        logged = check_logged(
            proof, of.envelope_digest, place, trusted=trusted, witnesses=self._witnesses
        )
        if not logged.by_trusted and any(self._ring.server_parts):
            raise EnvelopeError("checkpoint_signature", "not by the server that signed the rest")
        self._ring.server_parts.append(logged.by_trusted)
        self._passed("log_leaf", "log_path", "checkpoint_signature")
        if self._witnesses.quorum:
            self._passed("witness_quorum")
        self._report.logged = logged.signed.checkpoint

    def _profile(self, bundle: Bundle, record: Record) -> AcceptanceProfile | None:
        if bundle.profile is None:
            if record.profile is not None:
                raise EnvelopeError("profile", "the record was judged by one not in the file")
            return None
        try:
            profile = profile_from_content(bundle.profile)
        except ProfileError as error:
            raise EnvelopeError("profile", error.what) from error
        if profile.ref != record.profile:
            raise EnvelopeError("profile", "not the one the record was judged by")
        self._passed("profile")
        return profile

    def _judged_again(
        self, record: Record, profile: AcceptanceProfile | None, *, observed: bool
    ) -> None:
        derived = derive(record.evidence)
        check_metrics(record, derived)
        self._passed("metrics_mismatch")
        if profile is None:
            return
        preview, receipt = record.preview, self._report.receipt
        rules = preview.rules if preview else None
        verdict = self._report.verdict = verdict_again(record, profile, rules, derived)
        check_verdict(preview.verdict if preview else None, {verdict})
        if receipt is not None:
            if receipt.rules != rules:
                verdict = verdict_again(record, profile, receipt.rules, derived)
            # The server may have seen observers disagree whose observation is not in this file.
            check_verdict(receipt.verdict, {verdict, *([] if observed else [Verdict.INVALID])})
        self._passed("verdict_mismatch")

    def _weigh(self, agent_id: str | None, kid: str, grant: Grant | None) -> None:
        """Find out what the keys were worth when the record entered."""
        self._ring.check_used(agent_id, kid, grant)
        receipt = self._report.receipt
        entered = receipt.received_unix_us if receipt else None
        self._report.doubts = self._ring.doubts(kid, grant, entered_unix_us=entered)

    def _conclude_watched(self, kid: str) -> None:
        """Say how far to trust what a watch saw; its key is an enrolled device's."""
        watched = self._report.watched
        self._weigh(None if watched is None else watched.agent.id, kid, None)
        self._conclude(is_vouched=kid in self._ring.vouched or kid in self._ring.trusted)

    def _conclude(self, *, is_vouched: bool) -> None:
        """Say how far the file is to be trusted; all checks have passed."""
        parts = self._ring.server_parts
        if any(parts) and not all(parts):
            raise EnvelopeError("key_missing", "one part is signed by a key nobody offered")
        if not all(parts):
            self._report.unchecked.append(Unchecked.SERVER_KEY_UNKNOWN)
        if not is_vouched:
            self._report.unchecked.append(Unchecked.AGENT_KEY_NOT_VOUCHED)
        witnessed = not self._witnesses.quorum or Unchecked.NO_PROOF not in self._report.unchecked
        trusted = is_vouched and all(parts) and witnessed and not self._report.doubts
        self._report.standing = Standing.TRUSTED if trusted else Standing.NOT_TRUSTED

    def _passed(self, *names: str) -> None:
        self._report.passed += names


_OTHER_KINDS: Mapping[str, type[StrictModel]] = {
    PayloadType.GRANT: Grant,
    PayloadType.OBSERVATION: Observation,
    PayloadType.RECEIPT: Receipt,
    PayloadType.KEY: KeyStatement,
    PayloadType.KEY_REVOCATION: KeyRevocation,
}


def _content(model: type[ModelT], payload: bytes) -> ModelT:
    try:
        return parse_model(model, payload)
    except NotPlainJsonError as error:
        raise EnvelopeError("payload_form", str(error)) from error
    except ContentError as error:
        raise EnvelopeError("schema", str(error)) from error


def _part_content(check: str, model: type[ModelT], sealed: Sealed) -> ModelT:
    try:
        return _content(model, sealed.payload)
    except EnvelopeError as error:
        raise EnvelopeError(check, str(error)) from error
