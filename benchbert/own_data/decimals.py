"""Numbers as files write them: ASCII digits, no more. Python would also read `1_0` and the digits of other scripts."""

from __future__ import annotations

import re

__all__ = ["DECIMAL"]

DECIMAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
"""A number, or what is none but is written in its place; whoever reads it refuses what is not finite."""
