"""What a model is, without timing anything: parameters stored and executed, embeddings, FLOPs, bytes."""

from __future__ import annotations

from pathlib import Path

from benchbert.lock import ModelLock

__all__ = ["sizes"]


def sizes(model: ModelLock, *, folder: Path | None, dtype: str, sequence_length: int) -> dict[str, float]:
    """Counts of the encoder with its pooler, if it has one; a head's few parameters are left out.

    Args:
        model: what to build.
        folder: artefact with its weights; None: where the lock says.
        dtype: dtype that the weights are held in; `int8`: matrices in int8, vectors in float32, without scales.
        sequence_length: tokens of the sequence whose FLOPs are counted.

    Returns:
        `parameters_stored`, `parameters_executed` (a shared layer once for each time it runs), `embedding_parameters`,
        `layers_executed`, `flops` (2 x multiply-adds of one sequence), `bytes` (stored parameters in that dtype).
    """
    from benchbert.models.adapter import adapter_for, family_of
    from benchbert.models.load import load_model

    integer = dtype == "int8"
    network = load_model(model, head="encoder", folder=folder, dtype="float32" if integer else dtype).model
    adapter = adapter_for(model.family or family_of(network.config.model_type))
    parameters = list(adapter.base_model(network).parameters())
    return {
        "parameters_stored": adapter.stored_parameters(network),
        "parameters_executed": adapter.executed_parameters(network),
        "embedding_parameters": adapter.embedding_parameters(network),
        "layers_executed": adapter.executed_layers(network.config),
        "flops": adapter.flops(network.config, sequence_length),
        "bytes": sum(p.numel() * (1 if integer and p.ndim > 1 else p.element_size()) for p in parameters),
    }
