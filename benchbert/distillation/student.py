"""A student's first weights: taken from its teacher (Sanh et al. 2019, section 3, "Student initialization")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from benchbert.errors import TrainingError
from benchbert.models.adapter import FamilyAdapter

__all__ = ["initialise_student", "start_student", "student_config"]

_LAYER_NAMES = {
    "attention.q_lin": "attention.self.query",
    "attention.k_lin": "attention.self.key",
    "attention.v_lin": "attention.self.value",
    "attention.out_lin": "attention.output.dense",
    "sa_layer_norm": "attention.output.LayerNorm",
    "ffn.lin1": "intermediate.dense",
    "ffn.lin2": "output.dense",
    "output_layer_norm": "output.LayerNorm",
}
"""DistilBERT's name of each part of a layer -> BERT's."""

_HEAD_NAMES = {
    "vocab_transform": "cls.predictions.transform.dense",
    "vocab_layer_norm": "cls.predictions.transform.LayerNorm",
}
"""DistilBERT's name of each part of the masked-LM head -> BERT's; the decoder is tied to the embeddings."""


def student_config(teacher: Any, family: str, start: str = "mapped") -> dict[str, Any]:
    """What a student takes over from its teacher's config unless its recipe says otherwise; half its layers.

    Args:
        teacher: the teacher's config.
        family: the student's.
        start: of the recipe; a student that takes no layers may be of any family, and takes over a config only from a
            bert teacher to a bert or distilbert student.

    Raises:
        TrainingError: the two families have no common form.
    """
    if teacher.model_type != "bert" or family not in {"distilbert", "bert"}:
        if start in {"random", "embeddings"}:
            return {"max_position_embeddings": teacher.max_position_embeddings}
        raise TrainingError(
            f"a {family} student cannot start from a {teacher.model_type} teacher: layers are taken from bert teachers"
            " by distilbert or bert students; use start = 'random' or 'embeddings' for other pairs"
        )
    layers = max(1, teacher.num_hidden_layers // 2)
    if family == "bert":
        return {k: v for k, v in teacher.to_diff_dict().items() if k in _BERT_KEYS} | {"num_hidden_layers": layers}
    return {
        "dim": teacher.hidden_size,
        "hidden_dim": teacher.intermediate_size,
        "n_heads": teacher.num_attention_heads,
        "n_layers": layers,
        "max_position_embeddings": teacher.max_position_embeddings,
        "dropout": teacher.hidden_dropout_prob,
        "attention_dropout": teacher.attention_probs_dropout_prob,
        "activation": teacher.hidden_act,
        "initializer_range": teacher.initializer_range,
        "tie_word_embeddings": True,
    }


_BERT_KEYS = frozenset(
    {
        "hidden_size",
        "intermediate_size",
        "num_attention_heads",
        "max_position_embeddings",
        "type_vocab_size",
        "hidden_act",
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "initializer_range",
        "layer_norm_eps",
    }
)


def start_student(
    models: tuple[nn.Module, nn.Module],
    adapters: tuple[FamilyAdapter, FamilyAdapter],
    layers: Sequence[int],
    *,
    start: str,
    fold_token_types: bool,
) -> None:
    """Gives a student what its recipe lets it start with, in place.

    Args:
        models: student and teacher, masked language models.
        adapters: theirs.
        layers: teacher layer that each student layer is mapped to.
        start: `mapped` (these layers), `first` (the teacher's first layers; Sun et al. 2019, arXiv 1908.09355,
            section 4.2), `embeddings` (the tables alone) or `random` (nothing).
        fold_token_types: see `initialise_student`.

    Raises:
        TrainingError: the widths differ.
    """
    if start == "embeddings":
        _copy_tables(*models, *adapters)
    elif start != "random":
        taken = range(len(layers)) if start == "first" else layers
        initialise_student(*models, adapters, taken, fold_token_types=fold_token_types)


@torch.no_grad()
def _copy_tables(student: nn.Module, teacher: nn.Module, of_student: FamilyAdapter, of_teacher: FamilyAdapter) -> None:
    """Copies the embeddings of tokens, and those of positions and token types where both have them in one shape."""
    to, source = of_student.embeddings(student), of_teacher.embeddings(teacher)
    _copy_parts(to, source, {"word_embeddings": "word_embeddings"})
    tables = dict(source.named_parameters())
    for name, table in to.named_parameters():
        same = tables.get(name)
        if name.endswith("_embeddings.weight") and same is not None and same.shape == table.shape:
            table.copy_(same)


@torch.no_grad()
def initialise_student(
    student: nn.Module,
    teacher: nn.Module,
    adapters: tuple[FamilyAdapter, FamilyAdapter],
    layers: Sequence[int],
    *,
    fold_token_types: bool = True,
) -> None:
    """Copies embeddings, the mapped layers and the masked-LM head of a teacher into a student, in place.

    Args:
        student: masked language model, DistilBERT or BERT.
        teacher: masked language model, BERT.
        adapters: of student and teacher.
        layers: teacher layer for each student layer.
        fold_token_types: DistilBERT has no token types: add the vector of type 0, which the teacher adds to every
            token of a single text, to the positions, so that the student's embeddings are the teacher's. The
            reference code leaves it out.

    Raises:
        TrainingError: the widths differ.
    """
    of_student, of_teacher = adapters
    below, above = of_student.layers(student), of_teacher.layers(teacher)
    same = type(below[0]) is type(above[0])
    for layer, index in zip(below, layers, strict=True):
        _copy_parts(layer, above[index], {"": ""} if same else _LAYER_NAMES)
    if same:
        _copy_parts(of_student.embeddings(student), of_teacher.embeddings(teacher), {"": ""})
        _copy_parts(of_student.mlm_head(student), of_teacher.mlm_head(teacher), {"": ""})
        return
    to, source = of_student.embeddings(student), of_teacher.embeddings(teacher)
    _copy_parts(to, source, {name: name for name in ("word_embeddings", "position_embeddings", "LayerNorm")})
    if fold_token_types:
        position: Any = to.get_submodule("position_embeddings")
        position.weight += source.get_parameter("token_type_embeddings.weight")[0]
    _copy_parts(student, teacher, _HEAD_NAMES)
    student.get_parameter("vocab_projector.bias").copy_(teacher.get_parameter("cls.predictions.bias"))


def _copy_parts(to: nn.Module, source: nn.Module, names: Mapping[str, str]) -> None:
    for mine, theirs in names.items():
        try:
            to.get_submodule(mine).load_state_dict(source.get_submodule(theirs).state_dict())
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise TrainingError(
                f"the student's {mine or type(to).__name__} does not fit the teacher's: {reason}; give the student the"
                " teacher's widths in model.config"
            ) from None
