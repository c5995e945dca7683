"""A recipe: how a model is made, by pre-training or by distillation. The noun behind `suites/recipes/*.toml`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Literal

from benchbert import toml
from benchbert.errors import SuiteError
from benchbert.preset_files import PRESET, find_preset
from benchbert.recipe_budget import Budget, budget_problems, in_steps, scaled
from benchbert.recipe_losses import LATER_LOSSES, Losses, Schedule, loss_problems
from benchbert.recipe_masking import Masking
from benchbert.recipe_teacher_cache import TeacherCache, cache_problems
from benchbert.types import digest

__all__ = ["LATER", "Budget", "Losses", "Masking", "Recipe", "RecipeModel", "read_decided", "read_recipe"]

_STRICT: dict[str, Any] = {"extra": "forbid"}

FAMILIES = ("bert", "distilbert", "albert", "mobilebert")
"""Families that recipes can make."""

LATER: Mapping[str, Any] = {
    "start": "mapped",
    "mode": "paper",
    "relation_heads": 0,
    "relation_layer": -1,
    "corpus_column": "text",
    "corpus_documents": "lines",
    "corpus_streaming": False,
    "masking.whole_words": False,
    "teacher_cache": None,
}
"""Settings younger than the first stored results -> default, at which they are left out of a recipe's settings: a
recipe that does not use them keeps its digest, and its results."""


@dataclass(frozen=True, kw_only=True)
class RecipeModel:
    """The architecture that the recipe makes."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    family: str
    """`bert`, `distilbert`, `albert` or `mobilebert`."""
    config: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """Keyword arguments of its transformers config, without `vocab_size`, which the tokenizer gives. A student takes
    what is not named here from its teacher."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is produced."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: str
    """Name of the model it makes."""
    kind: Literal["pretrain", "distil"]
    """Pre-train from random weights, or distil from a teacher."""
    description: str = ""
    """One line for `benchbert list recipes`."""
    model: RecipeModel
    """What is made: the model, or the student."""
    corpus: str = "builtin/corpus"
    """Dataset (hub id, folder in the mirror, or `builtin/corpus`; `id:configuration`), or the path of a file or folder
    of text, JSON-lines or parquet files, which starts with `./`, `../` or `/`, from the recipe's folder."""
    corpus_column: str = "text"
    """Column with the documents; text files have none."""
    corpus_documents: Literal["lines", "paragraphs"] = "lines"
    """Of text files: a document a line, or a document up to the next blank line."""
    corpus_streaming: bool = False
    """Of a dataset of the hub or a mirror: read it from where it lies, as far as the budget needs, and keep nothing."""
    phases: tuple[Budget, ...]
    """Phases of training in turn, such as short sequences first."""
    minutes: float = 0.0
    """Wall clock that this model and all that it stands on may take to train on the machine that makes it; the phases
    then say how it is shared out, and `benchbert distill` decides the steps, from a short measurement. 0: the phases
    hold as they are."""
    vocabulary: int = 0
    """Size of the WordPiece vocabulary trained on the corpus; 0: the tokenizer of `tokenizer` or of the teacher."""
    tokenizer: str = ""
    """Another recipe (a path relative to this file) whose tokenizer it uses, so that models share one vocabulary."""
    teacher: str = ""
    """For `distil`: the teacher's recipe (a path relative to this file), a registered model, or the folder of a model,
    whose path starts with `./`, `../` or `/`."""
    layer_map: tuple[int, ...] | Literal["skip", "last", "uniform"] = ()
    """For `distil`: teacher layer, from 0, that each student layer starts from and is compared with; `skip` or `last`
    (PKD), `uniform` (TinyBERT); empty: every other one, from 0, or `uniform` where a loss compares layers."""
    start: Literal["mapped", "first", "embeddings", "random"] = "mapped"
    """For `distil`: what the student takes from its teacher: embeddings, head and the layers of `layer_map`, or its
    first layers (PKD); the embedding tables alone (MobileBERT); or nothing."""
    mode: Literal["paper", "code"] = "paper"
    """For `distil`: what to follow where a method's reference code differs from its paper. `code`: one projection with
    a bias for all of TinyBERT's hidden states; a DistilBERT student without its teacher's token type 0."""
    relation_heads: int = 0
    """For `distil`: relation heads of MiniLM v2; 0: the teacher's attention heads."""
    relation_layer: int = -1
    """For `distil`: teacher layer, from 0, that MiniLM's losses imitate; -1: the last, -2: the one before."""
    losses: Losses = field(default_factory=Losses)
    """For `distil`: weights of the losses."""
    temperature: float | Schedule = 2.0
    """For `distil`: T of the softened distributions."""
    teacher_cache: TeacherCache | None = None
    """For `distil`: what is kept of the teacher on disk, for several passes over one masked text; none: it runs."""
    masking: Masking = field(default_factory=Masking)
    """Which tokens are predicted."""
    sentences: Literal["", "nsp", "sop"] = ""
    """For `pretrain`: objective of the phases with `pairs`, beside the masked tokens: next-sentence prediction (BERT),
    sentence-order prediction (ALBERT), or none."""
    learning_rate: float = 5e-4
    """Peak of the schedule."""
    warmup: float = 0.05
    """Share of the steps in which the rate rises; it then falls to 0 on a line."""
    weight_decay: float = 0.01
    """Of AdamW; not on biases and LayerNorm."""
    betas: tuple[float, float] = (0.9, 0.98)
    """Of AdamW."""
    epsilon: float = 1e-6
    """Of AdamW."""
    clip: float = 5.0
    """Largest norm of the gradient."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Compute dtype; auto: bfloat16 where the hardware multiplies in it."""
    seed: int = 1
    """Of initial weights, order and masks."""
    under_trained: str = ""
    """Why models made by it are not to be ranked, shown wherever they are; empty: they may be."""

    @property
    def tokens(self) -> int:
        """Tokens of all phases, with the padding of paired sequences."""
        return sum(phase.steps * phase.step_tokens for phase in self.phases)

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the outcome, as JSON; paths of other recipes are left to their digests, minutes to steps."""
        left_out = {"description", "teacher", "tokenizer", "minutes"}
        said = {k: v for k, v in asdict(self).items() if k not in left_out}
        for key, default in LATER.items():
            *above, name = key.split(".")
            table = said[above[0]] if above else said
            if table[name] == default:
                del table[name]
        said["losses"] = {k: v for k, v in said["losses"].items() if v or k not in LATER_LOSSES}
        said["phases"] = tuple(
            {k: v for k, v in phase.items() if k != "tokens" and (v or k not in {"losses", "layers"})}
            for phase in said["phases"]
        )
        return said

    @property
    def digest(self) -> str:
        """SHA-256 of the settings, without the teacher's."""
        return digest(self.settings)

    def scaled(self, factor: float) -> Recipe:
        """The same recipe with every phase that many times as long; see `benchbert.recipe_budget.scaled`."""
        return replace(self, phases=scaled(self.phases, factor), minutes=0.0)


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file; `extends = "other.toml"` (or `"preset:name"`) gives what it does not say itself.

    Raises:
        UnknownNameError: there is no such preset.
        SuiteError: with all problems of the file.
    """
    paths = ("teacher", "tokenizer", "corpus")
    recipe = toml.read_extended(path, Recipe, what="recipe", paths=paths, named=_extended)
    problems = list(budget_problems(recipe.phases))
    if not problems:
        recipe = replace(recipe, phases=in_steps(recipe.phases))
    problems += _problems(recipe)
    if problems:
        raise SuiteError(str(path), problems)
    return recipe


def _extended(folder: Path, base: str) -> Path:
    return find_preset(base) if base.startswith(PRESET) else folder / base


def read_decided(path: Path, factor: float | None, top: Path | None = None) -> Recipe:
    """The recipe in a TOML file, with a length that no clock decides any more.

    Args:
        path: a TOML file.
        factor: how many times as long its phases are to be: what a budget in minutes came to on this machine. None: as
            long as they are, and there is no such budget.
        top: the recipe that is made, where this one is its teacher's or tokenizer's.

    Raises:
        SuiteError: as `read_recipe`, or it has a budget in minutes that nobody has measured.
    """
    recipe = read_recipe(path)
    if recipe.minutes and top:
        raise SuiteError(str(path), [f"minutes: they are for all that is made together; say them in {top.name}"])
    if recipe.minutes and factor is None:
        raise SuiteError(
            str(path), ["minutes: `benchbert distill` alone measures what fits them; a suite needs steps or tokens"]
        )
    return recipe if factor is None else recipe.scaled(factor)


def _problems(recipe: Recipe) -> list[str]:
    problems = [*_sentence_problems(recipe), *_distillation_problems(recipe)]
    problems += _corpus_problems(recipe)
    if recipe.kind == "pretrain" and not recipe.vocabulary and not recipe.tokenizer:
        problems.append("vocabulary: give its size, or name another recipe in `tokenizer`")
    if not recipe.name.strip() or "/" in recipe.name or recipe.name.startswith("."):
        problems.append(f"name: {recipe.name!r} cannot be the name of a folder")
    problems += [f"{key}: should be {wanted}, is {value}" for key, value, fits, wanted in _numbers(recipe) if not fits]
    return problems + _shape_problems(recipe.model)


def _numbers(recipe: Recipe) -> list[tuple[str, object, bool, str]]:
    """(key, value, whether it fits, what it should be)."""
    mask, keep = recipe.masking.mask, recipe.masking.keep
    return [
        ("masking.share", recipe.masking.share, 0 < recipe.masking.share < 1, "between 0 and 1"),
        ("masking.mask", mask, 0 <= mask <= 1, "a share from 0 to 1"),
        ("masking.keep", keep, 0 <= keep <= 1, "a share from 0 to 1"),
        ("masking.mask + keep", mask + keep, mask + keep <= 1 + 1e-9, "at most 1"),
        ("learning_rate", recipe.learning_rate, 0 < recipe.learning_rate < 1, "between 0 and 1"),
        ("warmup", recipe.warmup, 0 <= recipe.warmup < 1, "a share from 0 up to 1"),
        ("weight_decay", recipe.weight_decay, 0 <= recipe.weight_decay < 1, "from 0 up to 1"),
        ("betas", list(recipe.betas), all(0 <= b < 1 for b in recipe.betas), "two numbers from 0 up to 1"),
        ("epsilon", recipe.epsilon, recipe.epsilon > 0, "above 0"),
        ("clip", recipe.clip, recipe.clip > 0, "above 0"),
        ("vocabulary", recipe.vocabulary, recipe.vocabulary == 0 or recipe.vocabulary >= 100, "0 or at least 100"),
        ("seed", recipe.seed, recipe.seed >= 0, "at least 0"),
        ("minutes", recipe.minutes, recipe.minutes >= 0, "at least 0"),
    ]


def _shape_problems(model: RecipeModel) -> list[str]:
    if model.family not in FAMILIES:
        near = difflib.get_close_matches(model.family, FAMILIES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return [f"model.family: should be one of {', '.join(FAMILIES)}, is {model.family!r}{hint}"]
    config = model.config
    heads = config.get("num_attention_heads", config.get("n_heads"))
    width = config.get("intra_bottleneck_size", config.get("hidden_size", config.get("dim")))
    if isinstance(width, int) and isinstance(heads, int) and (heads < 1 or width % heads):
        return [f"model.config: a width of {width} cannot be shared evenly by {heads} attention heads"]
    return []


def _corpus_problems(recipe: Recipe) -> list[str]:
    path = recipe.corpus.startswith(("./", "../", "/"))
    if not path and recipe.corpus.lower().endswith((".txt", ".json", ".jsonl", ".parquet")):
        return [f"corpus: {recipe.corpus!r} would be the id of a dataset; write './{recipe.corpus}' for a file"]
    if not path and recipe.corpus_documents != "lines":
        return ["corpus_documents: only for text files, and the corpus is a dataset; take it out"]
    if recipe.corpus_streaming and (path or recipe.corpus.startswith("builtin/")):
        return ["corpus_streaming: only for datasets; files of any size are read piece by piece anyway; take it out"]
    return [] if recipe.corpus.strip() else ["corpus: should be a dataset or a path, is empty"]


def _sentence_problems(recipe: Recipe) -> list[str]:
    paired = [i for i, phase in enumerate(recipe.phases) if phase.pairs]
    if paired and not recipe.sentences:
        return [f"phases[{paired[0]}].pairs: needs `sentences`: 'nsp' or 'sop'"]
    if not recipe.sentences:
        return []
    problems = []
    if recipe.kind == "distil":
        problems.append("sentences: only for kind = 'pretrain'; take it out")
    if recipe.model.family == "distilbert":
        problems.append("sentences: distilbert has no pooler for it; take it out")
    if not paired:
        problems.append(f"sentences: no phase has `pairs = true`, so {recipe.sentences} would never be trained")
    return problems


def _distillation_problems(recipe: Recipe) -> list[str]:
    if recipe.kind == "pretrain":
        problems = ["teacher: only for kind = 'distil'; take it out"] if recipe.teacher else []
        problems += ["teacher_cache: only for kind = 'distil'; take it out"] if recipe.teacher_cache else []
        named = [i for i, phase in enumerate(recipe.phases) if phase.losses or phase.layers]
        return problems + [f"phases[{i}]: losses and layers are only for kind = 'distil'" for i in named]
    problems = [] if recipe.teacher else ["teacher: this key is required for kind = 'distil'"]
    problems += loss_problems(recipe.losses, recipe.temperature, [(p.steps, p.losses) for p in recipe.phases])
    if recipe.teacher_cache:
        steps = [phase.steps for phase in recipe.phases]
        problems += cache_problems(recipe.teacher_cache, recipe.losses, recipe.temperature, steps)
    if not isinstance(recipe.layer_map, str):
        if any(i < 0 for i in recipe.layer_map):
            problems.append("layer_map: layers are numbered from 0")
        if any(after <= before for before, after in pairwise(recipe.layer_map)):
            problems.append(f"layer_map: should name layers in rising order, is {list(recipe.layer_map)}")
    if recipe.relation_heads < 0:
        problems.append("relation_heads: should be at least 1, or 0 for the teacher's attention heads")
    return problems
