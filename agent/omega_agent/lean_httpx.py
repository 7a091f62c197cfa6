"""Imported before httpx: keeps it from loading its own command line.

httpx tries `httpx._main`, which brings pygments and much of rich: 6 MB of memory on a CPE for
nothing. It takes None in `sys.modules` for "not installed", which it allows for.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # how Python bars an import
