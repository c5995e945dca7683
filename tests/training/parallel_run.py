"""One training run, to be started by torchrun in one process or several: `parallel_run.py OUT PIECES`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from benchbert.training.loop import LoopSettings, train

DATA = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))
TARGET = DATA.sum(1, keepdim=True)
STEPS = 9


class Network(nn.Module):
    """Two heads, of which one is trained in some steps alone, as a sentence head is."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head, self.other = nn.Linear(6, 16), nn.Linear(16, 1), nn.Linear(16, 1)
        self.unused = nn.Linear(3, 3)


def batches(pieces: int):
    def steps(step: int):
        rows = torch.randperm(64, generator=torch.Generator().manual_seed(step))[:12]
        return [(step, r, DATA[r], TARGET[r]) for r in rows.chunk(pieces)], {"examples": 12}

    return steps


def objective(network: Network, batch, totals: Mapping[str, int]) -> dict[str, torch.Tensor]:
    step, _, data, target = batch
    hidden = torch.tanh(network.body(data))
    terms = {"fit": ((network.head(hidden) - target) ** 2).sum() / totals["examples"]}
    if step % 3 == 0:
        terms["other"] = ((network.other(hidden) + target) ** 2).sum() / totals["examples"]
    return terms


def run(out: Path, pieces: int, stop_at: int | None = None) -> None:
    torch.manual_seed(1)
    network = Network()
    reductions: list[str] = []
    made = batches(pieces)

    def until(step: int):
        if step == stop_at:
            raise KeyboardInterrupt
        reductions.append("step")
        return made(step)

    def told(network: Network, batch, totals: Mapping[str, int]) -> dict[str, torch.Tensor]:
        reductions.append("micro-batch")
        return objective(network, batch, totals)

    distributed = torch.distributed.is_available()
    reduce = torch.distributed.all_reduce if distributed else None

    def counted(*arguments, **named):
        reductions.append("reduction")
        return reduce(*arguments, **named)

    if distributed:
        torch.distributed.all_reduce = counted
    curve = train(
        network,
        until,
        told,
        LoopSettings(steps=STEPS, learning_rate=2e-2, warmup=0.2, weight_decay=0.1, seed=3, checkpoint_every=-1.0),
        checkpoint=out / "checkpoint.pt",
        owner="job",
        report=lambda done, total, note: None,
    )
    rank = torch.distributed.get_rank() if distributed and torch.distributed.is_initialized() else 0
    torch.save(
        {"weights": network.state_dict(), "terms": curve.terms, "steps": curve.steps, "order": reductions},
        out / f"end.{rank}.pt",
    )


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
    if torch.distributed.is_initialized():
        # A process that ends while another still talks to it makes that one abort.
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
