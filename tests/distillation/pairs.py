"""Teachers and students in miniature, put together as a distillation job puts them together."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForMaskedLM

from benchbert.distillation.distill import TripleLoss
from benchbert.distillation.objective import Distillation
from benchbert.distillation.servable import mapped_layers, served_pair
from benchbert.distillation.stages import Stages
from benchbert.distillation.student import start_student, student_config
from benchbert.distillation.teacher import LiveTeacher
from benchbert.models.adapter import adapter_for
from benchbert.recipe import LATER, Losses, read_recipe
from benchbert.recipe_losses import LAYER_LOSSES
from benchbert.training.masked_steps import MaskedBatch

RECIPES = Path(__file__).parent.parent.parent / "suites" / "recipes"
PRESETS = ("mini-distilbert", "mini-tinybert", "mini-minilm", "mini-minilmv2", "mini-pkd", "mini-mobilebert-distilled")
VOCABULARY = 60
NO_LOSS = dict.fromkeys(asdict(Losses()), 0.0)


def model(family: str, **config: Any) -> Any:
    """A masked language model with random weights, large enough that attention is no average."""
    torch.manual_seed(0)
    made = AutoConfig.for_model(family, **({"vocab_size": VOCABULARY} | config))
    return AutoModelForMaskedLM.from_config(made, attn_implementation="eager").eval()


def teacher(**changes: Any) -> Any:
    """A BERT of four layers, four heads and a width of 32."""
    config = {
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 40,
        "initializer_range": 0.2,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    return model("bert", **(config | changes)).requires_grad_(False)


def settings(losses: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Settings of a recipe with these losses and no others."""
    defaults = {"layer_map": (), "temperature": 2.0, "phases": [{"steps": 4}]}
    return {**LATER, **defaults, **changes, "losses": NO_LOSS | losses}


def of_preset(name: str) -> dict[str, Any]:
    """Settings of a shipped recipe as a job reads them from its lock."""
    return dict(LATER) | json.loads(json.dumps(read_recipe(RECIPES / f"{name}.toml").settings))


def student_of(above: Any, recipe: dict[str, Any]) -> Any:
    """The student of a preset, as random weights."""
    own = recipe["model"]["config"]
    family = recipe["model"]["family"]
    return model(family, **(student_config(above.config, family, recipe["start"]) | own))


def distillation(student: Any, above: Any, recipe: dict[str, Any]) -> Distillation:
    """The objective of a job."""
    models = (student, above)
    adapters = (adapter_for(student.config.model_type), adapter_for(above.config.model_type))
    layers = mapped_layers(recipe, models, adapters)
    pair = served_pair(recipe, models, adapters, layers)
    start_student(models, adapters, layers, start=recipe["start"], fold_token_types=recipe["mode"] == "paper")
    stages = Stages(recipe)
    asked = LiveTeacher(above, adapters[1], watched=any(name in LAYER_LOSSES for name in stages.names))
    return Distillation(models, adapters, stages, pair, partial(TripleLoss, asked, adapters[0]))


def batch(lengths: tuple[int, ...] = (12, 12, 12), longest: int = 0) -> MaskedBatch:
    """Sequences of these lengths with every fifth token masked, padded to `longest`; without padding no mask."""
    longest = longest or max(lengths)
    ids = torch.randint(5, VOCABULARY, (len(lengths), 40), generator=torch.Generator().manual_seed(3))[:, :longest]
    real = torch.arange(longest)[None, :] < torch.tensor(lengths)[:, None]
    ids = torch.where(real, ids, 0)
    masked = real & (torch.arange(longest) % 5 == 2)
    positions = masked.flatten().nonzero()[:, 0]
    return MaskedBatch(
        input_ids=ids,
        positions=positions,
        targets=ids.flatten()[positions],
        attention_mask=None if bool(real.all()) else real.long(),
    )


def totals(given: MaskedBatch, step: int = 0) -> dict[str, int]:
    """Totals of a step of one micro-batch."""
    tokens = given.input_ids.numel() if given.attention_mask is None else int(given.attention_mask.sum())
    return {"tokens": tokens, "masked": len(given.positions), "sequences": len(given.input_ids), "step": step}


def values(objective: Distillation, given: MaskedBatch, step: int = 0) -> dict[str, float]:
    """Terms as numbers."""
    with torch.no_grad():
        return {name: float(term) for name, term in objective(objective.learner, given, totals(given, step)).items()}
