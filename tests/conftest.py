"""Profiles of hypothesis: `pytest tests/test_fuzz.py --hypothesis-profile=fuzz` takes long."""

from hypothesis import settings

# Examples have no deadline: the machine may be slow or busy.
settings.register_profile("usual", deadline=None)
settings.register_profile("few", deadline=None, max_examples=10)  # for emulators
settings.register_profile("fuzz", deadline=None, max_examples=2500)
settings.load_profile("usual")
