"""Distillation on a task: what a student learns from a teacher that was fine-tuned on the same task.

The noun behind `task_distillation` of a model in a suite. A method's name stands for its weights; a key that is written
beside it goes before the method's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

__all__ = [
    "TASK_LAYER_LOSSES",
    "TASK_LOSS_NAMES",
    "Augment",
    "Method",
    "TaskDistillation",
    "TaskStage",
    "settings_for",
    "task_distillation_problems",
]

_STRICT: dict[str, Any] = {"extra": "forbid"}

Method = Literal["distilbert", "tinybert", "pkd"]

TASK_LAYER_LOSSES = ("attention", "hidden", "pkd")
"""Losses that compare states inside teacher and student, position by position."""

TASK_LOSS_NAMES = ("labels", "logits", *TASK_LAYER_LOSSES)
"""All losses that have a weight."""


@dataclass(frozen=True, kw_only=True)
class TaskStage:
    """A part of the training, with an optimizer and a schedule of its own."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    share: float
    """Share of the optimizer steps; those of all stages add up to 1."""
    losses: tuple[str, ...]
    """Names of the losses that hold in it."""
    learning_rate: float | None = None
    """Peak of its schedule; none: the fine-tuning's."""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """More sentences for the training split, by masked-LM replacement (Jiao et al. 2020, arXiv 1909.10351,
    algorithm 1).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    copies: int = 20
    """Copies made of each example, beside itself (N_a). An epoch is a pass over all of them."""
    probability: float = 0.4
    """Share of the words that are replaced in a copy (p_t)."""
    candidates: int = 15
    """Words that a replacement is drawn from (K)."""
    seed: int = 1
    """Of the draws; the copies are the same for every seed of the fine-tuning."""


@dataclass(frozen=True, kw_only=True)
class TaskDistillation:
    """How a student is fine-tuned with the help of its task teacher; a key left out is its method's."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    method: Method = "distilbert"
    """`distilbert`: half labels, half teacher at T = 2 (Sanh et al. 2019, section 3, SQuAD). `tinybert`: attention and
    hidden states, then predictions (Jiao et al. 2020, section 3.2; 20 and 3 epochs, as shares). `pkd`: labels, teacher
    and class-token states (Sun et al. 2019, arXiv 1908.09355, section 3; a = .5, T = 10 and b = 100 of its grid)."""
    labels: float | None = None
    """Weight of the loss on the labels."""
    logits: float | None = None
    """Weight of the distance from the teacher's outputs: T^2 * KL, of a regression the squared error."""
    attention: float | None = None
    """Weight of TinyBERT's attention scores."""
    hidden: float | None = None
    """Weight of TinyBERT's hidden states."""
    pkd: float | None = None
    """Weight of PKD's class-token states."""
    temperature: float | None = None
    """T of `logits`."""
    layer_map: tuple[int, ...] | Literal["skip", "last", "uniform"] | None = None
    """Teacher layer, from 0, that each student layer is compared with."""
    mode: Literal["paper", "code"] = "paper"
    """`code`: one projection with a bias for all of TinyBERT's hidden states, as in its reference code."""
    stages: tuple[TaskStage, ...] | None = None
    """Parts of the training in turn; empty: one, with all losses."""
    augment: Augment | None = None
    """None: the training split as it is, which that of spans and tags always is."""

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the outcome, as JSON: a method's name and the keys that it stands for give the same."""
        said = {k: v for k, v in asdict(self).items() if v is not None and k not in {"method", "mode"}}
        full: dict[str, Any] = {**_PRESETS[self.method], **said}
        losses = {name: float(full[name]) for name in TASK_LOSS_NAMES if full.get(name)}
        found: dict[str, Any] = {"losses": losses, "stages": _stages(full["stages"], losses)}
        if "logits" in losses:
            found["temperature"] = float(full["temperature"])
        if any(name in losses for name in TASK_LAYER_LOSSES):
            layers = full["layer_map"]
            found["layer_map"] = layers if isinstance(layers, str) else list(layers)
            found |= {} if self.mode == "paper" else {"mode": self.mode}
        return found | ({"augment": full["augment"]} if "augment" in full else {})


_PRESETS: Mapping[str, Mapping[str, Any]] = {
    "distilbert": {"labels": 0.5, "logits": 0.5, "temperature": 2.0, "layer_map": "uniform", "stages": ()},
    "tinybert": {
        "logits": 1.0,
        "attention": 1.0,
        "hidden": 1.0,
        "temperature": 1.0,
        "layer_map": "uniform",
        "stages": (
            {"share": 20 / 23, "losses": ("attention", "hidden")},
            {"share": 3 / 23, "losses": ("logits",)},
        ),
    },
    "pkd": {"labels": 0.5, "logits": 0.5, "pkd": 100.0, "temperature": 10.0, "layer_map": "skip", "stages": ()},
}
"""Method -> what it stands for; a weight that is not there is 0. At T = 1 the divergence has the gradient of TinyBERT's
soft cross-entropy: they differ by the teacher's entropy."""


def settings_for(settings: Mapping[str, Any], head: str) -> dict[str, Any]:
    """`TaskDistillation.settings` for tasks of a head: labels of spans and tags stand at places in the text, so that
    the text of these is not replaced.
    """
    fixed = head in {"span", "token_classification"}
    return {key: value for key, value in settings.items() if not (fixed and key == "augment")}


def _stages(stages: Sequence[Mapping[str, Any]], losses: Mapping[str, float]) -> list[dict[str, Any]]:
    """Without losses of no weight, and stages of no loss; the shares add up to 1 again."""
    left = [dict(stage) | {"losses": [n for n in stage["losses"] if n in losses]} for stage in stages]
    left = [stage for stage in left if stage["losses"]] or [{"share": 1.0, "losses": list(losses)}]
    whole = sum(stage["share"] for stage in left)
    return [
        {k: v / whole if k == "share" else v for k, v in stage.items() if v is not None}
        if abs(whole - 1) > 1e-9
        else {k: v for k, v in stage.items() if v is not None}
        for stage in left
    ]


def task_distillation_problems(table: TaskDistillation) -> Iterator[str]:
    """What is wrong with the numbers of a table: one line each, with its key and the mend."""
    for name in TASK_LOSS_NAMES:
        if (getattr(table, name) or 0.0) < 0:
            yield f"{name}: a weight is negative"
    if table.temperature is not None and table.temperature <= 0:
        yield "temperature: should be above 0"
    losses = table.settings["losses"]
    if not set(losses) - {"labels"}:
        yield "logits, attention, hidden and pkd are 0: nothing would be learnt from the teacher; leave out the table"
        return
    yield from _stage_problems(table, losses)
    if table.augment is not None:
        yield from _augment_problems(table.augment)


def _stage_problems(table: TaskDistillation, losses: Mapping[str, float]) -> Iterator[str]:
    for i, stage in enumerate(table.stages or ()):
        for name in stage.losses:
            if name not in TASK_LOSS_NAMES:
                yield f"stages[{i}].losses: should be some of {', '.join(TASK_LOSS_NAMES)}, has {name!r}"
            elif name not in losses:
                yield f"stages[{i}].losses: {name!r} has no weight; give it one"
        if not stage.losses:
            yield f"stages[{i}].losses: the list is empty; name at least one"
        if not 0 < stage.share <= 1:
            yield f"stages[{i}].share: should be above 0 and at most 1, is {stage.share:g}"
        if stage.learning_rate is not None and not 0 < stage.learning_rate < 1:
            yield f"stages[{i}].learning_rate: should be between 0 and 1, is {stage.learning_rate:g}"
    if table.stages and abs(sum(stage.share for stage in table.stages) - 1) > 1e-6:
        yield f"stages: their shares add up to {sum(stage.share for stage in table.stages):g}, and should to 1"
    named = {name for stage in table.settings["stages"] for name in stage["losses"]}
    for name in losses:
        if name not in named:
            yield f"{name}: no stage names it, so it would never be trained; write stages that do"


def _augment_problems(augment: Augment) -> Iterator[str]:
    if augment.copies < 1:
        yield f"augment.copies: should be at least 1, is {augment.copies}; leave out augment for none"
    if not 0 < augment.probability <= 1:
        yield f"augment.probability: should be above 0 and at most 1, is {augment.probability:g}"
    if augment.candidates < 1:
        yield f"augment.candidates: should be at least 1, is {augment.candidates}"
    if augment.seed < 0:
        yield f"augment.seed: should be at least 0, is {augment.seed}"
