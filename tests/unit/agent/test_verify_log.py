"""`omega verify` and the transparency log: which step fails, and what a proof is worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_agent.errors import WrongUseError
from omega_agent.trust_file import parse_trust
from omega_agent.verify import verify
from omega_agent.verify_log import NO_WITNESSES, Witnesses, quorum_of
from omega_agent.verify_report import Standing, Unchecked, VerifyReport
from omega_core.bundle import Bundle
from omega_core.log.note import KeyKind, NoteKey, NoteSignature
from omega_core.log.proof_file import InclusionProof
from support.builders import SERVER_KEY, STRANGER_KEY
from support.log_trees import LOG_ORIGIN, WITNESS, WITNESS_KEY, cosignature
from support.logged import AFTER, BEFORE, checkpoint_text, logged, place, proof_of, with_place
from support.verified import GOOD, STORY, TRUSTED

RECORD = GOOD.record.encode()
LOGGED = logged(GOOD)
PROOF = proof_of(RECORD)
COSIGNED = cosignature(checkpoint_text(RECORD))
OTHER_WITNESS = NoteKey("witness.example/w2", STRANGER_KEY.public, KeyKind.COSIGNATURE)
ONE_WITNESS = Witnesses((WITNESS,), 1)


def checked(bundle: Bundle, witnesses: Witnesses = NO_WITNESSES) -> VerifyReport:
    return verify(bundle.to_bytes(), trusted=TRUSTED, witnesses=witnesses)


def proved_by(proof: InclusionProof | str) -> Bundle:
    text = proof if isinstance(proof, str) else proof.to_text()
    return LOGGED.model_copy(update={"proof": text})


class TestInOrder:
    def test_a_record_that_is_in_the_log_says_in_which(self) -> None:
        report = checked(LOGGED)
        assert (report.standing, report.failed, report.unchecked) == (Standing.TRUSTED, None, [])
        assert report.logged is not None
        assert (report.logged.origin, report.logged.size) == (LOG_ORIGIN, BEFORE + 1 + AFTER)
        assert report.content()["log"] == {
            "origin": LOG_ORIGIN,
            "size": BEFORE + 1 + AFTER,
            "root": report.logged.root.hex(),
        }

    def test_the_log_comes_after_the_observers_and_before_the_judge(self) -> None:
        passed = list(dict.fromkeys(checked(logged(GOOD, COSIGNED), ONE_WITNESS).passed))
        first = passed.index("observers_disagree")
        assert passed[first : first + 6] == [
            "observers_disagree",
            "log_leaf",
            "log_path",
            "checkpoint_signature",
            "witness_quorum",
            "profile",
        ]

    def test_a_bundle_without_the_proof_holds_and_says_so(self) -> None:
        report = checked(with_place(GOOD, place()))
        assert (report.standing, report.unchecked) == (Standing.TRUSTED, [Unchecked.NO_PROOF])
        assert report.content()["log"] is None

    def test_a_receipt_older_than_the_log_may_have_a_proof(self) -> None:
        assert checked(GOOD.model_copy(update={"proof": PROOF.to_text()})).logged is not None

    def test_a_proof_under_an_unknown_servers_key_leaves_it_open(self) -> None:
        report = verify(LOGGED.to_bytes(), trusted=[])
        assert report.standing is Standing.NOT_TRUSTED
        assert Unchecked.SERVER_KEY_UNKNOWN in report.unchecked

    def test_a_younger_checkpoint_proves_it_as_well(self) -> None:
        grown = with_place(LOGGED, place(tree_size=BEFORE + 1 + AFTER))
        assert checked(grown).standing is Standing.TRUSTED


@pytest.mark.parametrize(
    ("bundle", "failed"),
    [
        pytest.param(proved_by("no proof"), "log_leaf", id="not a proof"),
        pytest.param(
            proved_by(PROOF.to_text().replace("index", "extra AA==\nindex")),
            "log_leaf",
            id="something nobody signed",
        ),
        pytest.param(with_place(LOGGED, place(index=3)), "log_leaf", id="another place"),
        pytest.param(with_place(LOGGED, place(index=BEFORE + 1)), "log_leaf", id="the next place"),
        *(
            pytest.param(with_place(LOGGED, place(origin=origin)), "log_leaf", id="another log")
            for origin in ("another.example/log", "zebra.example/log")
        ),
        pytest.param(
            with_place(LOGGED, place(tree_size=BEFORE + AFTER + 2)),
            "log_leaf",
            id="a checkpoint from before the receipt",
        ),
        pytest.param(proved_by(proof_of(b"{}")), "log_path", id="the proof of another record"),
        pytest.param(
            proved_by(InclusionProof(PROOF.index, PROOF.path[:-1], PROOF.checkpoint)),
            "log_path",
            id="a path that is too short",
        ),
        pytest.param(
            proved_by(proof_of(RECORD, key=STRANGER_KEY)),
            "checkpoint_signature",
            id="a stranger's checkpoint",
        ),
        pytest.param(
            proved_by(PROOF.to_text()[:-1]), "checkpoint_signature", id="a checkpoint that is cut"
        ),
        pytest.param(
            proved_by(
                PROOF.to_text()
                + NoteSignature(
                    LOG_ORIGIN, NoteKey(LOG_ORIGIN, SERVER_KEY.public).key_id, bytes(64)
                ).line
            ),
            "checkpoint_signature",
            id="a second signature of the log that does not hold",
        ),
    ],
)
def test_the_step_that_fails_is_named(bundle: Bundle, failed: str) -> None:
    report = checked(bundle)
    assert (report.standing, report.failed) == (Standing.INVALID, failed)


class TestWitnesses:
    def test_a_witness_who_was_asked_for_must_have_seen_the_log(self) -> None:
        assert checked(logged(GOOD, COSIGNED), ONE_WITNESS).standing is Standing.TRUSTED
        report = checked(LOGGED, ONE_WITNESS)
        assert (report.standing, report.failed) == (Standing.INVALID, "witness_quorum")

    def test_a_witness_whose_signature_does_not_hold_spoils_it(self) -> None:
        octets = COSIGNED.octets[:-1] + bytes([COSIGNED.octets[-1] ^ 1])
        broken = NoteSignature(COSIGNED.name, COSIGNED.key_id, octets)
        report = checked(logged(GOOD, broken), Witnesses((WITNESS,), 0))
        assert report.failed == "witness_quorum"

    def test_some_of_them_may_be_enough(self) -> None:
        both = (WITNESS, OTHER_WITNESS)
        one = logged(GOOD, COSIGNED)
        assert checked(one, Witnesses(both, 1)).standing is Standing.TRUSTED
        assert checked(one, Witnesses(both, 2)).failed == "witness_quorum"
        other = cosignature(checkpoint_text(RECORD), key=STRANGER_KEY, name="witness.example/w2")
        two = logged(GOOD, COSIGNED, other)
        assert checked(two, Witnesses(both, 1)).standing is Standing.TRUSTED, "more than enough"

    def test_a_key_under_two_names_is_one_witness(self) -> None:
        again = NoteKey("witness.example/w3", WITNESS_KEY.public, KeyKind.COSIGNATURE)
        twice = cosignature(checkpoint_text(RECORD), name="witness.example/w3")
        bundle = logged(GOOD, COSIGNED, twice)
        assert checked(bundle, Witnesses((WITNESS, again), 2)).failed == "witness_quorum"

    def test_without_a_proof_nobody_has_seen_anything(self) -> None:
        report = checked(GOOD, ONE_WITNESS)
        assert (report.standing, report.unchecked) == (Standing.NOT_TRUSTED, [Unchecked.NO_PROOF])
        bare = verify(RECORD, trusted=TRUSTED, statements=[STORY.statement], witnesses=ONE_WITNESS)
        assert (bare.standing, bare.unchecked[-1]) == (Standing.NOT_TRUSTED, Unchecked.NO_PROOF)


class TestTrustFiles:
    SERVER = SERVER_KEY.public.text

    def parsed(self, text: str) -> Witnesses:
        trust = parse_trust(text, Path("keys"))
        assert trust.servers == (SERVER_KEY.public,)
        return trust.witnesses

    def test_keys_witnesses_and_a_quorum_stand_one_a_line(self) -> None:
        text = f"# ours\n{self.SERVER}  # server\n\n{WITNESS.text}\n{OTHER_WITNESS.text}\n"
        assert self.parsed(text) == Witnesses((WITNESS, OTHER_WITNESS), 2)
        assert self.parsed(f"{text}quorum 1\n") == Witnesses((WITNESS, OTHER_WITNESS), 1)
        assert self.parsed(f"{self.SERVER}\n") == NO_WITNESSES

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            pytest.param("x", "trust_line", id="no key"),
            pytest.param("w+00000000+AAAA", "trust_line", id="no witness"),
            pytest.param(
                NoteKey(LOG_ORIGIN, SERVER_KEY.public).text, "trust_line", id="a log's own key"
            ),
            pytest.param(f"{SERVER}\nquorum one", "trust_line", id="no number"),
            pytest.param(f"{SERVER}\nquorum 1", "trust_quorum", id="a quorum of nobody"),
            pytest.param(
                f"{SERVER}\n{WITNESS.text}\nquorum 2", "trust_quorum", id="more than there are"
            ),
            pytest.param(f"{SERVER}\n{WITNESS.text}\nquorum 0", "trust_quorum", id="none of one"),
            pytest.param(WITNESS.text, "trust_empty", id="witnesses only"),
            pytest.param("", "trust_empty", id="nothing"),
        ],
    )
    def test_what_can_not_be_meant_is_said(self, text: str, code: str) -> None:
        with pytest.raises(WrongUseError) as refused:
            parse_trust(text, Path("keys"))
        assert refused.value.code == code

    def test_all_witnesses_are_asked_for_unless_it_says_how_many(self) -> None:
        assert quorum_of([WITNESS, OTHER_WITNESS], None).quorum == 2
