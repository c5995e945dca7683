"""Students that learn from a teacher's cache on disk, as jobs of a recipe: one teacher pass, whatever happens."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchbert.distillation.cached_teacher import CachedTeacher
from benchbert.distillation.teacher import LiveTeacher
from benchbert.execution.execute import execute
from benchbert.execution.session import prepare_recipe
from benchbert.store.files import RunFolder
from benchbert.training import loop
from benchbert.types import Result

TEACHER = """
name = "small-bert"
kind = "pretrain"
dtype = "float32"
vocabulary = 300
phases = [{steps = 2, batch_size = 4, sequence_length = 16}]
[model]
family = "bert"
[model.config]
hidden_size = 16
num_hidden_layers = 2
num_attention_heads = 2
intermediate_size = 32
initializer_range = 0.3
"""

STUDENT = """
name = "student"
kind = "distil"
teacher = "teacher.toml"
seed = 3
dtype = "float32"
learning_rate = {rate}
phases = [
  {{steps = 6, batch_size = 4, sequence_length = 16}},
  {{steps = 3, batch_size = 4, sequence_length = 24}},
]
[model]
family = "distilbert"
config = {{n_layers = 1}}
[losses]
{losses}
[teacher_cache]
{cache}
"""
EXACT = 'passes = 3\ntop_k = 1000\ndtype = "float32"'
USUAL = "passes = 3\ntop_k = 8"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a teacher that was trained once."""
    place = tmp_path_factory.mktemp("cached")
    (place / "teacher.toml").write_text(TEACHER)
    distilled(place, cache="passes = 3\ntop_k = 1")
    shutil.rmtree(place / "run" / "cache" / "teachers")
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of it of one's own."""
    return shutil.copytree(made, tmp_path / "place")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Steps in which the teacher ran."""
    found: list[int] = []
    plain = LiveTeacher.__call__

    def counted(self: Any, batch: Any, step: int, part: int) -> Any:
        found.append(step)
        return plain(self, batch, step, part)

    monkeypatch.setattr(LiveTeacher, "__call__", counted)
    return found


def distilled(place: Path, *, cache: str = USUAL, rate: float = 1e-3, losses: str = "") -> tuple[Result, bytes]:
    """The result of a student's job, and its weights."""
    path = place / "student.toml"
    path.write_text(STUDENT.format(cache=cache, rate=rate, losses=losses))
    prepared = prepare_recipe(path)
    run = RunFolder(place / "run")
    result = None
    for job in prepared.plan.jobs:
        if not run.artefact_path(job.id).is_dir():
            result = execute(job, prepared.lock, run, "test", lambda done, total, note: None)
    assert result is not None
    weights = run.artefact_path(job.id) / "model.safetensors"
    return result, weights.read_bytes() if result.status == "ok" else b""


def values(result: Result) -> dict[str, float]:
    assert result.status == "ok", result.error + result.traceback
    return {value.metric: value.value for value in result.values}


class Stopped(Exception):
    pass


def test_the_teacher_runs_once_for_all_passes_and_all_students(place: Path, calls: list[int]) -> None:
    first, one = distilled(place)
    # Two steps of the first phase and one of the second, the first pass over each; three passes train.
    assert calls == [0, 1, 6]
    second, other = distilled(place, rate=2e-3)
    assert calls == [0, 1, 6]
    assert one != other
    found, later = values(first), values(second)
    assert found["teacher_s"] == found["teacher_cache_fill_s"] == later["teacher_cache_fill_s"] > 0
    assert later["teacher_s"] == 0
    # 8 sequences of 16 and 4 of 24 tokens, each token 8 classes (2 bytes of id and of logarithm), tail and 16 states.
    tokens = 8 * 16 + 4 * 24
    assert found["teacher_cache_gb"] > tokens * (8 * 4 + 4 + 16 * 2) / 1e9
    files = [path for path in (place / "run" / "cache" / "teachers").rglob("*") if path.suffix != ".json"]
    assert found["teacher_cache_gb"] == sum(path.stat().st_size for path in files if path.is_file()) / 1e9
    assert 0 < found["teacher_tail_mass"] < 1
    assert 0 <= found["missed_kl"] <= found["missed_kl_bound"]
    assert found["missed_kl"] <= found["full_kl"]
    card = next((place / "run" / "artefacts").glob("*/README.md"), None)
    assert card is not None


def test_all_that_decides_what_is_kept_has_files_of_its_own(place: Path, calls: list[int]) -> None:
    for changes in ({}, {"cache": USUAL + "\nhidden = false", "losses": "cos = 0"}, {"cache": "passes = 3\ntop_k = 9"}):
        calls.clear()
        result, _ = distilled(place, **changes)
        assert values(result)["teacher_s"] > 0
        assert calls == [0, 1, 6]


def test_with_all_classes_it_is_training_without_a_cache_on_the_same_batches(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached, _ = distilled(place, cache=EXACT)
    # The same steps, and the teacher at each of them.
    monkeypatch.setattr(CachedTeacher, "__call__", lambda self, batch, step, part: self.live(batch, step, part))
    plain, _ = distilled(place, cache=EXACT, rate=1.0000001e-3)
    assert values(cached)["teacher_tail_mass"] == 0
    assert values(cached)["missed_kl"] == pytest.approx(0, abs=1e-9)
    for name, terms in plain.samples["curve"]["terms"].items():
        assert cached.samples["curve"]["terms"][name] == pytest.approx(terms, rel=1e-3, abs=2e-6), name


@pytest.mark.parametrize("stop_at", [1, 3, 7])
def test_a_run_that_was_killed_ends_with_the_same_bits(
    place: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: list[int], stop_at: int
) -> None:
    whole, expected = distilled(place)
    shutil.rmtree(place)
    shutil.copytree(made, place)
    monkeypatch.setitem(loop.LoopSettings.__init__.__kwdefaults__, "checkpoint_every", -1.0)
    plain = loop._Training._step

    def stopping(self: Any, step: int, *rest: Any) -> None:
        plain(self, step, *rest)
        if step == stop_at:
            raise Stopped

    monkeypatch.setattr(loop._Training, "_step", stopping)
    calls.clear()
    broken, _ = distilled(place)
    assert broken.status == "failed"
    monkeypatch.setattr(loop._Training, "_step", plain)
    resumed, found = distilled(place)
    assert found == expected
    assert sorted(calls) == [0, 1, 6]
    assert values(resumed)["teacher_s"] > 0
    assert values(resumed)["missed_kl"] == values(whole)["missed_kl"]


@pytest.mark.parametrize("damage", ["flipped", "cut", "described"])
def test_damaged_files_are_found_and_filled_anew(place: Path, calls: list[int], damage: str) -> None:
    _, expected = distilled(place)
    (folder,) = (place / "run" / "cache" / "teachers").iterdir()
    shutil.rmtree(place / "run" / "artefacts" / next_to_last(place))
    rows = folder / "phase1.rows"
    if damage == "described":
        (folder / "about.json").write_text("{}")
    elif damage == "cut":
        rows.write_bytes(rows.read_bytes()[:-1])
    else:
        data = bytearray(rows.read_bytes())
        data[-1] ^= 1
        rows.write_bytes(data)
    calls.clear()
    result, found = distilled(place)
    assert found == expected
    # The last record is of the second step; without right sizes or description nothing counts.
    assert calls == ([1] if damage == "flipped" else [0, 1, 6])
    assert "damaged" in result.provenance["notes"][0]


def next_to_last(place: Path) -> str:
    """The folder of the student, made after its teacher's."""
    return max((place / "run" / "artefacts").iterdir(), key=lambda path: path.stat().st_mtime).name


def test_a_disk_without_room_is_told_before_anything_is_trained(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(place)._replace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)
    result, _ = distilled(place)
    assert result.status == "failed"
    assert "the teacher cache takes 0.00 GB, and 0.00 GB are free" in result.error
    assert "lower teacher_cache.top_k" in result.error


def test_numbers_too_large_for_half_precision_are_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = LiveTeacher.__call__

    def large(self: Any, batch: Any, step: int, part: int) -> Any:
        told = plain(self, batch, step, part)
        return replace(told, hidden=told.hidden * 1e6)

    monkeypatch.setattr(LiveTeacher, "__call__", large)
    result, _ = distilled(place)
    assert result.status == "failed"
    assert 'set teacher_cache.dtype = "float32"' in result.error
