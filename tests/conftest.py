"""Fixtures for the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_EVALUATE_OFFLINE", "1")
# One thread a test process: tests run side by side, and OpenMP threads that fight for cores are far slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real GLUE and SQuAD data laid out as a mirror; skips where there is none."""
    folder = Path(os.environ.get("BENCHBERT_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "nyu-mll" / "glue").is_dir():
        pytest.skip(
            f"no real data at {folder}: set BENCHBERT_TEST_DATA to a mirror of nyu-mll/glue and rajpurkar/squad"
        )
    return folder
