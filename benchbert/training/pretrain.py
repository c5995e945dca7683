"""Pre-training from random weights by masked language modelling (Devlin et al. 2018, arXiv 1810.04805)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchbert.models.adapter import FamilyAdapter, adapter_for
from benchbert.store.context import JobContext, Outcome
from benchbert.training.artefact import Made, keep_model, recipe_values
from benchbert.training.corpus import tokenize
from benchbert.training.loop import train
from benchbert.training.masked_steps import MaskedBatch, MaskedSteps
from benchbert.training.masking import Masker
from benchbert.training.recipe_run import RecipeRun, new_model

__all__ = ["held_out_mlm_loss", "make_steps", "run"]


def run(context: JobContext) -> Outcome:
    """Carries out a recipe of the kind `pretrain`.

    Raises:
        DataError: the corpus is too small.
        TrainingError: the loss is not a number.
    """
    recipe = RecipeRun(context)
    adapter = adapter_for(recipe.family)
    model = new_model(recipe)
    curve = train(
        model,
        make_steps(recipe, "train"),
        MaskedLanguageModelling(adapter),
        recipe.loop_settings,
        checkpoint=recipe.checkpoint,
        owner=context.job.id,
        report=context.report,
    )
    loss = held_out_mlm_loss(model, adapter, recipe)
    artefact = keep_model(context, Made(model=model, tokenizer=recipe.tokenizer, recipe=recipe, curve=curve, loss=loss))
    return Outcome(
        values=recipe_values(recipe, curve, loss),
        artefacts=(artefact,),
        samples={"curve": {"steps": curve.steps, "terms": curve.terms}},
    )


class MaskedLanguageModelling:
    """Cross-entropy of the hidden tokens, mean over the masked positions of the step."""

    def __init__(self, adapter: FamilyAdapter) -> None:
        self.adapter = adapter

    def __call__(self, model: nn.Module, batch: MaskedBatch, totals: Mapping[str, int]) -> dict[str, torch.Tensor]:
        """See `benchbert.training.loop.Objective`."""
        hidden = self.adapter.base_model(model)(input_ids=batch.input_ids).last_hidden_state
        # Only the masked positions go through the vocabulary projection: the others have no target.
        logits = self.adapter.mlm_head(model)(hidden.flatten(0, 1)[batch.positions])
        loss = functional.cross_entropy(logits.float(), batch.targets, reduction="sum")
        return {"mlm": loss / totals["masked"]}


def make_steps(recipe: RecipeRun, split: str) -> MaskedSteps:
    """The batches of a recipe on one split of its corpus."""
    longest = max(phase["sequence_length"] for phase in recipe.settings["phases"])
    texts = recipe.texts(split)
    # In a random order, so that a budget smaller than the corpus sees all of it evenly.
    order = np.random.default_rng([recipe.seed, 0xD0C]).permutation(len(texts))
    stream = tokenize(
        (texts[i] for i in order),
        recipe.tokenizer,
        at_least=longest - 2,
        enough=recipe.tokens if split == "train" else longest - 2,
    )
    special = frozenset(recipe.tokenizer.all_special_ids)
    counts = stream.counts(len(recipe.tokenizer))
    masker = Masker(recipe.settings["masking"], counts, special, recipe.tokenizer.mask_token_id)
    return MaskedSteps(
        stream,
        masker,
        recipe.settings["phases"],
        seed=recipe.seed,
        device=recipe.device,
        token_budget=recipe.token_budget,
    )


@torch.inference_mode()
def held_out_mlm_loss(model: nn.Module, adapter: FamilyAdapter, recipe: RecipeRun, steps: int = 8) -> float:
    """Mean masked-LM loss in nats over some batches of the corpus's validation split, masked as in the last phase."""
    held_out = make_steps(recipe, "validation")
    objective = MaskedLanguageModelling(adapter)
    model.eval()
    steps = min(steps, len(held_out))
    total = 0.0
    for step in range(len(held_out) - steps, len(held_out)):
        batches, totals = held_out(step)
        total += sum(float(objective(model, batch, totals)["mlm"]) for batch in batches)
    return total / steps
