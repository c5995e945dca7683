"""Whether a teacher and a student can be compared as a recipe asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from benchbert.distillation.layer_losses import KINDS, Pair
from benchbert.distillation.layer_maps import layer_map
from benchbert.errors import TrainingError
from benchbert.models.adapter import FamilyAdapter
from benchbert.recipe_losses import as_schedule

__all__ = ["check_lengths", "check_vocabularies", "mapped_layers", "served_pair"]

_BY_HEAD = ("attention", "attention_kl", "minilm")
"""Losses that compare head with head."""

_BY_WIDTH = ("cos", "feature_map")
"""Losses that compare hidden states as they are."""


def mapped_layers(
    settings: Mapping[str, Any], models: tuple[nn.Module, nn.Module], adapters: tuple[FamilyAdapter, FamilyAdapter]
) -> tuple[int, ...]:
    """Teacher layer of each student layer, both from 0; `models` and `adapters` are student's and teacher's.

    Raises:
        TrainingError: the map does not fit.
    """
    counts = [len(adapter.layers(model)) for adapter, model in zip(adapters, models, strict=True)]
    compares = any(name in KINDS and _weighs(weight) for name, weight in settings["losses"].items())
    return layer_map(counts[1], counts[0], settings["layer_map"] or ("uniform" if compares else ()))


def served_pair(
    settings: Mapping[str, Any],
    models: tuple[nn.Module, nn.Module],
    adapters: tuple[FamilyAdapter, FamilyAdapter],
    layers: Sequence[int],
) -> Pair:
    """What the layer losses compare.

    Args:
        settings: fields of the recipe, `LATER` ones filled in.
        models: student and teacher.
        adapters: theirs.
        layers: teacher layer of each student layer.

    Raises:
        TrainingError: a loss of the recipe cannot compare these two.
    """
    names = [name for name, weight in settings["losses"].items() if _weighs(weight)]
    of_student, of_teacher = (a.layers(m) for a, m in zip(adapters, models, strict=True))
    imitated = settings["relation_layer"]
    if not -len(of_teacher) <= imitated < len(of_teacher):
        raise TrainingError(f"relation_layer is {imitated}, and the teacher has layers 0 to {len(of_teacher) - 1}")
    for number, phase in enumerate(settings["phases"]):
        if wrong := [i for i in phase.get("layers", ()) if not 0 <= i < len(of_student)]:
            raise TrainingError(
                f"phases[{number}].layers names layer {wrong[0]}, and the student has layers 0 to {len(of_student) - 1}"
            )
    last = (len(of_student) - 1, imitated % len(of_teacher))
    heads = [adapters[0].attention(of_student[0]).heads, adapters[1].attention(of_teacher[0]).heads]
    pair = Pair(
        layers=tuple(enumerate(layers)),
        widths=(_width(models[0]), _width(models[1])),
        last=last,
        relation_heads=settings["relation_heads"] or heads[1],
        mode=settings["mode"],
    )
    _check_heads(names, heads)
    if "minilmv2" in names:
        _check_relations(pair, [_attention_width(a, m) for a, m in zip(adapters, models, strict=True)])
    for name in _BY_WIDTH:
        if name in names and pair.widths[0] != pair.widths[1]:
            raise TrainingError(
                f"losses.{name} compares hidden states of one width, and the student has {pair.widths[0]}, the teacher "
                f"{pair.widths[1]}: give the student a width of {pair.widths[1]} in model.config, or use losses.hidden,"
                " which projects"
            )
    return pair


def check_vocabularies(tokenizer: Any, teacher: Any, size: int) -> None:
    """That teacher and student read the same ids.

    Args:
        tokenizer: the student's.
        teacher: the teacher's tokenizer.
        size: rows of the teacher's embeddings.

    Raises:
        TrainingError: with the first token that they number differently.
    """
    mine, theirs = tokenizer.get_vocab(), teacher.get_vocab()
    if mine != theirs:
        differing = [t for t in mine.keys() | theirs.keys() if mine.get(t) != theirs.get(t)]
        token = min(differing, key=lambda t: (theirs.get(t, len(theirs)), t))
        raise TrainingError(
            f"teacher and student have different vocabularies ({len(theirs)} and {len(mine)} tokens; {token!r} is "
            f"{theirs.get(token, 'unknown')} to the teacher and {mine.get(token, 'unknown')} to the student): take "
            "`tokenizer` out of the recipe, so that the student reads as its teacher does"
        )
    if len(mine) != size:
        raise TrainingError(
            f"the teacher has embeddings of {size} tokens, and its tokenizer knows {len(mine)}: resize the teacher with"
            " transformers' resize_token_embeddings and save it again"
        )


def check_lengths(settings: Mapping[str, Any], models: tuple[Any, Any]) -> None:
    """That both models have positions for the recipe's sequences.

    Args:
        settings: fields of the recipe.
        models: student and teacher.

    Raises:
        TrainingError: one has fewer.
    """
    for who, model in zip(("student", "teacher"), models, strict=True):
        positions = int(model.config.max_position_embeddings)
        for number, phase in enumerate(settings["phases"]):
            if (length := phase["sequence_length"]) > positions:
                raise TrainingError(
                    f"phases[{number}].sequence_length is {length}, and the {who} has {positions} positions: shorten it"
                    + (", or raise max_position_embeddings in model.config" if who == "student" else "")
                )


def _check_heads(names: Sequence[str], heads: Sequence[int]) -> None:
    for name in _BY_HEAD:
        if name in names and heads[0] != heads[1]:
            raise TrainingError(
                f"losses.{name} compares head with head, and the student has {heads[0]} heads, the teacher {heads[1]}: "
                f"give the student {heads[1]} heads in model.config, or use losses.minilmv2, which regroups them"
            )


def _check_relations(pair: Pair, widths: Sequence[int]) -> None:
    for who, width in zip(("student", "teacher"), widths, strict=True):
        if width % pair.relation_heads:
            raise TrainingError(
                f"losses.minilmv2: the {who}'s queries of width {width} cannot be cut into {pair.relation_heads} "
                "relation heads; name in relation_heads a number that divides the widths of both"
            )


def _weighs(weight: Any) -> bool:
    schedule = as_schedule(weight)
    return bool(schedule.first or schedule.last)


def _width(model: Any) -> int:
    """Width of the hidden states."""
    return int(model.config.hidden_size)


def _attention_width(adapter: FamilyAdapter, model: nn.Module) -> int:
    """Width of the queries of all heads side by side."""
    query: Any = adapter.attention(adapter.layers(model)[0]).query
    return int(query.out_features)
