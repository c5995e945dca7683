"""Exact metrics as plain functions of arrays; `as_evaluate` offers them to the `evaluate` library."""
