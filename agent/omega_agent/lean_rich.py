"""Imported before rich: keeps its emoji names out of memory, 1 MB that no text here uses."""

from __future__ import annotations

import sys
from types import ModuleType

if "rich._emoji_codes" not in sys.modules:
    sys.modules["rich._emoji_codes"] = _none = ModuleType("rich._emoji_codes")
    _none.EMOJI = {}  # type: ignore[attr-defined] # the name that rich takes from it
