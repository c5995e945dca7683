"""OpenVINO on the CPU, float32 and bfloat16: the graph that torch traces, compiled by OpenVINO for this processor."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from benchbert.backends.exports import Export, Interface, export_key, exported
from benchbert.backends.kernels import Kernels
from benchbert.backends.network import load_network, output_names, require_dtype, require_fit, unable
from benchbert.backends.protocol import Batch
from benchbert.errors import MissingExtraError
from benchbert.lock import ModelLock
from benchbert.types import Workload

__all__ = ["REGISTERED", "OpenVinoBackend", "OpenVinoSession"]

_MODEL = "model.xml"
_LIBRARIES = ("torch", "transformers", "openvino")
_PRECISION = {"float32": "f32", "bfloat16": "bf16"}
"""Dtype -> INFERENCE_PRECISION_HINT: left alone, OpenVINO takes bfloat16 where the processor has it."""
_EXAMPLE = (2, 8)


class OpenVinoSession:
    """A model compiled for the CPU."""

    def __init__(self, export: Export, *, dtype: str, threads: int) -> None:
        """Read and compile the graph.

        Args:
            export: the model.
            dtype: `float32` or `bfloat16`.
            threads: threads of one stream.
        """
        openvino = _openvino()
        core = openvino.Core()
        graph = core.read_model(str(export.folder / _MODEL))
        settings = {
            "INFERENCE_PRECISION_HINT": _PRECISION[dtype],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            # Cores are chosen by the measuring process, for every backend alike.
            "ENABLE_CPU_PINNING": False,
        }
        start = perf_counter()
        self._compiled = core.compile_model(graph, "CPU", settings)
        self.compile_s = perf_counter() - start
        self._request = self._compiled.create_infer_request()
        self._outputs = [self._compiled.output(name) for name in export.interface.outputs]
        self._exported = export
        self.input_names = export.interface.inputs
        self.vocabulary = export.interface.vocabulary
        self.format = export.interface.weights
        self.export = export.record

    def __call__(self, batch: Batch) -> Any:
        """Host to host; see `Session`."""
        import numpy as np

        found = self._request.infer(dict(batch), share_inputs=True)
        parts = [found[output] for output in self._outputs]
        return parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)

    def kernels(self, batch: Batch) -> Kernels:
        """Primitives of the compiled graph, as OpenVINO names them: kernel, instruction set, precision."""
        names = []
        for operation in self._compiled.get_runtime_model().get_ops():
            told = operation.get_rt_info()
            if "primitiveType" in told and "layerType" in told:
                layer, primitive = (str(told[name].astype(str)) for name in ("layerType", "primitiveType"))
                if not primitive.startswith("unknown"):
                    names.append(f"{layer} {primitive}")
        return Kernels.counted(names, "OpenVINO's runtime model")


class OpenVinoBackend:
    """OpenVINO."""

    name = "openvino"

    def available(self, device: str) -> str:
        """Why it cannot run on this device here; empty: it can."""
        if importlib.util.find_spec("openvino") is None:
            return str(MissingExtraError("OpenVINO", "openvino"))
        return "" if device == "cpu" else "benchbert runs OpenVINO on the CPU alone"

    def dtypes(self, device: str) -> tuple[str, ...]:
        """What INFERENCE_PRECISION_HINT takes on a CPU without quantized weights."""
        return tuple(_PRECISION) if device == "cpu" else ()

    def import_libraries(self, model: ModelLock) -> None:
        """The runtime alone: an export needs no torch to run."""
        with unable(self.name, model, "the import"):
            _openvino()

    def load(
        self, model: ModelLock, head: str, workload: Workload, *, folder: Path | None = None, cache: Path | None = None
    ) -> OpenVinoSession:
        """Load the kept export, or make it first, and compile it.

        Raises:
            UnavailableError: the model or dtype cannot be had, or OpenVINO lacks an operator.
        """
        require_dtype(self, workload)
        if workload.dtype == "bfloat16":
            self._require_bfloat16(model)
        # The weights stay float32 in the export: OpenVINO rounds them for the precision that it is told.
        key = export_key(model, head, folder, libraries=_LIBRARIES, format="openvino", dtype="float32")
        found = exported(cache, key, lambda place: self._export(model, head, workload, folder, place))
        require_fit(model, found.interface.longest, workload)
        with unable(self.name, model, "compiling"):
            return OpenVinoSession(found, dtype=workload.dtype, threads=workload.threads)

    def _require_bfloat16(self, model: ModelLock) -> None:
        """OpenVINO silently computes in float32 where the processor has no bfloat16."""
        with unable(self.name, model, "bfloat16"):
            told = _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            if "BF16" not in told:
                raise ValueError(f"this processor has {', '.join(told)}")

    def _export(self, model: ModelLock, head: str, workload: Workload, folder: Path | None, place: Path) -> Interface:
        import torch

        from benchbert.backends.eager import inputs_of

        openvino = _openvino()
        loaded = load_network(self, model, head, workload, folder, dtype="float32")
        names = inputs_of(loaded.model)
        with unable(self.name, model, "the conversion"):
            example = {name: torch.ones(_EXAMPLE, dtype=torch.int64) for name in names}
            graph = openvino.convert_model(loaded.model, example_input=example)
            openvino.save_model(graph, str(place / _MODEL), compress_to_fp16=False)
        config = loaded.model.config
        return Interface(
            inputs=names,
            outputs=output_names(head),
            vocabulary=int(config.vocab_size),
            longest=int(getattr(config, "max_position_embeddings", 1 << 30)),
            weights=loaded.format,
        )


def _openvino() -> Any:
    """The library without its telemetry: where that package cannot be imported, a stub that sends nothing stands in."""
    if "openvino_telemetry" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    library = importlib.import_module("openvino")
    if (telemetry := sys.modules["openvino_telemetry"]) is not None:
        # torch's list of compilers may have imported both before.
        telemetry.Telemetry = importlib.import_module("openvino.tools.ovc.telemetry_stub").Telemetry  # type: ignore[attr-defined]
    return library


REGISTERED = (OpenVinoBackend(),)
