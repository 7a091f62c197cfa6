"""The text form of an inclusion proof, for files named `.tlog-proof` (C2SP tlog-proof).

    c2sp.org/tlog-proof@v1
    extra aGVsbG8=                            may be missing; signed by nobody
    index 2
    92g2MlrsVpnY1x...                         the path, one hash a line, from the leaf upwards
                                              an empty line
    omega.example/log1                        the checkpoint, verbatim
    ...

What the leaf is does not stand in it: who checks a proof has the envelope that it is for.
"""

from __future__ import annotations

from dataclasses import dataclass

from omega_core.limits import LOG_PATH_HASHES_MAX, LOG_PROOF_BYTES_MAX
from omega_core.log.checkpoint import SignedCheckpoint, parse_checkpoint, parse_hash, parse_number
from omega_core.log.errors import FormError
from omega_core.log.note import from_base64, to_base64
from omega_core.log.proofs import check_inclusion

_HEAD = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Where an entry stands in the log, and the path to the root of a checkpoint."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    """The signed note, unread; see `opened`."""
    extra: bytes | None = None

    def to_text(self) -> str:
        """Return the file's content."""
        extra = [] if self.extra is None else [f"extra {to_base64(self.extra)}"]
        head = [_HEAD, *extra, f"index {self.index}", *map(to_base64, self.path)]
        return "\n".join([*head, "", self.checkpoint])

    def opened(self) -> SignedCheckpoint:
        """Return the checkpoint, its signatures unchecked; raises FormError."""
        return parse_checkpoint(self.checkpoint)

    def check(self, leaf: bytes, signed: SignedCheckpoint) -> None:
        """Raise ProofError unless the path leads from this leaf hash to the checkpoint's root."""
        tree = signed.checkpoint
        check_inclusion(leaf, index=self.index, size=tree.size, path=self.path, root=tree.root)


def parse_proof(text: str) -> InclusionProof:
    """Return the proof, nothing in it checked; raises FormError."""
    if len(text) > LOG_PROOF_BYTES_MAX:
        raise FormError(f"{len(text)} characters, {LOG_PROOF_BYTES_MAX} at most")
    head, found, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not found or lines.pop(0) != _HEAD:
        raise FormError("not a proof in the form of c2sp.org/tlog-proof@v1")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise FormError("a proof says the index of its leaf")
    index = parse_number(lines.pop(0).removeprefix("index "))
    if len(lines) > LOG_PATH_HASHES_MAX:
        raise FormError(f"a path of {len(lines)} hashes, {LOG_PATH_HASHES_MAX} at most")
    return InclusionProof(index, tuple(map(parse_hash, lines)), checkpoint, extra)
