"""What the transparency log signs and gives out.

Everybody may ask: a log that only its owner can read proves nothing to anybody else. What is told
is how many records there are and hashes of envelopes; a record's proof goes to whoever knows its
digest. Hashes of complete subtrees never change, so a proof made beside an append fits all the
same: to the checkpoint that was read first.

The log signs with the server's key, which agents have pinned, under a name of its own (`origin`):
a signature under a checkpoint never passes for one under an envelope, which begins otherwise.
"""

from __future__ import annotations

from omega_core.control import ConsistencyProof
from omega_core.keys import PublicKey, SigningKey
from omega_core.log.checkpoint import Checkpoint, parse_checkpoint
from omega_core.log.note import to_base64
from omega_core.log.proof_file import InclusionProof
from omega_core.log.tree import consistency_path, inclusion_path
from omega_server.refusals import Code, RefusalError
from omega_server.store.port import Store

_ORIGIN = "log_origin"


class LogAuthor:
    """Signs for the log of one installation: `port.LogSigner`."""

    def __init__(self, origin: str, key: SigningKey) -> None:
        self._origin = origin
        self._key = key

    @property
    def origin(self) -> str:
        """See `LogSigner.origin`."""
        return self._origin

    def sign(self, tree: Checkpoint) -> str:
        """See `LogSigner.sign`."""
        return tree.signed(self._key)


def open_log(store: Store, key: SigningKey) -> LogAuthor:
    """Return who signs for the log, its tree signed; raises LogBrokenError.

    The name is given once and stays, whatever becomes of the key.
    """
    author = LogAuthor(store.state.pin(_ORIGIN, origin_under(key.public)), key)
    store.log.begin(author)
    return author


def origin_under(key: PublicKey) -> str:
    """Return the name of a log that begins under this key: no other log has it."""
    return f"omega-log/{key.kid}"


def proof_of(store: Store, record_digest: str) -> InclusionProof:
    """Return the proof that a record is in the log; raises RefusalError `record_unknown`."""
    note = store.log.checkpoint()
    size = parse_checkpoint(note).checkpoint.size
    index = store.log.index_of(record_digest)
    if index is None:
        raise RefusalError(Code.RECORD_UNKNOWN, "there is no record with this digest")
    if index >= size:  # appended since the note was read
        return proof_of(store, record_digest)
    return InclusionProof(index, tuple(inclusion_path(store.log, index, size)), note)


def consistency_of(store: Store, old_size: int, new_size: int) -> ConsistencyProof:
    """Return the proof between two sizes; raises RefusalError `log_size_unknown`."""
    size = parse_checkpoint(store.log.checkpoint()).checkpoint.size
    if not old_size <= new_size <= size:
        raise RefusalError(
            Code.LOG_SIZE_UNKNOWN, f"the log has {size} entries; sizes rise up to that"
        )
    path = consistency_path(store.log, old_size, new_size)
    return ConsistencyProof(
        old_size=old_size, new_size=new_size, hashes=tuple(map(to_base64, path))
    )
