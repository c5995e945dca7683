"""Which kernels a forward pass really runs: the proof that AMX, VNNI, bfloat16 units or tensor cores did the work.

Libraries choose their code by the processor when they run, and say which only when asked: oneDNN and MKL in lines that
they print, CUDA in the profiler's trace. Nothing is timed while they are asked.
"""

from __future__ import annotations

import ctypes
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchbert.machine import machine

__all__ = ["Kernels", "cuda_kernels", "instructions_in", "mkl_and_onednn_kernels"]

_MOST_NAMES = 40


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """What ran in one forward pass."""

    isa: tuple[str, ...]
    """Instruction sets or units that the names of kernels speak of, such as `avx512_core_amx`; empty: none does."""
    names: Mapping[str, int]
    """Kernel -> times it ran, the most frequent first; at most 40."""
    source: str
    """Who named them."""
    flags: tuple[str, ...] = field(default_factory=lambda: machine().isa)
    """What the processor could do."""

    @property
    def record(self) -> dict[str, Any]:
        """For the provenance of a result."""
        return {"isa": list(self.isa), "names": dict(self.names), "source": self.source, "flags": list(self.flags)}

    @classmethod
    def counted(cls, names: Iterable[str], source: str, isa: Iterable[str] = ()) -> Kernels:
        """From the names in the order in which they ran.

        Args:
            names: one for each kernel that ran.
            source: who named them.
            isa: what is known of the instructions beside the names.
        """
        counts = Counter(names)
        return cls(
            isa=tuple(sorted({*instructions_in(counts), *isa})),
            names=dict(counts.most_common(_MOST_NAMES)),
            source=source,
        )


_INSTRUCTIONS = re.compile(
    r"avx512_core_amx(?:_fp16)?|avx512_core_(?:bf16|fp16|vnni)|avx512_core|avx2_vnni(?:_2)?|avx512|avx2|avx|sse4?1?|amx"
    r"|vnni|sve_\d+|asimd|s\d{4,5}gemm|h\d{4,5}gemm|i\d{4,5}gemm|wgmma|hmma|imma|tensorop|sm\d{2,3}|xmma",
    re.IGNORECASE,
)
"""Words in the names of oneDNN's, OpenVINO's and CUDA's kernels: instruction sets, and on CUDA the products of tensor
cores (`tensorop`, `s16816gemm`, `wgmma`, `xmma`) and the architecture."""


def instructions_in(names: Iterable[str]) -> set[str]:
    """The instruction sets or units that names of kernels speak of."""
    return {word.lower() for name in names for word in _INSTRUCTIONS.findall(name)}


def mkl_and_onednn_kernels(run: Callable[[], Any]) -> Kernels:
    """Products of one pass on the CPU: oneDNN's implementation names, MKL's routines and the code path it took.

    Args:
        run: one forward pass through torch.
    """
    import torch

    backends: Any = torch.backends
    run()
    with _standard_output() as text:
        with _verbose(backends.mkldnn), _verbose(backends.mkl):
            run()
        # The libraries write through C's buffer, which Python's flush does not reach.
        ctypes.CDLL(None).fflush(None)
    lines = text[0].splitlines()
    names = [name for line in lines if (name := _onednn(line) or _mkl(line))]
    isa = {f"mkl:{found}" for line in lines if (found := _mkl_path(line))}
    return Kernels.counted(names, "oneDNN's and MKL's verbose lines", isa)


def cuda_kernels(run: Callable[[], Any]) -> Kernels:
    """Kernels of one pass on the GPU, from torch's profiler.

    Args:
        run: one forward pass that ends with its result on the host.
    """
    import torch

    run()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as trace:
        run()
    events: Any = trace.events()
    names = [
        str(e.name) for e in events if "CUDA" in str(e.device_type) and not str(e.name).startswith(("Mem", "cuda"))
    ]
    return Kernels.counted(names, "torch's profiler")


def _onednn(line: str) -> str:
    """`matmul brg_matmul:avx512_core_bf16` of a line on an execution; empty: it is none."""
    fields = line.split(",")
    # onednn_verbose,v1,primitive,exec,cpu,matmul,brg_matmul:avx512_core_amx,undef,src:bf16...
    if not line.startswith(("onednn_verbose", "dnnl_verbose")) or "exec" not in fields:
        return ""
    at = fields.index("exec")
    return " ".join(fields[at + 2 : at + 4]) if len(fields) > at + 3 else ""


def _mkl(line: str) -> str:
    """`mkl SGEMM` of a line on a call; empty: it is none."""
    found = re.match(r"MKL_VERBOSE ([A-Z0-9_]+)\(", line)
    return f"mkl {found.group(1)}" if found else ""


def _mkl_path(line: str) -> str:
    """The code path that MKL says it takes, from the line that it begins with; empty: another line.

    On processors of other makers it is `Intel(R) Architecture`, whatever they can do.
    """
    found = re.match(r"MKL_VERBOSE .*64 architecture (.*?)(?: enabled)? processors", line)
    if not found:
        return ""
    inner = re.search(r"\((Intel\(R\) [^()]+)\)$", found.group(1))
    return (inner or found).group(1)


@contextmanager
def _verbose(library: Any) -> Iterator[None]:
    """The library's verbose mode, where this build of torch has the library."""
    if not library.is_available():
        yield
        return
    with library.verbose(library.VERBOSE_ON):
        yield


@contextmanager
def _standard_output() -> Iterator[list[str]]:
    """What is written to descriptor 1 meanwhile: one text, there when the block has ended."""
    text: list[str] = []
    kept = os.dup(1)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 1)
        try:
            yield text
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            sink.seek(0)
            text.append(sink.read().decode(errors="replace"))
