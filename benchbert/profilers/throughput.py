"""How much work a batch size gets through when the next batch is always waiting."""

from __future__ import annotations

from benchbert.profilers.protocol import Cell, Measurement, Metric, OpenWorker
from benchbert.profilers.timed import measurement, timed_processes
from benchbert.statistics.intervals import Interval, typical
from benchbert.types import Value
from benchbert.worker.client import Worker

__all__ = ["REGISTERED", "ThroughputProfiler"]

_SEQUENCES = Metric(name="sequences_per_second", unit="sequences/s", direction="higher")
_TOKENS = Metric(name="tokens_per_second", unit="tokens/s", direction="higher")
_PADDED = Metric(name="padded_tokens_per_second", unit="tokens/s", direction="higher")


class ThroughputProfiler:
    """Sequences and tokens per second at one batch size, the device's queue kept full within a block."""

    name = "throughput"
    metrics = (_SEQUENCES, _TOKENS, _PADDED)
    default_processes = 5

    def measure(self, cell: Cell, open_worker: OpenWorker) -> Measurement:
        """Measure in `cell.processes` fresh processes; see `Profiler`."""

        def take(worker: Worker, iterations: int) -> list[float]:
            total: int = worker.call("burst", cell.stall_limit_s, iterations=iterations)
            return [total / iterations]

        processes = timed_processes(cell, open_worker, take)
        batch_ns = typical([p.blocks for p in processes])
        batch, length = cell.workload.batch_size, cell.workload.sequence_length
        values = (
            _rate(_SEQUENCES, batch_ns, batch),
            # The workload of a profile has no padding: both counts are the same until real lengths are run.
            _rate(_TOKENS, batch_ns, batch * length),
            _rate(_PADDED, batch_ns, batch * length),
        )
        return measurement(values, processes)


def _rate(metric: Metric, batch_ns: Interval, units: int) -> Value:
    """Units of work per second from the time of a batch; the ends of the interval change places."""

    def per_second(ns: float | None) -> float | None:
        return None if ns is None else units * 1e9 / ns

    return metric.value(
        per_second(batch_ns.estimate),
        n=batch_ns.n,
        ci_low=per_second(batch_ns.high),
        ci_high=per_second(batch_ns.low),
        ci_kind=batch_ns.kind,
        ci_level=batch_ns.level,
        convention="no padding",
    )


REGISTERED = (ThroughputProfiler(),)
