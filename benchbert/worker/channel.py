"""The child's end of the conversation: JSON lines on file descriptors that no library can write to by accident.

Request: `{"id": 1, "op": "block", "args": {...}}`. Reply: `{"id": 1, "result": ...}` or
`{"id": 1, "error": {"kind": "memory" | "benchbert" | "failure", "type": ..., "message": ..., "traceback": ...}}`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from benchbert.errors import BenchbertError

__all__ = ["Channel", "Request", "is_out_of_memory"]

_MEMORY_SIGNS = (
    "DefaultCPUAllocator",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "Cannot allocate memory",
    "bad_alloc",
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One thing to do."""

    id: int
    """Number that the reply carries back."""
    op: str
    """Name of the operation."""
    args: Mapping[str, Any]
    """Its keyword arguments."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Where requests come from and replies go to."""

    source: TextIO
    """Requests, one a line."""
    sink: TextIO
    """Replies, one a line."""

    @classmethod
    def take_over_standard_streams(cls) -> Channel:
        """Keep stdin and stdout for the protocol; what anything else prints goes to stderr, what it reads is empty."""
        source = os.fdopen(os.dup(0), "r", encoding="utf-8")
        sink = os.fdopen(os.dup(1), "w", encoding="utf-8")
        sys.stdout.flush()
        os.dup2(2, 1)
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        return cls(source=source, sink=sink)

    def requests(self) -> Iterator[Request]:
        """Requests until the parent closes its end or dies."""
        for line in self.source:
            message = json.loads(line)
            yield Request(id=message["id"], op=message["op"], args=message.get("args", {}))

    def reply(self, request: Request, perform: Callable[[Request], Any]) -> None:
        """Carry out a request and send its result or the error that it raised; an error does not end the process."""
        try:
            answer: dict[str, Any] = {"id": request.id, "result": perform(request)}
            line = json.dumps(answer, allow_nan=False)
        except Exception as error:
            line = json.dumps({"id": request.id, "error": _described(error)})
        self.sink.write(line + "\n")
        self.sink.flush()


def _described(error: Exception) -> dict[str, str]:
    kind = "memory" if is_out_of_memory(error) else "benchbert" if isinstance(error, BenchbertError) else "failure"
    text = str(error) or type(error).__name__
    return {
        "kind": kind,
        "type": type(error).__name__,
        "message": text,
        "traceback": "".join(traceback.format_exception(error)),
    }


def is_out_of_memory(error: BaseException) -> bool:
    """Whether host or device memory ran out: Python's, torch's (host and device) and cuBLAS's ways to say so."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error)
    return isinstance(error, RuntimeError | OSError) and any(sign in text for sign in _MEMORY_SIGNS)
