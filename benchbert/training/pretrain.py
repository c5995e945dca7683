"""Pre-training from random weights: masked tokens, and a sentence objective where the recipe has one.

BERT is masked tokens and next-sentence prediction (Devlin et al. 2018, arXiv 1810.04805), ALBERT masked tokens and
sentence-order prediction (Lan et al. 2020, arXiv 1909.11942); the loss is the sum of the two means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn import functional

from benchbert.models.adapter import FamilyAdapter, adapter_for
from benchbert.store.context import JobContext, Outcome
from benchbert.training.artefact import Made, keep_model, recipe_values
from benchbert.training.hidden_states import HiddenStates
from benchbert.training.loop import train
from benchbert.training.masked_steps import MaskedBatch, MaskedSteps
from benchbert.training.masking import Masker
from benchbert.training.positions import copy_positions
from benchbert.training.recipe_run import RecipeRun, new_model
from benchbert.training.sentence_pairs import SentencePairs, sentence_ends
from benchbert.training.whole_words import word_pieces

__all__ = ["Pretraining", "growing_steps", "held_out_losses", "make_steps", "run"]


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
        growing_steps(make_steps(recipe, "train"), model, adapter),
        Pretraining(adapter),
        recipe.loop_settings,
        checkpoint=recipe.checkpoint,
        owner=context.job.id,
        report=context.report,
    )
    held_out = held_out_losses(model, adapter, recipe)
    artefact = keep_model(
        context, Made(model=model, tokenizer=recipe.tokenizer, recipe=recipe, curve=curve, held_out=held_out)
    )
    return Outcome(
        values=recipe_values(recipe, curve, held_out),
        artefacts=(artefact,),
        samples={"curve": {"steps": curve.steps, "terms": curve.terms}},
        provenance={"notes": curve.notes},
    )


def growing_steps(
    steps: MaskedSteps, model: nn.Module, adapter: FamilyAdapter
) -> Callable[[int], tuple[list[MaskedBatch], dict[str, int]]]:
    """The steps, and before the first of longer sequences the positions that they need."""

    def growing(step: int) -> tuple[list[MaskedBatch], dict[str, int]]:
        # Decided by the step alone: a run that resumes at this very step has not done it yet, any later one has.
        if growth := steps.growth(step):
            copy_positions(model, adapter, seen=growth[0], wanted=growth[1])
        return steps(step)

    return growing


class Pretraining:
    """`mlm`: cross-entropy of the hidden tokens, mean over the masked positions of a step. In a step of pairs also
    `sentence`: cross-entropy of their classes, mean over the pairs.
    """

    def __init__(self, adapter: FamilyAdapter) -> None:
        self.adapter = adapter
        self.hidden_states = HiddenStates(adapter)

    def __call__(self, model: nn.Module, batch: MaskedBatch, totals: Mapping[str, int]) -> dict[str, torch.Tensor]:
        """See `benchbert.training.loop.Objective`."""
        hidden = self.hidden_states(model, batch)
        # Only the masked positions go through the vocabulary projection: the others have no target.
        logits = self.adapter.mlm_head(model)(hidden.tokens[batch.positions])
        loss = functional.cross_entropy(logits.float(), batch.targets, reduction="sum")
        terms = {"mlm": loss / totals["masked"]}
        if batch.sentence_labels is not None:
            classes = self.adapter.sentence_head(model)(hidden.pooled).float()
            loss = functional.cross_entropy(classes, batch.sentence_labels, reduction="sum")
            terms["sentence"] = loss / totals["pairs"]
        return terms


def make_steps(recipe: RecipeRun, split: str) -> MaskedSteps:
    """The batches of a recipe on one split of its corpus."""
    longest = max(phase["sequence_length"] for phase in recipe.settings["phases"])
    if split == "train":
        # What the held-out text lacks is said before the training, not after it.
        make_steps(recipe, "validation")
    stream = recipe.stream(split, at_least=longest - 2, enough=recipe.tokens if split == "train" else longest - 2)
    masking = recipe.settings["masking"]
    masker = Masker(
        masking,
        stream.counts(len(recipe.tokenizer)),
        frozenset(recipe.tokenizer.all_special_ids),
        recipe.tokenizer.mask_token_id,
        continues=word_pieces(recipe.tokenizer) if masking.get("whole_words") else None,
    )
    ends = sentence_ends(recipe.tokenizer)
    pairs = {
        number: SentencePairs(
            stream,
            ends,
            length=phase["sequence_length"],
            objective=recipe.settings["sentences"],
            pad_id=recipe.tokenizer.pad_token_id,
        )
        for number, phase in enumerate(recipe.settings["phases"])
        if phase["pairs"]
    }
    return MaskedSteps(
        stream,
        masker,
        recipe.settings["phases"],
        seed=recipe.seed,
        device=recipe.device,
        token_budget=recipe.token_budget,
        pairs=pairs,
    )


@torch.inference_mode()
def held_out_losses(model: nn.Module, adapter: FamilyAdapter, recipe: RecipeRun, steps: int = 8) -> dict[str, float]:
    """Mean losses in nats (`mlm`, and `sentence` for a recipe that trains it) over some batches of the corpus's
    validation split, made as in the last phase.
    """
    held_out = make_steps(recipe, "validation")
    objective = Pretraining(adapter)
    model.eval()
    steps = min(steps, len(held_out))
    of_steps: dict[str, list[float]] = {}
    for step in range(len(held_out) - steps, len(held_out)):
        batches, totals = held_out(step)
        sums: dict[str, float] = {}
        for batch in batches:
            for name, term in objective(model, batch, totals).items():
                sums[name] = sums.get(name, 0.0) + float(term)
        for name, loss in sums.items():
            of_steps.setdefault(name, []).append(loss)
    # Each term over the steps that have it: a last phase of few steps leaves some without pairs.
    return {name: sum(losses) / len(losses) for name, losses in of_steps.items()}
