"""Entry of the measuring process: answers one request a line until its input ends or it is told to close.

Only the standard library is imported until a request asks for more.
"""

from __future__ import annotations

import sys

from benchbert.worker.channel import Channel
from benchbert.worker.isolation import die_with_parent
from benchbert.worker.operations import Bench


def main() -> int:
    """Serve requests; returns the exit status."""
    die_with_parent()
    channel = Channel.take_over_standard_streams()
    bench = Bench()
    for request in channel.requests():
        channel.reply(request, bench.perform)
        if request.op == "close":
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
