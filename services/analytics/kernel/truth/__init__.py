"""Truth tests: whether a run saw the future, and whether its result is more than luck.

Pure functions over arrays. Those that draw take a seeded `numpy.random.Generator`, so that the same run gives
the same verdict.
"""

from services.analytics.kernel.truth.examination import Examination, Luck, examine, luck_of

__all__ = ["Examination", "Luck", "examine", "luck_of"]
