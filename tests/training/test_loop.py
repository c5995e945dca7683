"""The loop: micro-batches are only a matter of memory, resuming is exact, a bad loss stops the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

from benchbert.errors import TrainingError
from benchbert.training.loop import Curve, LoopSettings, train

DATA = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
TARGET = DATA.sum(1, keepdim=True)


def settings(**changes: object) -> LoopSettings:
    base = {"steps": 12, "learning_rate": 1e-2, "warmup": 0.25, "seed": 3}
    return LoopSettings(**(base | changes))  # type: ignore[arg-type]


def model() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.2), nn.Tanh(), nn.Linear(8, 1))


def batches(pieces: int):
    def steps(step: int) -> tuple[list[tuple[torch.Tensor, torch.Tensor]], dict[str, int]]:
        rows = torch.randperm(40, generator=torch.Generator().manual_seed(step))[:8]
        return [(DATA[r], TARGET[r]) for r in rows.chunk(pieces)], {"examples": 8}

    return steps


def objective(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], totals: Mapping[str, int]):
    return {"fit": ((network(batch[0]) - batch[1]) ** 2).sum() / totals["examples"]}


def run(tmp_path: Path, network: nn.Module, *, pieces: int = 1, **changes: object) -> Curve:
    return train(
        network,
        batches(pieces),
        changes.pop("objective", objective),  # type: ignore[arg-type]
        settings(**changes),
        checkpoint=tmp_path / "checkpoint.pt",
        owner="job",
        report=lambda done, total, note: None,
    )


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_micro_batches_compute_the_same_step(tmp_path: Path) -> None:
    whole, split = model(), model()
    for network in (whole, split):
        network[1].p = 0.0  # dropout draws one mask a forward pass, so it is left out of this comparison
    run(tmp_path, whole, pieces=1)
    run(tmp_path, split, pieces=4)
    assert torch.allclose(weights(whole), weights(split), atol=1e-6)
    assert not torch.allclose(weights(whole), weights(model()), atol=1e-3)


def test_training_matches_a_plain_adamw_loop(tmp_path: Path) -> None:
    mine, theirs = model(), model()
    mine[1].p = theirs[1].p = 0.0
    run(tmp_path, mine, weight_decay=0.1)
    decayed = [p for p in theirs.parameters() if p.ndim > 1]
    others = [p for p in theirs.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=1e-2, eps=1e-8
    )
    for step in range(12):
        for group in optimizer.param_groups:  # 3 steps up, then down on a line
            group["lr"] = 1e-2 * ((step + 1) / 3 if step < 3 else (12 - step) / 9)
        (rows,), totals = batches(1)(step)
        objective(theirs, rows, totals)["fit"].backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    assert torch.allclose(weights(mine), weights(theirs), atol=1e-6)


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_a_killed_run_resumes_to_the_same_bits(tmp_path: Path, stop: int) -> None:
    straight = model()
    run(tmp_path, straight)

    class Killed(Exception):
        pass

    calls = 0

    def dies(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], totals: Mapping[str, int]):
        nonlocal calls
        calls += 1
        if calls > stop:
            raise Killed
        return objective(network, batch, totals)

    with pytest.raises(Killed):
        run(tmp_path, model(), objective=dies, checkpoint_every=0.0)
    assert (tmp_path / "checkpoint.pt").exists()
    resumed = model()
    curve = run(tmp_path, resumed)
    assert torch.equal(weights(resumed), weights(straight))
    assert curve.steps == list(range(1, 13))
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_a_checkpoint_that_is_damaged_or_of_another_job_is_not_taken_up(tmp_path: Path, content: bytes | None) -> None:
    straight, other = model(), model()
    run(tmp_path, straight)
    path = tmp_path / "checkpoint.pt"
    if content is None:
        torch.save({"owner": "another job", "step": 5}, path)
    else:
        path.write_bytes(content)
    run(tmp_path, other)
    assert torch.equal(weights(other), weights(straight))


def test_a_loss_that_is_not_a_number_stops_with_step_and_mend(tmp_path: Path) -> None:
    def breaks(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], totals: Mapping[str, int]):
        return {"fit": objective(network, batch, totals)["fit"] * float("nan")}

    with pytest.raises(TrainingError, match=r"step 1 of 12.*lower learning_rate"):
        run(tmp_path, model(), objective=breaks)


def test_progress_is_told_and_the_curve_has_every_term(tmp_path: Path) -> None:
    def two(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], totals: Mapping[str, int]):
        fit = objective(network, batch, totals)["fit"]
        return {"a": fit, "b": 2 * fit}

    curve = run(tmp_path, model(), objective=two)
    assert set(curve.terms) == {"a", "b", "loss"}
    assert curve.terms["loss"][0] == pytest.approx(3 * curve.terms["a"][0], rel=1e-4)
    assert curve.terms["loss"][-1] < curve.terms["loss"][0]
