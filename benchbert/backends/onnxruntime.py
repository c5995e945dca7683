"""ONNX Runtime on the CPU: float32, and int8 with weights quantized once and activations as they come."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Any

from benchbert.backends.exports import Export, Interface, export_key, exported
from benchbert.backends.kernels import Kernels
from benchbert.backends.network import load_network, output_names, require_dtype, require_fit, unable
from benchbert.backends.protocol import Batch
from benchbert.errors import MissingExtraError
from benchbert.lock import ModelLock
from benchbert.machine import machine
from benchbert.types import Workload

__all__ = ["REGISTERED", "OnnxRuntimeBackend", "OnnxRuntimeSession", "export_onnx", "quantize"]

_OPSET = 20
_MODEL = "model.onnx"
_LIBRARIES = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_EXAMPLE = (2, 8)
"""Shape that is traced; both sizes are free in the export."""
_INTEGER_UNITS = ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp")
"""Flags of processors that multiply int8 by int8 into int32 in one instruction."""


class OnnxRuntimeSession:
    """An exported model in ONNX Runtime's CPU provider."""

    def __init__(self, export: Export, *, threads: int, profile: str = "") -> None:
        """Read and optimise the graph.

        Args:
            export: the model.
            threads: intra-op threads.
            profile: prefix of the file that a profile is written to; empty: none.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        if profile:
            options.enable_profiling, options.profile_file_prefix = True, profile
        path = str(export.folder / _MODEL)
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._threads = threads
        self._exported = export
        self._outputs = list(export.interface.outputs)
        self.input_names = export.interface.inputs
        self.vocabulary = export.interface.vocabulary
        self.format = export.interface.weights
        self.export = export.record

    def __call__(self, batch: Batch) -> Any:
        """Host to host; see `Session`."""
        found = self._session.run(self._outputs, dict(batch))
        if len(found) == 1:
            return found[0]
        import numpy as np

        return np.stack(found, axis=-1)

    def kernels(self, batch: Batch) -> Kernels:
        """Operators that the runtime's own profile names; MLAS does not name its kernels, so flags stand for them."""
        with tempfile.TemporaryDirectory(prefix="benchbert-kernels-") as folder:
            watched = OnnxRuntimeSession(self._exported, threads=self._threads, profile=str(Path(folder) / "ort"))
            watched(batch)
            events = json.loads(Path(watched._session.end_profiling()).read_text(encoding="utf-8"))
        names = [str(e["args"]["op_name"]) for e in events if str(e.get("name", "")).endswith("_kernel_time")]
        integer = any(
            "Integer" in name or name.startswith(("Quantize", "DynamicQuantize", "QLinear")) for name in names
        )
        isa = [f"cpu:{flag}" for flag in machine().isa if not integer or flag in _INTEGER_UNITS]
        return Kernels.counted(names, "ONNX Runtime's profile; the instructions are the processor's flags", isa)


class OnnxRuntimeBackend:
    """ONNX Runtime."""

    name = "onnxruntime"

    def available(self, device: str) -> str:
        """Why it cannot run on this device here; empty: it can."""
        if any(importlib.util.find_spec(package) is None for package in _PACKAGES):
            return str(MissingExtraError("ONNX Runtime", "onnx"))
        return "" if device == "cpu" else "benchbert runs ONNX Runtime on the CPU alone"

    def dtypes(self, device: str) -> tuple[str, ...]:
        """Its CPU provider computes in float32 and int8; bfloat16 graphs it cannot run."""
        return ("float32", "int8") if device == "cpu" else ()

    def import_libraries(self, model: ModelLock) -> None:
        """The runtime alone: an export needs no torch to run."""
        with unable(self.name, model, "the import"):
            importlib.import_module("onnxruntime")

    def load(
        self, model: ModelLock, head: str, workload: Workload, *, folder: Path | None = None, cache: Path | None = None
    ) -> OnnxRuntimeSession:
        """Load the kept export, or make it first.

        Raises:
            UnavailableError: the model or dtype cannot be had, the export fails, or the runtime lacks an operator.
        """
        require_dtype(self, workload)
        whole = exported(
            cache,
            export_key(model, head, folder, libraries=_LIBRARIES, opset=_OPSET, format="onnx", dtype="float32"),
            lambda place: self._export(model, head, workload, folder, place),
        )
        if workload.dtype == "int8":
            # Without an instruction that adds int8 products into int32, two of them overflow int16 at more than 7 bits.
            seven = not {*_INTEGER_UNITS} & {*machine().isa}
            key = export_key(
                model, head, folder, libraries=_LIBRARIES, opset=_OPSET, format="onnx", dtype="int8", seven_bits=seven
            )
            float32 = whole

            def make(place: Path) -> Interface:
                with unable(self.name, model, "quantizing to int8"):
                    quantize(float32.folder / _MODEL, place / _MODEL, seven_bits=seven)
                return float32.interface

            whole = exported(cache, key, make)
        require_fit(model, whole.interface.longest, workload)
        with unable(self.name, model, "loading the export"):
            return OnnxRuntimeSession(whole, threads=workload.threads)

    def _export(self, model: ModelLock, head: str, workload: Workload, folder: Path | None, place: Path) -> Interface:
        loaded = load_network(self, model, head, workload, folder, dtype="float32")
        with unable(self.name, model, "the export to ONNX"):
            inputs, outputs = export_onnx(loaded.model, place / _MODEL)
        config = loaded.model.config
        return Interface(
            inputs=inputs,
            outputs=outputs[: len(output_names(head))],
            vocabulary=int(config.vocab_size),
            longest=int(getattr(config, "max_position_embeddings", 1 << 30)),
            weights=loaded.format,
        )


def export_onnx(network: Any, path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Writes a transformers model as one ONNX file whose batch size and length are free.

    Args:
        network: in float32 and eval mode, on the CPU.
        path: the file.

    Returns:
        Names of its inputs, and of its outputs in the order of transformers.
    """
    import onnx_ir.passes.common as passes
    import torch

    from benchbert.backends.eager import inputs_of

    names = inputs_of(network)
    longest = int(getattr(network.config, "max_position_embeddings", 1 << 20))
    free = {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim("sequence", min=2, max=longest)}
    example = {name: torch.ones(_EXAMPLE, dtype=torch.int64) for name in names}
    program = torch.onnx.export(
        network,
        (),
        kwargs=example,
        dynamo=True,
        external_data=False,
        opset_version=_OPSET,
        dynamic_shapes=dict.fromkeys(names, free),
        verbose=False,
    )
    assert program is not None, "dynamo=True gives a program"
    # A layer that runs twelve times (ALBERT) is written twelve times over.
    passes.DeduplicateInitializersPass(size_limit=1 << 62)(program.model)
    # Stack traces and local paths stand in the export otherwise.
    passes.ClearMetadataAndDocStringPass()(program.model)
    program.save(str(path), external_data=False)
    return names, tuple(str(output.name) for output in program.model.graph.outputs)


def quantize(source: Path, target: Path, *, seven_bits: bool) -> None:
    """Weights of matrix products as int8, a scale for each column; activations are quantized when they come.

    Args:
        source: float32 export.
        target: where the int8 one goes.
        seven_bits: whether weights keep to 7 bits.
    """
    import logging

    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(str(source))
    # Shapes that torch wrote contradict those that the quantizer infers.
    del graph.graph.value_info[:]
    level = logging.root.level
    # It advises a step that is for convolutions.
    logging.root.setLevel(logging.ERROR)
    try:
        quantize_dynamic(graph, str(target), weight_type=QuantType.QInt8, per_channel=True, reduce_range=seven_bits)
    finally:
        logging.root.setLevel(level)


REGISTERED = (OnnxRuntimeBackend(),)
