"""What the transparency log signs and gives out.

Everybody may ask: a log that only its owner can read proves nothing to anybody else. What is told
is how many records there are and hashes of envelopes; a record's proof goes to whoever knows its
digest. Hashes of complete subtrees never change, so a proof made beside an append fits all the
same: to the checkpoint that was read first.

The log signs with the server's key, which agents have pinned, under a name of its own (`origin`):
a signature under a checkpoint never passes for one under an envelope, which begins otherwise.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from omega_core.control import ConsistencyProof
from omega_core.errors import OmegaError, storage_error
from omega_core.files import write_durably
from omega_core.keys import PublicKey, SigningKey
from omega_core.log.checkpoint import Checkpoint, SignedCheckpoint, parse_checkpoint
from omega_core.log.errors import FormError
from omega_core.log.note import to_base64
from omega_core.log.proof_file import InclusionProof
from omega_core.log.tree import consistency_path, inclusion_path, root_of
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import LogBrokenError
from omega_server.store.port import Store

_ORIGIN = "log_origin"


class LogSetBackError(LogBrokenError):
    """The log is shorter than what was signed for, or another."""

    who_acts = (
        "operator: restore the newest database; or remove that file, and agents will tell that the"
        " log was rewritten"
    )


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


@contextmanager
def open_log(store: Store, key: SigningKey, folder: Path) -> Iterator[LogAuthor]:
    """Hand out who signs for the log, its tree signed; raises LogBrokenError.

    The log is named once, when the database is new. What was signed last is remembered in the data
    folder, when the server starts and when it stops: a database that was set back to before that
    would be signed for in another form, and is refused.
    """
    origin = store.state.pin(_ORIGIN, new_origin(key.public))
    kept = folder / f"log-{origin.rpartition('/')[2]}.checkpoint"
    _check_kept(store, kept)
    author = LogAuthor(origin, key)
    store.log.begin(author)
    write_durably(kept, store.log.checkpoint().encode("utf-8"))
    yield author
    with suppress(OmegaError):  # a store that is away now: what was kept at the start still counts
        write_durably(kept, store.log.checkpoint().encode("utf-8"))


def new_origin(key: PublicKey) -> str:
    """Return a name for a log that begins under this key; no other log has it."""
    return f"omega-log/{key.kid}/{secrets.token_hex(4)}"


def _check_kept(store: Store, path: Path) -> None:
    """Raise LogBrokenError unless the stored tree begins with what was signed last."""
    try:
        tree = parse_checkpoint(path.read_text("utf-8", "replace")).checkpoint
        is_there = root_of(store.log, tree.size) == tree.root
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(path, error) from error
    except FormError as error:
        raise LogBrokenError(f"{path} can't be read: {error}") from error
    except LookupError:
        is_there = False
    if not is_there:
        raise LogSetBackError(f"the database is not the one that {path} was signed for")


def proof_of(store: Store, record_digest: str) -> InclusionProof:
    """Return the proof that a record is in the log.

    Raises RefusalError `record_unknown`, and LogBrokenError.
    """
    signed = _newest(store)
    size = signed.checkpoint.size
    index = store.log.index_of(record_digest)
    if index is None:
        raise RefusalError(Code.RECORD_UNKNOWN, "there is no record with this digest")
    if index >= size:  # appended since the checkpoint was read
        return proof_of(store, record_digest)
    with _whole():
        path = inclusion_path(store.log, index, size)
    return InclusionProof(index, tuple(path), signed.note.to_text())


def consistency_of(store: Store, old_size: int, new_size: int) -> ConsistencyProof:
    """Return the proof between two sizes.

    Raises RefusalError `log_size_unknown`, and LogBrokenError.
    """
    size = _newest(store).checkpoint.size
    if not old_size <= new_size <= size:
        raise RefusalError(
            Code.LOG_SIZE_UNKNOWN, f"the log has {size} entries; sizes rise up to that"
        )
    with _whole():
        path = consistency_path(store.log, old_size, new_size)
    hashes = tuple(map(to_base64, path))
    return ConsistencyProof(old_size=old_size, new_size=new_size, hashes=hashes)


def _newest(store: Store) -> SignedCheckpoint:
    with _whole():
        return parse_checkpoint(store.log.checkpoint())


@contextmanager
def _whole() -> Iterator[None]:
    """Say that the log is broken where a part of it is missing or can't be read."""
    try:
        yield
    except (LookupError, FormError) as error:
        raise LogBrokenError("a part of the log is missing, or can't be read") from error
