"""Where one more run of the same method would fall on the same examples: what a published score is held against."""

from __future__ import annotations

import math

__all__ = ["one_more_run", "one_more_run_from_examples"]


def one_more_run(sd: float, runs: int, level: float = 0.95) -> float:
    """Half-width of Student's t prediction interval around the mean of `runs` runs for a single further one.

    t * sd * sqrt(1 + 1/runs), runs - 1 degrees of freedom (Hahn & Meeker 1991, Statistical Intervals, section 4.2):
    the spread of the further run and the uncertainty of our mean, both from our own seeds.

    Args:
        sd: sample standard deviation (n - 1) of the runs.
        runs: at least two.
        level: coverage.
    """
    from scipy import stats

    assert runs >= 2, "one run has no spread"
    return float(stats.t.ppf(0.5 + level / 2, runs - 1)) * sd * math.sqrt(1 + 1 / runs)


def one_more_run_from_examples(low: float, high: float) -> float:
    """The same from a single run and its interval over examples: sqrt(2) times half its width.

    Where two runs of a method err independently of each other given an example, the variance of one run on fixed
    examples, mean p(1 - p)/n, is at most that of drawing the examples anew; both runs have it, hence the root of two.
    """
    return math.sqrt(2) * (high - low) / 2
