"""What a model is before it runs: parameters stored and executed, embedding share, FLOPs, bytes. Nothing is timed."""

from __future__ import annotations

from dataclasses import asdict

from benchbert.profilers.protocol import Cell, Measurement, Metric, OpenWorker
from benchbert.types import Value

__all__ = ["REGISTERED", "SizeProfiler"]

_STORED = Metric(name="parameters_stored", unit="", direction="lower")
_EXECUTED = Metric(name="parameters_executed", unit="", direction="lower")
_SHARE = Metric(name="embedding_share", unit="", direction="none")
_GFLOPS = Metric(name="gflops_per_sequence", unit="GFLOP", direction="lower")
_SIZE = Metric(name="size_mib", unit="MiB", direction="lower")
_CONVENTION = "encoder and pooler"


class SizeProfiler:
    """Counts of the encoder and its pooler; the same on every machine."""

    name = "size"
    metrics = (_STORED, _EXECUTED, _SHARE, _GFLOPS, _SIZE)
    default_processes = 1
    computes = False
    """Nothing runs, so that no backend is checked."""

    def measure(self, cell: Cell, open_worker: OpenWorker) -> Measurement:
        """Count in one process, whatever the backend; see `Profiler`."""
        with open_worker(cell) as worker:
            worker.call("configure", cell.stall_limit_s, threads=cell.workload.threads)
            counts = worker.call(
                "sizes",
                cell.stall_limit_s,
                model=cell.model_fields,
                workload=asdict(cell.workload),
                folder=str(cell.folder or ""),
            )
        flops = f"2 x multiply-adds, {cell.workload.sequence_length} tokens"
        values = (
            _counted(_STORED, counts["parameters_stored"]),
            _counted(_EXECUTED, counts["parameters_executed"], "a shared layer once for each time it runs"),
            _counted(_SHARE, counts["embedding_parameters"] / counts["parameters_stored"], "of the stored parameters"),
            _counted(_GFLOPS, counts["flops"] / 1e9, flops),
            _counted(_SIZE, counts["bytes"] / 2**20, _held(cell.workload.dtype)),
        )
        return Measurement(values=values, samples=counts)


def _held(dtype: str) -> str:
    return f"stored parameters in {dtype}" + (" (vectors in float32, scales left out)" if dtype == "int8" else "")


def _counted(metric: Metric, number: float, convention: str = "") -> Value:
    text = f"{_CONVENTION}; {convention}" if convention else _CONVENTION
    return metric.value(float(number), n=1, ci_kind="none: counted", convention=text)


REGISTERED = (SizeProfiler(),)
