"""Why a lab can't be had, or went wrong."""

from __future__ import annotations


class LabError(RuntimeError):
    """The lab could not be built or used; one line says what is missing."""


class LabUnavailableError(LabError):
    """This machine or this user cannot have network namespaces; tests skip with the text."""
