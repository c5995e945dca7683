"""Whether the fast way learns as well: a checkpoint of a real pre-training, fine-tuned in the three ways over seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import concatenate_datasets
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from benchbert import registry
from benchbert.execution.execute import execute
from benchbert.execution.session import prepare_recipe
from benchbert.resolve import resolve_dataset
from benchbert.statistics.seeds import t_interval
from benchbert.store.files import RunFolder
from benchbert.tasks.data import load_split

from .modes import Mode
from .tuning import WAYS, Tuning

__all__ = ["MARGIN", "compared", "measure_scores"]

MARGIN = 1.0
"""Points that a score may be lower by."""

_RECIPES = Path(__file__).parents[2] / "suites" / "recipes"
_RECIPE = "mini-bert"
_TASKS = {"builtin/glue/cola": 3e-4, "builtin/glue/qnli": 3e-4}
"""Task -> peak of the learning rate, as in the suite `miniature`; tasks that this checkpoint can learn."""

_DROPOUT = 0.1
"""Of the fine-tuning; the recipe pre-trains without."""


def measure_scores(mode: Mode, work: Path) -> dict[str, Any]:
    """Scores by task, way and seed, and the paired differences between ours and the two others, ready for JSON."""
    checkpoint = _pretrained(mode, work / "checkpoint")
    tasks = []
    for name, rate in _TASKS.items():
        task = registry.find("tasks", name)
        tuned = [_of_seed(mode, task, rate, checkpoint, work / name / str(seed), seed) for seed in mode.score_seeds]
        scores = {way: [100 * one[way] for one in tuned] for way in WAYS}
        tasks.append(
            {
                "task": name,
                "scores": scores,
                "mean": {way: float(np.mean(values)) for way, values in scores.items()},
                "sd": {way: float(np.std(values, ddof=1)) for way, values in scores.items()},
                "ours_minus": {way: compared(scores["ours"], scores[way]) for way in WAYS if way != "ours"},
            }
        )
    return {
        "recipe": _RECIPE,
        "steps": mode.score_steps,
        "batch_size": mode.finetune_batch,
        "padded_to": mode.score_length,
        "seeds": list(mode.score_seeds),
        "margin": MARGIN,
        "tasks": tasks,
    }


def compared(ours: list[float], other: list[float]) -> dict[str, Any]:
    """The mean difference over seeds in points, its 95 % t interval, and the test that ours is not worse: the one-sided
    95 % bound, the lower end of the two-sided 90 % interval, lies above minus the margin (Schuirmann 1987, one half).
    """
    differences = [mine - theirs for mine, theirs in zip(ours, other, strict=True)]
    low, high = t_interval(differences)
    bound = t_interval(differences, level=0.9)[0]
    return {
        "mean": float(np.mean(differences)),
        "low": low,
        "high": high,
        "kind": "t over seeds, paired",
        "bound": bound,
        "not_worse": bool(bound > -MARGIN),
    }


def _of_seed(mode: Mode, task: Any, rate: float, checkpoint: Path, work: Path, seed: int) -> dict[str, float]:
    """Way -> share of the evaluation rows that are right; all ways start with the same new head."""
    dataset = resolve_dataset(task.dataset, None)
    train = load_split(dataset, task.train.name)
    scored = [load_split(dataset, name).select_columns([*task.text, task.label]) for name in mode.score_splits]
    tuning = Tuning(
        task=task,
        tokenizer=AutoTokenizer.from_pretrained(checkpoint),
        work=work,
        train=train,
        dev=concatenate_datasets(scored),
        steps=mode.score_steps,
        batch_size=mode.finetune_batch,
        rate=rate,
        max_length=mode.score_length,
    )
    config = AutoConfig.from_pretrained(checkpoint, num_labels=len(task.labels))
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = _DROPOUT
    torch.manual_seed(seed)
    tuning.write(AutoModelForSequenceClassification.from_pretrained(checkpoint, config=config))
    return {way: tuning.score(tuning.run(way, seed)[1]) for way in WAYS}


def _pretrained(mode: Mode, work: Path) -> Path:
    """The recipe's model, made here by the recipe's own job."""
    work.mkdir(parents=True)
    recipe = work / "made.toml"
    changes = {"extends": str(_RECIPES / f"{_RECIPE}.toml"), "name": "made", **mode.score_recipe}
    recipe.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in changes.items()), encoding="utf-8")
    prepared = prepare_recipe(recipe, out=work / "run")
    folder = RunFolder(prepared.out)
    (job,) = prepared.plan.jobs
    result = execute(
        replace(job, threads=torch.get_num_threads()),
        prepared.lock,
        folder,
        "benchmark",
        lambda done, total, note: None,
    )
    assert result.status == "ok", result.traceback or result.error
    return folder.path / next(artefact.path for artefact in result.artefacts if artefact.role == "model")


def _toml(value: Any) -> str:
    """Strings, numbers, booleans, lists and tables as TOML writes them within a line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return json.dumps(value)
