"""Seconds of fine-tuning with the same examples, steps and batch size: the Trainer in its two ways, and ours."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchbert import registry

from .models import model_for
from .modes import Mode
from .real_rows import rows_of, spread
from .rounds import ratio
from .time_spent import profiled
from .tuning import WAYS, Tuning

__all__ = ["measure_finetuning"]

_TASK, _MODEL = "glue/sst2", "minilm-l6-h384"


def measure_finetuning(mode: Mode, mirror: Path, tokenizer: Any, work: Path) -> dict[str, Any]:
    """Seconds of the training loop by way and round, and where ours spends its time, ready for JSON.

    Every way starts from the same random weights and draws its own batches from the same rows. All steps of the
    reference cost the same, so it makes fewer of them and its time is scaled up.
    """
    task = registry.find("tasks", _TASK)
    tuning = Tuning(
        task=task,
        tokenizer=tokenizer,
        work=work,
        train=spread(rows_of(task, task.train.name, mirror), task, mode.finetune_rows),
        dev=rows_of(task, task.evaluation[0].name, mirror),
        steps=mode.finetune_steps,
        batch_size=mode.finetune_batch,
        rate=1e-4,
        max_length=128,
    )
    tuning.write(model_for(_MODEL, task, len(tokenizer), mode.shape))
    few = replace(tuning, steps=mode.reference_steps)
    for way in WAYS:  # first calls are slower
        replace(tuning, steps=1).run(way, 0)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for seed in range(1, mode.finetune_rounds + 1):
        for way in WAYS:
            one = few if way == "reference" else tuning
            seconds[way].append(one.run(way, seed)[0] * tuning.steps / one.steps)
    return {
        "task": _TASK,
        "model": _MODEL,
        "steps": tuning.steps,
        "reference_steps": few.steps,
        "batch_size": tuning.batch_size,
        "rounds": mode.finetune_rounds,
        "seconds": seconds,
        "against_reference": asdict(ratio(seconds["reference"], seconds["ours"])),
        "against_strong": asdict(ratio(seconds["strong"], seconds["ours"])),
        "profile": profiled(lambda: tuning.run("ours", mode.finetune_rounds + 1)),
    }
