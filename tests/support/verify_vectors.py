"""The cases of tests/vectors/verify: whole bundles, and what is to be said of each.

    cd tests && python -m support.verify_vectors     writes the cases that are not there yet

A case that was published is never written again: a record of an older program must verify for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from omega_agent.errors import NoAnswerError
from omega_core.bundle import Bundle
from omega_core.canonical import canonical_bytes, parse_plain
from omega_core.derive import metrics_of
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.evidence import Evidence
from omega_core.key_events import seal_rotation
from omega_core.key_history import OVERLAP_US
from omega_core.keys import SigningKey
from omega_core.metrics import Direction
from omega_core.verdict import Fault, Mode, Verdict
from support import builders
from support.agent_story import Story, dead_line
from support.builders import AGENT_KEY, SERVER_KEY, STRANGER_KEY, key_of
from support.clock import START_UNIX_US
from support.facts import evidence, goodput_run, idle_stream
from support.key_lines import revocation, rotation
from support.logged import logged, place, proof_of, with_place

FOLDER = Path(__file__).parents[1] / "vectors" / "verify"
TRUSTED = "trusted.keys"
NEXT_AGENT_KEY = key_of("next agent")
NEXT_SERVER_KEY = key_of("next server")


@dataclass(frozen=True)
class Case:
    """One directory."""

    name: str
    bundle: Bundle
    expected: str
    why: str


def cases() -> Iterator[Case]:
    """Yield every case."""
    yield from _valid()
    yield from _logged()
    yield from _not_valid()
    yield from _keys()


def _facts() -> Evidence:
    """Return the evidence of a short session with one packet lost."""
    down, up = (
        goodput_run(
            direction, run=run, rate_bps=rate_bps, flows=2, duration_us=1_200_000, ramp_us=200_000
        )
        for run, (direction, rate_bps) in enumerate(
            ((Direction.DOWN, 290_000_000), (Direction.UP, 96_500_000))
        )
    )
    return evidence(idle=(idle_stream(packets=40, lost_up=[7]),), goodput=(down, up))


def _valid() -> Iterator[Case]:
    facts = _facts()
    story = Story(evidence=facts)
    silence = NoAnswerError("no_attempt", server="https://omega.example")
    trusted = "valid_and_trusted"
    yield Case(
        "installation", story.bundle(), trusted, "A record with all its papers, on its sheet."
    )
    yield Case(
        "invalid_run",
        Story(evidence=facts, faults=(Fault.TUNNEL,)).bundle(),
        trusted,
        "A run through a tunnel: an invalid run is a valid record.",
    )
    yield Case(
        "dead_line",
        story.bundle(dead_line(story, silence)),
        trusted,
        "No session could be had; the record says so and stands without a grant.",
    )
    yield Case(
        "stranger",
        Story(evidence=facts, enrolled=False, key=STRANGER_KEY, mode=Mode.QUICK).bundle(),
        trusted,
        "A key made for one run; the grant names it, and no statement of the server does.",
    )
    by_key = Story(evidence=facts, enrolled=False, key=STRANGER_KEY, mode=Mode.QUICK).bundle()
    yield Case(
        "stranger_by_key",
        by_key.model_copy(update={"keys": (), "run_key": STRANGER_KEY.public.text}),
        trusted,
        "The same as the server gives it out: the key itself, which the grant names by its id.",
    )
    yield Case(
        "before_the_receipt", story.sealed_record().bundle, trusted, "Sealed, not yet posted."
    )


def _logged() -> Iterator[Case]:
    good = Story(evidence=_facts()).bundle()
    record = good.record.encode()
    in_log = logged(good)
    yield Case("logged", in_log, "valid_and_trusted", "With the proof that it is in the log.")
    yield Case(
        "logged_without_proof",
        with_place(good, place()),
        "valid_and_trusted",
        "The receipt names a place in the log; the proof could not be fetched.",
    )
    yield Case(
        "log_place_fail",
        with_place(in_log, place(index=0)),
        "invalid log_leaf",
        "The proof is of another entry than the receipt names.",
    )
    yield Case(
        "log_smaller_fail",
        with_place(in_log, place(tree_size=100)),
        "invalid log_leaf",
        "The log was larger when the receipt was given: it was cut since.",
    )
    yield Case(
        "log_path_fail",
        in_log.model_copy(update={"proof": proof_of(b"{}").to_text()}),
        "invalid log_path",
        "A good proof, of another record at the same place.",
    )
    strangers = proof_of(record, key=STRANGER_KEY).to_text()
    yield Case(
        "log_stranger_fail",
        in_log.model_copy(update={"proof": strangers}),
        "invalid checkpoint_signature",
        "The checkpoint is signed by a stranger in the log's name.",
    )


def _not_valid() -> Iterator[Case]:
    story = Story(evidence=_facts())
    good = story.bundle()
    content = _content(good)
    figure = {**content["metrics"]["goodput_bps_down"], "value": 400_000_000}
    yield Case(
        "better_figure_fail",
        _resealed(good, {**content, "metrics": {**content["metrics"], "goodput_bps_down": figure}}),
        "invalid metrics_mismatch",
        "The agent states a goodput that its own evidence does not give, and signs it.",
    )
    yield Case(
        "better_verdict_fail",
        _resealed(good, {**content, "preview": {**content["preview"], "verdict": "pass"}}),
        "invalid verdict_mismatch",
        "The agent signs a pass where the facts leave the verdict open.",
    )
    yield Case(
        "observation_of_another_time_fail",
        good.model_copy(update={"observation": story.observation(octets_sent=1)}),
        "invalid observation",
        "Of the same session and signed by its test point, but not the one the record names.",
    )
    yield Case(
        "observers_disagree_fail",
        _claimed_twice(story),
        "invalid observers_disagree",
        "One delay stream is claimed twice; the test point signed it once.",
    )
    yield Case(
        "profile_changed_fail",
        good.model_copy(update={"profile": {**(good.profile or {}), "mtu_bytes": 1_400}}),
        "invalid profile",
        "A figure of the acceptance profile was changed; the grant pins its digest.",
    )
    another = builders.receipt(good.record.encode(), record_digest="0" * 64)
    yield Case(
        "receipt_of_another_fail",
        good.model_copy(
            update={"receipt": builders.sealed(another, PayloadType.RECEIPT, SERVER_KEY).decode()}
        ),
        "invalid digest",
        "A good receipt, for another record.",
    )
    yield Case(
        "white_space_fail",
        good.model_copy(update={"record": good.record.replace('{"payload"', '{ "payload"')}),
        "invalid envelope_digest",
        "White space inside the envelope: the signature holds, the receipt is for other bytes.",
    )
    strangers = builders.sealed(story.sealed_record().record, PayloadType.RECORD, STRANGER_KEY)
    disguised = strangers.decode().replace(STRANGER_KEY.public.kid, AGENT_KEY.public.kid)
    yield Case(
        "other_alphabet_fail",
        good.model_copy(update={"grant": _in_other_alphabet(good.grant or "")}),
        "invalid grant",
        "The grant's signature in the other base64 alphabet: it holds, and other bytes stand here.",
    )
    yield Case(
        "wrong_key_fail",
        good.model_copy(update={"record": disguised}),
        "invalid signature[0]",
        "Signed by a stranger under the agent's key id.",
    )


def _keys() -> Iterator[Case]:
    """Yield cases of keys that were rotated or revoked: the mathematics holds in all but the last.

    The record entered two and a half minutes after the session began.
    """
    story = Story(evidence=_facts())
    good, entered = story.bundle(), _entered(story.bundle())
    device = (_rotation(AGENT_KEY, NEXT_AGENT_KEY, "agent", START_UNIX_US),)
    long_before = entered - OVERLAP_US - 1
    server = (_rotation(SERVER_KEY, NEXT_SERVER_KEY, "server", START_UNIX_US),)
    trusted, doubted = "valid_and_trusted", "valid_key_not_trusted"
    later = Story(evidence=_facts(), key=NEXT_AGENT_KEY).bundle()
    yield Case(
        "rotated_device",
        _with_events(later, *device),
        trusted,
        "The device's second key; its first one vouches for it.",
    )
    yield Case(
        "rotated_device_old_key",
        _with_events(good, *device),
        trusted,
        "Sealed by the first key, and received within seven days of the rotation.",
    )
    yield Case(
        "superseded_device",
        _with_events(good, _rotation(AGENT_KEY, NEXT_AGENT_KEY, "agent", long_before)),
        f"{doubted} superseded",
        "Sealed by the first key, and received a microsecond later than that.",
    )
    yield Case(
        "revoked_later",
        _with_events(good, _revoked(revoked_unix_us=entered + 1)),
        trusted,
        "The key was revoked after the record had been received, and nothing speaks against it.",
    )
    yield Case(
        "revoked_device",
        _with_events(good, _revoked(revoked_unix_us=entered)),
        f"{doubted} revoked",
        "Received with a key that was out of use; an honest server would not have taken it.",
    )
    yield Case(
        "compromised_device",
        _with_events(good, _revoked(revoked_unix_us=entered + 1, invalid_since_unix_us=entered)),
        f"{doubted} compromised",
        "Revoked later, and unsafe since the moment in which the record was received.",
    )
    receipt = builders.receipt(good.record.encode(), verdict=Verdict.INCONCLUSIVE)
    by_next = builders.sealed(receipt, PayloadType.RECEIPT, NEXT_SERVER_KEY).decode()
    yield Case(
        "rotated_server",
        _with_events(good.model_copy(update={"receipt": by_next}), *server),
        trusted,
        "The receipt is signed by the key that followed the trusted one.",
    )
    fork = _rotation(SERVER_KEY, STRANGER_KEY, "server", START_UNIX_US)
    yield Case(
        "two_keys_follow_one_fail",
        _with_events(good, *server, fork),
        "invalid key_event",
        "Two keys claim to follow the server's: one of them is a thief's.",
    )
    one = parse_envelope(device[0].encode()).payload
    alone = seal(one, PayloadType.KEY_ROTATION, NEXT_AGENT_KEY).decode()
    yield Case(
        "rotation_by_the_new_key_alone_fail",
        _with_events(good, alone),
        "invalid key_event",
        "A rotation that the old key did not sign.",
    )


def _with_events(bundle: Bundle, *events: str) -> Bundle:
    return bundle.model_copy(update={"key_events": events})


def _rotation(
    old: SigningKey, new: SigningKey, role: Literal["server", "agent"], at_unix_us: int
) -> str:
    message = rotation(old, new, role=role, at_unix_us=at_unix_us)
    return seal_rotation(message, old=old, new=new).decode()


def _revoked(**moments: int) -> str:
    message = revocation(AGENT_KEY, **moments)
    return builders.sealed(message, PayloadType.KEY_REVOCATION, SERVER_KEY).decode()


def _entered(bundle: Bundle) -> int:
    content = parse_plain(parse_envelope((bundle.receipt or "").encode()).payload)
    return int(content["received_unix_us"])


def _in_other_alphabet(envelope: str) -> str:
    """Return the envelope with its signature written with - and _ instead of + and /."""
    before, sig, after = envelope.partition('"sig":')
    if not set("+/") & set(after):
        raise ValueError("a signature that both alphabets write alike")
    return before + sig + after.replace("+", "-").replace("/", "_")


def _claimed_twice(story: Story) -> Bundle:
    facts = replace(story.evidence, idle=story.evidence.idle * 2)
    result = replace(story.result(), evidence=facts, metrics=metrics_of(facts))
    honest = story.bundle(story.held(result))
    content = _content(honest)
    preview = {**content["preview"], "faults": [], "verdict": "inconclusive"}
    return _resealed(honest, {**content, "validity": [], "preview": preview})


def _content(bundle: Bundle) -> dict[str, Any]:
    content: dict[str, Any] = parse_plain(parse_envelope(bundle.record.encode()).payload)
    return content


def _resealed(bundle: Bundle, content: dict[str, Any]) -> Bundle:
    """Return the bundle with other content in its record, signed and receipted again."""
    envelope = seal(canonical_bytes(content), PayloadType.RECORD, AGENT_KEY)
    receipt = builders.receipt(envelope, verdict=Verdict.INCONCLUSIVE)
    return bundle.model_copy(
        update={
            "record": envelope.decode(),
            "receipt": builders.sealed(receipt, PayloadType.RECEIPT, SERVER_KEY).decode(),
        }
    )


def main() -> None:
    """Write the cases that are not there."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / TRUSTED).write_text(f"# the server of these cases\n{SERVER_KEY.public.text}\n")
    for case in cases():
        folder = FOLDER / case.name
        if folder.exists():
            continue
        folder.mkdir()
        (folder / "bundle.json").write_bytes(case.bundle.to_bytes())
        (folder / "expected").write_text(f"{case.expected}\n")
        (folder / "README").write_text(f"{case.why}\n")


if __name__ == "__main__":
    main()
