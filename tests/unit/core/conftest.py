"""For tests of what a disk refuses."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest


@pytest.fixture
def full_device(tmp_path: Path) -> Path:
    """Give a device that never has space left: the host's own, or one made here where it has none.

    As root, a program that renames a file over `/dev/full` leaves a plain file there. The test that
    needs the device must then still tell the truth about what it tests.
    """
    device = Path("/dev/full")
    if not device.is_char_device():
        device = tmp_path / "full"
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 7))
    return device
