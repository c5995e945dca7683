"""The loop: micro-batches are only a matter of memory, resuming is exact, a bad loss stops the run."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

from benchbert.errors import StoreError, TrainingError
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
    terms = changes.pop("objective", objective)
    owner = str(changes.pop("owner", "job"))
    return train(
        network,
        batches(pieces),
        terms,  # type: ignore[arg-type]
        settings(**changes),
        checkpoint=tmp_path / "checkpoint.pt",
        owner=owner,
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


def killed(tmp_path: Path, stop: int, **changes: object) -> None:
    """A run that ends in the middle of a step and leaves a checkpoint of the step before."""
    calls = 0

    def dies(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], totals: Mapping[str, int]):
        nonlocal calls
        calls += 1
        if calls > stop:
            raise KeyboardInterrupt
        return objective(network, batch, totals)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, model(), objective=dies, checkpoint_every=-1.0, **changes)


@pytest.mark.parametrize("stop", [7, 150, 229])
def test_a_checkpoint_between_two_points_of_the_curve_keeps_the_curve(tmp_path: Path, stop: int) -> None:
    straight = run(tmp_path / "whole", model(), steps=230)
    killed(tmp_path / "parts", stop, steps=230)
    resumed = run(tmp_path / "parts", model(), steps=230)
    assert (resumed.steps, resumed.terms) == (straight.steps, straight.terms)
    assert straight.steps[:2] == [2, 4]


def test_the_last_checkpoint_stays_until_its_owner_deletes_it(tmp_path: Path) -> None:
    """What comes after training may fail too, and hours of it are not lost with it."""
    straight, again = model(), model()
    run(tmp_path, straight, checkpoint_every=-1.0)
    steps: list[int] = []
    curve = run(tmp_path, again, objective=lambda *given: steps.append(1) or objective(*given))
    assert not steps
    assert torch.equal(weights(again), weights(straight))
    assert curve.steps == list(range(1, 13))


def damaged(path: Path, how: str) -> None:
    content = path.read_bytes()
    path.write_bytes(b"" if how == "empty" else content[: len(content) // 2])


@pytest.mark.parametrize("how", ["empty", "cut"])
def test_after_a_damaged_checkpoint_training_starts_anew_and_says_so(tmp_path: Path, how: str) -> None:
    straight, other = model(), model()
    run(tmp_path / "whole", straight)
    killed(tmp_path / "parts", 6)
    damaged(tmp_path / "parts" / "checkpoint.pt", how)
    with pytest.warns(RuntimeWarning, match="damaged.*starts anew"):
        curve = run(tmp_path / "parts", other)
    assert "damaged" in curve.notes[0]
    assert torch.equal(weights(other), weights(straight))


def test_a_flipped_bit_is_damage(tmp_path: Path) -> None:
    killed(tmp_path, 6)
    path = tmp_path / "checkpoint.pt"
    stored = torch.load(path, weights_only=True)["model"]["0.weight"].numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(stored)] ^= 1
    path.write_bytes(bytes(content))
    with pytest.warns(RuntimeWarning, match="damaged"):
        run(tmp_path, model())


def test_a_checkpoint_of_another_run_is_refused_with_what_differs(tmp_path: Path) -> None:
    killed(tmp_path, 6, about={"masking": {"share": 0.15}})
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(TrainingError) as caught:
        run(tmp_path, model(), owner="other", learning_rate=2e-2, about={"masking": {"share": 0.2}})
    assert "learning_rate: 0.01 there, 0.02 here; masking.share: 0.15 there, 0.2 here)" in str(caught.value)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    killed(tmp_path, 6)
    network = nn.Sequential(nn.Linear(6, 9), nn.Dropout(0.2), nn.Tanh(), nn.Linear(9, 1))
    with pytest.raises(TrainingError, match=r"0\.weight: \[8, 6\] there, \[9, 6\] here"):
        run(tmp_path, network)


def test_what_a_killed_save_left_behind_goes(tmp_path: Path) -> None:
    (tmp_path / ".checkpoint.pt.abc").write_bytes(b"half")
    run(tmp_path, model())
    assert not list(tmp_path.glob(".checkpoint.pt.*"))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_what_is_no_number_stops_at_its_step_and_keeps_the_last_checkpoint(
    tmp_path: Path, bad: float, where: str
) -> None:
    calls = 0

    def breaks(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], totals: Mapping[str, int]):
        nonlocal calls
        calls += 1
        fit = objective(network, batch, totals)["fit"]
        if calls == 8 and where == "gradient":
            network[3].bias.register_hook(lambda gradient: gradient * bad)
        return {"fit": fit * bad if calls == 8 and where == "loss" else fit}

    with pytest.raises(TrainingError, match=r"step 8 of 300.*lower learning_rate"):
        run(tmp_path, model(), objective=breaks, checkpoint_every=-1.0, steps=300)
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert kept["step"] == 7
    assert all(tensor.isfinite().all() for tensor in kept["model"].values())


def test_a_full_disk_is_one_clear_error_and_the_last_checkpoint_stays(tmp_path: Path) -> None:
    """A limit on the size of files meets the writer in its middle, as a full disk does."""
    killed(tmp_path, 6)
    path = tmp_path / "checkpoint.pt"
    whole = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) // 2, hard))
    try:
        with pytest.raises(StoreError, match=r"step 7 of 12 cannot be saved.*step 6 stays.*free room"):
            run(tmp_path, model(), checkpoint_every=-1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == whole
    assert not list(tmp_path.glob(".checkpoint.pt.*"))
    resumed, straight = model(), model()
    run(tmp_path, resumed)
    run(tmp_path / "whole", straight)
    assert torch.equal(weights(resumed), weights(straight))


def test_progress_is_told_and_the_curve_has_every_term(tmp_path: Path) -> None:
    def two(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], totals: Mapping[str, int]):
        fit = objective(network, batch, totals)["fit"]
        return {"a": fit, "b": 2 * fit}

    curve = run(tmp_path, model(), objective=two)
    assert set(curve.terms) == {"a", "b", "loss"}
    assert curve.terms["loss"][0] == pytest.approx(3 * curve.terms["a"][0], rel=1e-4)
    assert curve.terms["loss"][-1] < curve.terms["loss"][0]
