"""Profiles of hypothesis: `pytest tests/test_fuzz.py --hypothesis-profile=fuzz` takes long."""

from hypothesis import settings

# A slow machine, or a busy one, is no failure.
settings.register_profile("usual", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=2500)
settings.load_profile("usual")
