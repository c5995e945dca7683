"""One mode, one tokenizer and one table for all measurements of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from benchbert.machine import machine, visible_cores

from .distillation_table import write_distillation
from .modes import Mode, chosen_mode, output_folder
from .real_rows import tokenizer_for
from .table import write_table


@pytest.fixture(scope="session")
def mode() -> Mode:
    return chosen_mode()


@pytest.fixture(scope="session")
def tokenizer(real_data: Path) -> Any:
    return tokenizer_for(real_data)


@pytest.fixture(scope="session")
def measured(mode: Mode) -> Iterator[dict[str, Any]]:
    """Where measurements put their numbers, on as many threads as cores; the table is written from them at the end."""
    found: dict[str, Any] = {"cells": [], "finetuning": None, "distillation": [], "teacher_cache": []}
    before = torch.get_num_threads()
    # The quick mode runs among other tests, where threads that fight for cores are far slower than one.
    torch.set_num_threads(1 if mode.name == "quick" else visible_cores())
    yield found
    folder = output_folder(machine().id)
    if found["cells"] or found["finetuning"]:
        write_table(folder, mode.name, torch.get_num_threads(), found["cells"], found["finetuning"])
        print(f"\n{(folder / 'engine.md').read_text(encoding='utf-8')}\nwritten to {folder}")
    if found["distillation"] or found["teacher_cache"]:
        write_distillation(folder, mode.name, torch.get_num_threads(), found["distillation"], found["teacher_cache"])
        print(f"\n{(folder / 'distillation.md').read_text(encoding='utf-8')}\nwritten to {folder}")
    torch.set_num_threads(before)
