"""How Hypothesis runs here: a limit on each example would fail on a busy machine, and pytest's own covers a hang."""

from hypothesis import settings

settings.register_profile("poolhouse", deadline=None)
settings.load_profile("poolhouse")
