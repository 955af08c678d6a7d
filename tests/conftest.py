"""Profiles of hypothesis: `pytest tests/test_fuzz.py --hypothesis-profile=fuzz` takes long."""

from hypothesis import settings

settings.register_profile("fuzz", max_examples=2500)
