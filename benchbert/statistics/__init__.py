"""Intervals, bootstraps, steady states, summaries over seeds, and the Pareto front."""
