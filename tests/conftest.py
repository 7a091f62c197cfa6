"""Hypothesis profiles: quick at a desk, repeatable in CI, long at night."""

from __future__ import annotations

import os

from hypothesis import settings

# The deadline of a single example is off in all of them: the machine may be busy with other things,
# and pytest-timeout bounds the whole test.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=300, derandomize=True, deadline=None)
settings.register_profile("night", max_examples=5_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
