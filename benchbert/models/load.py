"""Builds a resolved model: config, weights with a head, tokenizer; from files, or as an architecture drawn at random.

What a published checkpoint does not have of the encoder is an error, what it does not have of the head is drawn from a
seed and said in `LoadedModel.fresh`. Remote code is never trusted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchbert.errors import LabelError, UnavailableError
from benchbert.lock import ModelLock
from benchbert.models.adapter import adapter_for
from benchbert.models.checkpoint import WEIGHT_FILES, WeightFormat, read_weights, weight_format
from benchbert.models.configuration import build_config, read_config
from benchbert.models.location import locate, one_line

__all__ = ["LoadedModel", "ModelHead", "load_config", "load_model", "load_tokenizer", "weight_format"]

ModelHead = Literal[
    "encoder", "classification", "regression", "span", "multi_label", "token_classification", "masked_lm"
]

_MAPPINGS: dict[ModelHead, str] = {
    "encoder": "MODEL_MAPPING",
    "classification": "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING",
    "regression": "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING",
    "span": "MODEL_FOR_QUESTION_ANSWERING_MAPPING",
    "multi_label": "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING",
    "token_classification": "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING",
    "masked_lm": "MODEL_FOR_MASKED_LM_MAPPING",
}
"""Head -> table of transformers from config class to model class."""

_TOKENIZER_FILES = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_VOCABULARY_FILES = ("tokenizer.json", "vocab.txt", "spiece.model")
"""Any of which makes a tokenizer; the others only set it."""


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model, and how it came to be."""

    model: Any
    """The transformers model on the CPU, in eval mode."""
    format: WeightFormat | Literal["random"]
    """What its weights were read from; `bin` belongs into the Result's notes."""
    fresh: tuple[str, ...] = ()
    """Parameters that the weights did not have and that were drawn from the seed (head, pooler); for `random`, none is
    listed. A model that is only scored must have no fresh head."""


def load_config(model: ModelLock, folder: Path | None = None) -> Any:
    """The transformers config of a resolved model.

    Args:
        model: the resolved model.
        folder: overrides where the lock says it is: a model that a recipe or a fine-tuning job made.

    Raises:
        UnavailableError: it cannot be had or read.
    """
    if folder is None and model.weights == "random" and model.config:
        return build_config(model.config, where=f"architecture of {model.name!r}")
    return read_config(locate(model, folder), model_type=_model_type(model))


def load_model(
    model: ModelLock,
    *,
    head: ModelHead,
    labels: Sequence[str] = (),
    folder: Path | None = None,
    dtype: str = "float32",
    seed: int = 0,
    attention: str = "sdpa",
) -> LoadedModel:
    """A resolved model on the CPU with a head, in eval mode.

    Args:
        model: the resolved model.
        head: output layer; `encoder` for hidden states alone.
        labels: names of the classes in output order; empty: the lock's, else the config's own.
        folder: overrides where the lock says the weights are: a model that a recipe or a fine-tuning job made.
        dtype: `float32`, `bfloat16` or `float16`; weights are drawn in float32 and rounded.
        seed: of all weights that are drawn; the global random state is left as it was.
        attention: attention implementation of transformers, `sdpa` or `eager`.

    Raises:
        LabelError: two labels are the same.
        UnavailableError: config or weights cannot be had, are damaged, or do not belong together.
    """
    import torch

    config = load_config(model, folder)
    _set_outputs(config, head, tuple(labels) or model.labels)
    config._attn_implementation = attention
    build = _model_class(config, head)
    if folder is None and model.weights == "random":
        with _seeded(seed), _failing_as(f"architecture of {model.name!r}"):
            network = build(config)
        return LoadedModel(model=network.to(getattr(torch, dtype)).eval(), format="random")
    place = locate(model, folder, one_of=tuple(WEIGHT_FILES.values()))
    weights, kind = read_weights(place)
    with _seeded(seed), _quiet(), _failing_as(str(place)):
        # Sizes are checked below, where a head of another size may be replaced and an encoder may not.
        network, report = build.from_pretrained(
            None,
            config=config,
            state_dict=weights,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    fresh = _check_encoder(network, report, place)
    return LoadedModel(model=network.to(getattr(torch, dtype)).eval(), format=kind, fresh=fresh)


def load_tokenizer(model: ModelLock, folder: Path | None = None) -> Any:
    """The fast tokenizer of a resolved model.

    Raises:
        UnavailableError: there is none, it is damaged, or its vocabulary is larger than the model's.
    """
    from transformers import AutoTokenizer

    place = locate(model, folder, optional=(*_TOKENIZER_FILES, *_VOCABULARY_FILES))
    config = read_config(place, model_type=_model_type(model))
    # Without this, transformers makes a tokenizer of special tokens alone.
    if not any((place / name).is_file() for name in _VOCABULARY_FILES):
        wanted = ", ".join(_VOCABULARY_FILES)
        raise UnavailableError(f"{place} has no tokenizer ({wanted}): save the model's tokenizer there")
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            place, config=config, use_fast=True, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # the Rust library raises bare Exceptions
        raise UnavailableError(f"{place}: the tokenizer cannot be read ({one_line(error)})") from error
    if not tokenizer.is_fast:
        raise UnavailableError(f"{place}: {type(tokenizer).__name__} has no fast version: save it as tokenizer.json")
    ids = [*tokenizer.get_vocab().values()]
    if len(ids) <= len(tokenizer.all_special_ids) or max(ids) >= config.vocab_size:
        raise UnavailableError(
            f"{place}: the tokenizer has {len(ids)} tokens, the model {config.vocab_size}: they do not belong together"
        )
    return tokenizer


def _model_type(model: ModelLock) -> str:
    """What to take for a config without `model_type`."""
    declared = model.config.get("model_type", "")
    return str(declared) if declared or not model.family else adapter_for(model.family).model_type


_PROBLEM_TYPES: dict[ModelHead, str | None] = {
    "classification": "single_label_classification",
    "multi_label": "multi_label_classification",
    "token_classification": None,
}
"""Head with classes -> what transformers calls its problem."""


def _set_outputs(config: Any, head: ModelHead, labels: tuple[str, ...]) -> None:
    """Number and names of the outputs of a head."""
    if head in _PROBLEM_TYPES:
        config.problem_type = _PROBLEM_TYPES[head]
        if len(set(labels)) < len(labels):
            raise LabelError(f"labels must differ: {', '.join(labels)}")
        if labels:
            config.id2label = dict(enumerate(labels))
            config.label2id = {label: i for i, label in enumerate(labels)}
    elif head == "regression":
        config.num_labels, config.problem_type = 1, "regression"
    elif head == "span":
        # Start and end; BERT's span head would take the number of classes of a fine-tuned config for it.
        config.num_labels = 2


def _model_class(config: Any, head: ModelHead) -> Any:
    """The class of transformers for a config and a head."""
    import transformers

    mapping = getattr(transformers, _MAPPINGS[head])
    if type(config) not in mapping:
        raise UnavailableError(f"transformers has no {config.model_type!r} model with the head {head!r}")
    return mapping[type(config)]


def _check_encoder(network: Any, report: dict[str, Any], place: Path) -> tuple[str, ...]:
    """The names that were drawn anew, all of them of the head or the pooler.

    Raises:
        UnavailableError: weights and config do not have the same encoder, or a weight is not finite.
    """
    base = network.base_model
    prefix = f"{network.base_model_prefix}."
    parts = {name for name, _ in base.named_children() if not name.startswith("pooler")}

    def in_encoder(name: str) -> bool:
        bare = name.removeprefix(prefix)
        # Position buffers stood in the checkpoints of old transformers.
        return bare.split(".")[0] in parts and not bare.endswith(("position_ids", "token_type_ids"))

    missing = sorted(report["missing_keys"])
    resized = sorted(entry[0] if isinstance(entry, tuple) else entry for entry in report["mismatched_keys"])
    surplus = sorted(report["unexpected_keys"])
    for names, fault in (
        (missing, "lack"),
        (resized, "have in another size"),
        (surplus, "hold, but config.json does not,"),
    ):
        if wrong := [name for name in names if in_encoder(name)]:
            rest = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            raise UnavailableError(
                f"{place}: the weights {fault} {wrong[0]}{rest}: config.json and weights are not of one model"
            )
    # A sum is finite only if all its terms are.
    if broken := [name for name, value in base.named_parameters() if not math.isfinite(float(value.detach().sum()))]:
        raise UnavailableError(f"{place}: {broken[0]} holds NaN or infinite values: fetch or save the weights again")
    return tuple(sorted({*missing, *resized}))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draws from the CPU generator are decided by the seed; its state is put back afterwards."""
    import torch

    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would reseed the CUDA generators too.
        torch.default_generator.manual_seed(seed)
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bar and the warnings of transformers: what they say is checked and raised here."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


@contextmanager
def _failing_as(where: str) -> Iterator[None]:
    """What transformers raises for settings that make no model, as one line; a lack of memory stays what it is."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError, AssertionError) as error:
        if "allocate memory" in str(error):
            raise
        raise UnavailableError(f"{where}: no model can be built from it ({one_line(error)})") from error
