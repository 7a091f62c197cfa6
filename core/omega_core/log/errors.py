"""What may be wrong with a proof, a note or a checkpoint.

LogError
  + ProofError    the hashes do not lead where they should
  + FormError     the text is not in its one form
  + NoteError     a signature of a key that is known does not hold
"""

from __future__ import annotations

from omega_core.errors import ExitCode, OmegaError


class LogError(OmegaError):
    """What a log says can't be accepted. Never quotes the text."""

    exit_code = ExitCode.NOT_VALID
    who_acts = "operator: the log was rewritten, or its answer damaged on the way"


class ProofError(LogError):
    """The hashes of a proof do not lead to the root, or not from the leaf."""


class FormError(LogError):
    """A note, checkpoint or proof is not written in its one form, or larger than any of ours."""


class NoteError(LogError):
    """A note bears a signature of a known key that does not hold."""
