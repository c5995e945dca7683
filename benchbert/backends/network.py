"""The transformers model behind every backend, loaded once the workload is known to fit it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchbert.errors import BenchbertError, UnavailableError
from benchbert.lock import ModelLock
from benchbert.types import HEAD_LENGTHS, Workload

if TYPE_CHECKING:
    from benchbert.models.load import LoadedModel

__all__ = ["import_torch_for", "load_network", "output_names", "require_dtype", "require_fit", "unable"]


class _Named(Protocol):
    name: str

    def dtypes(self, device: str) -> tuple[str, ...]: ...


def import_torch_for(model: ModelLock) -> None:
    """torch, transformers and the module of a model's architecture."""
    importlib.import_module("benchbert.models.load")
    importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    # The table's lookup imports the architecture's module, which transformers otherwise puts off until it is built.
    configs, models = transformers.CONFIG_MAPPING, transformers.MODEL_MAPPING
    model_type = model.config.get("model_type")
    if not model_type and model.family:
        from benchbert.models.adapter import adapter_for

        model_type = adapter_for(model.family).model_type
    if model_type in configs:
        models[configs[model_type]]


def load_network(
    backend: _Named, model: ModelLock, head: str, workload: Workload, folder: Path | None, *, dtype: str = ""
) -> LoadedModel:
    """A model on the CPU in the workload's dtype, for a backend.

    Args:
        backend: who runs it.
        model: the resolved model.
        head: `encoder`, or a head of a task.
        workload: what it is to run.
        folder: artefact with the weights; None: where the lock says.
        dtype: dtype to load in; empty: the workload's.

    Raises:
        UnavailableError: the model, device, dtype or head cannot be had, or the sequence is too long for the model.
    """
    import torch

    from benchbert.models.load import load_model

    require_dtype(backend, workload)
    if workload.device != "cpu" and not torch.cuda.is_available():
        raise UnavailableError(f"torch {torch.__version__} sees no CUDA device: install a CUDA build of torch")
    loaded = load_model(model, head=_head(head), folder=folder, dtype=dtype or workload.dtype)
    longest = getattr(loaded.model.config, "max_position_embeddings", workload.sequence_length)
    require_fit(model, int(longest), workload)
    return loaded


def require_dtype(backend: _Named, workload: Workload) -> None:
    """The backend must know the workload's dtype.

    Raises:
        UnavailableError: it does not.
    """
    known = backend.dtypes(workload.device)
    if workload.dtype not in known:
        listed = ", ".join(known) or "nothing"
        raise UnavailableError(f"{backend.name} runs {listed} on {workload.device}, not {workload.dtype}")


def require_fit(model: ModelLock, longest: int, workload: Workload) -> None:
    """The workload's sequences must not be longer than the model reads.

    Raises:
        UnavailableError: they are.
    """
    if workload.sequence_length > longest:
        raise UnavailableError(
            f"{model.name} takes at most {longest} tokens, the workload has {workload.sequence_length}: "
            f"set sequence_lengths to {longest} or less"
        )


def output_names(head: str) -> tuple[str, ...]:
    """Outputs of a transformers model that make the logits: two are stacked, start and end."""
    if head == "span":
        return ("start_logits", "end_logits")
    return ("last_hidden_state",) if head == "encoder" else ("logits",)


@contextmanager
def unable(backend: str, model: ModelLock, step: str) -> Iterator[None]:
    """Around what a library may fail at: an operator it lacks or a graph it cannot read is a reason, not a crash.

    Raises:
        UnavailableError: names the backend, the model, the step and the library's own words.
    """
    from benchbert.models.location import one_line

    try:
        yield
    except (BenchbertError, MemoryError):
        raise
    except Exception as error:
        # torch says that memory ran out by a RuntimeError; the worker's channel knows it by its words.
        if type(error).__name__ == "OutOfMemoryError" or "allocate memory" in str(error):
            raise
        raise UnavailableError(f"{backend} cannot run {model.name}: {step} failed ({one_line(error)})") from error


def _head(name: str) -> Any:
    """A head that `load_model` knows.

    Raises:
        UnavailableError: it knows none of that name.
    """
    known = ("encoder", *HEAD_LENGTHS)
    if name not in known:
        raise UnavailableError(f"no head is named {name!r}; there are {', '.join(known)}")
    return name
