"""The parent's end of a measuring process: it asks, sleeps until the answer comes, and knows how a child can fail."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchbert import errors
from benchbert.errors import BenchbertError, WorkerError, WorkerMemoryError, WorkerTimeoutError

__all__ = ["Worker"]

_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_LINE = 256 * 1024 * 1024
_STDERR_LINES = 12
_GOODBYE_S = 10.0


class Worker:
    """A live child process that measures.

    It dies with the thread that made it (the kernel sees to that on Linux), so keep it within one thread.
    """

    def __init__(
        self,
        *,
        python: str = sys.executable,
        module: str = "benchbert.worker",
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 300.0,
    ) -> None:
        """Start the process; it has imported nothing but the standard library.

        Args:
            python: interpreter, possibly of another environment with benchbert and its libraries in it.
            module: what it runs: something that serves requests on a `Channel`.
            arguments: its command line.
            environment: variables added to this process's own.
            timeout_s: seconds that a call may take when it does not say.

        Raises:
            WorkerError: the interpreter cannot be started.
        """
        self._timeout_s = timeout_s
        self._last_id = 0
        self._unread = b""
        self.on_notice: Callable[[Any], None] = lambda notice: None
        """Called with what the child says while it works, before its reply."""
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close() and kill()
        try:
            self._process = subprocess.Popen(
                # -P: no module of the working folder may stand in for one of a library.
                [python, "-P", "-X", "faulthandler", "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=_environment(environment or {}),
                # A session of its own: killing it takes compilers and other grandchildren along.
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            raise WorkerError(f"cannot start a measuring process with {python}: {error}") from error

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.kill()

    def call(self, op: str, timeout: float | None = None, **args: Any) -> Any:
        """Ask for one operation (see `operations.Bench`) and sleep until it is answered.

        Args:
            op: name of the operation.
            timeout: seconds; None: the worker's own.
            args: JSON values.

        Raises:
            WorkerTimeoutError: no answer in time; the process has been killed.
            WorkerMemoryError: it ran out of host or device memory.
            WorkerError: it failed, died or was closed.
            BenchbertError: what it raised for the user, such as UnavailableError.
        """
        if self._stderr.closed:
            raise WorkerError(f"the measuring process was closed before {op!r}: open a fresh one")
        self._last_id += 1
        request = json.dumps({"id": self._last_id, "op": op, "args": args}) + "\n"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._death(op) from None
        reply = self._reply(op, self._timeout_s if timeout is None else timeout)
        if "error" in reply:
            raise _raised(op, reply["error"])
        return reply["result"]

    def close(self) -> None:
        """End it in good order; one that does not go is killed."""
        if self._stderr.closed:
            return
        try:
            if self.alive:
                self.call("close", timeout=_GOODBYE_S)
                self._process.wait(_GOODBYE_S)
        except (BenchbertError, subprocess.TimeoutExpired):
            # It has nothing left that we want: what it measured has already been answered.
            self.kill()
        self._release()

    def kill(self) -> None:
        """End it and its children now."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._release()

    def _release(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _reply(self, op: str, timeout: float) -> dict[str, Any]:
        """The reply to the last request; lines that are none (a launcher's greeting, say) are passed over."""
        deadline = time.monotonic() + timeout
        while True:
            line = self._line(op, deadline, timeout)
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict) and "notice" in message:
                self.on_notice(message["notice"])
            elif isinstance(message, dict) and message.get("id") == self._last_id:
                return message

    def _line(self, op: str, deadline: float, timeout: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(deadline - time.monotonic(), 0.0)):
                    raise self._timeout(op, timeout)
                chunk = os.read(descriptor, 1 << 16)
                if not chunk:
                    raise self._death(op)
                self._unread += chunk
                if len(self._unread) > _LONGEST_LINE:
                    self.kill()
                    raise WorkerError(f"{op}: the measuring process floods its output; it has been killed")
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _timeout(self, op: str, timeout: float) -> WorkerTimeoutError:
        tail = self._last_words()
        self.kill()
        return WorkerTimeoutError(f"{op}: no answer within {timeout:g} s; the measuring process was killed{tail}")

    def _death(self, op: str) -> WorkerError:
        """The error of a process that has ended, or has closed its end, in the middle of a conversation."""
        try:
            code = self._process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            tail = self._last_words()
            self.kill()
            return WorkerError(f"{op}: the measuring process closed its output and was killed{tail}")
        tail = self._last_words()
        self.kill()
        if code == -signal.SIGKILL:
            return WorkerMemoryError(f"{op}: killed by signal 9, as the kernel does when memory runs out{tail}")
        how = f"signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exit status {code}"
        return WorkerError(f"{op}: the measuring process died with {how}{tail}")

    def _last_words(self) -> str:
        """The last lines of its stderr, for the end of a message."""
        if self._stderr.closed:
            return ""
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(self._stderr.tell() - 4096, 0))
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()[-_STDERR_LINES:]
        return "; its last words: " + " | ".join(lines) if lines else ""


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    """The variables of this process and those added; a source tree of benchbert comes first on the child's path.

    An installed benchbert does not: its site-packages must not shadow the libraries of another interpreter.
    """
    environment = {**os.environ, **added}
    if _ROOT.name not in {"site-packages", "dist-packages"}:
        rest = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *([rest] if rest else [])])
    return environment


def _raised(op: str, error: Mapping[str, str]) -> BenchbertError:
    """What the child raised, as an error of this process with the child's traceback as a note."""
    text = f"{op}: {error['type']}: {error['message']}"
    raised: BenchbertError
    if error["kind"] == "memory":
        raised = WorkerMemoryError(text)
    elif error["kind"] == "benchbert":
        raised = _same_kind(error["type"])(error["message"])
    else:
        raised = WorkerError(text)
    raised.add_note(f"In the measuring process:\n{error['traceback']}")
    return raised


def _same_kind(name: str) -> type[BenchbertError]:
    """The class of errors.py of that name if a message alone makes one, else what it stands under."""
    kind = getattr(errors, name, BenchbertError)
    while kind.__init__ is not BenchbertError.__init__:
        kind = kind.__base__
    assert issubclass(kind, BenchbertError)
    return kind
