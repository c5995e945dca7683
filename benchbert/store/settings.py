"""The fine-tuning settings in a job's spec, as a digest: seeds are seeds of one model only where it agrees."""

from __future__ import annotations

import hashlib
import json

__all__ = ["settings_digest"]


def settings_digest(settings: object) -> str:
    """Of whatever a stranger's file has in their place; empty: there are none."""
    if not settings:
        return ""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()
