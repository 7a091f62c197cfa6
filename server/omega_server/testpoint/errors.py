"""Errors of a test point as a program; what it refuses a probe stands in `codes`.

OmegaError
  + TestPointBindError   operator: the address or port is not to be had
  + TestPointStartError  operator: it did not come up; its own words are on stderr
  + TestPointBrokenError developers: one of its processes died
"""

from __future__ import annotations

from omega_core.errors import ExitCode, OmegaError


class TestPointBindError(OmegaError):
    """An address and port can't be listened on."""

    __test__ = False  # not a pytest class
    exit_code = ExitCode.UNAVAILABLE
    who_acts = "operator of this machine: free the port or choose another"


class TestPointStartError(OmegaError):
    """A test point was started and did not come up."""

    __test__ = False  # not a pytest class
    exit_code = ExitCode.UNAVAILABLE
    who_acts = "operator of this machine: its own message above says why"


class TestPointBrokenError(OmegaError):
    """A process of the test point died; the others have nothing to do without it."""

    __test__ = False  # not a pytest class
    exit_code = ExitCode.INTERNAL
