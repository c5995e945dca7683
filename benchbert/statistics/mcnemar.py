"""McNemar's exact test of two classifiers on the same examples (McNemar 1947, Psychometrika 12; binomial).

Only examples that one model gets right and the other wrong say anything: if neither is better, each of them falls to
either side with probability one half.
"""

from __future__ import annotations

__all__ = ["mcnemar"]


def mcnemar(won: int, lost: int) -> float:
    """Two-sided exact p-value.

    Args:
        won: examples that only the first model gets right.
        lost: examples that only the second gets right.

    Returns:
        Probability, if neither is better, of a split of the won + lost examples at least as uneven; 1 without any.
    """
    from scipy import stats

    assert won >= 0, "a count"
    assert lost >= 0, "a count"
    return min(1.0, 2.0 * float(stats.binom.cdf(min(won, lost), won + lost, 0.5)))
