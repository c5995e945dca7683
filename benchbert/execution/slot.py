"""A slot: a child process that carries out one job after another, so that heavy libraries are imported once.

`python -m benchbert.execution.slot FOLDER RUN_ID` reads one JSON line a job and answers with notices of progress and,
at the end of each job, a reply; the Result itself goes to disk. It also times a few steps of a job that is yet to come.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from benchbert.execution.execute import execute, rehearse_job
from benchbert.lock import Lock
from benchbert.store.files import RunFolder, parse_as, read_as
from benchbert.types import Job, as_json
from benchbert.worker.channel import Channel, Request
from benchbert.worker.isolation import die_with_parent

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Serves jobs until the parent closes its end or dies."""
    die_with_parent()
    # Ctrl-C reaches the whole foreground group; the parent decides what becomes of its slots.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    channel = Channel.take_over_standard_streams()
    folder, run_id = RunFolder(Path(arguments[0])), arguments[1]
    lock = read_as(folder.path / "lock.json", Lock)

    def perform(request: Request) -> Any:
        if request.op == "close":
            return None
        job = parse_as(request.args["job"], Job)

        def report(done: int, total: int, note: str) -> None:
            channel.sink.write(json.dumps({"notice": [done, total, note]}) + "\n")
            channel.sink.flush()

        if request.op == "rehearse":
            return as_json(rehearse_job(job, lock, folder, request.args["seconds"], report))
        result = execute(job, lock, folder, run_id, report)
        notes = list(result.provenance.get("notes", ()))
        return {"status": result.status, "error": result.error, "duration": result.duration, "notes": notes}

    for request in channel.requests():
        channel.reply(request, perform)
        if request.op == "close":
            break
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
