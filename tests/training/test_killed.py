"""A process that trains is killed at a random moment; what goes on from it ends with the very same bits."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchbert.execution.session import prepare
from tests.training.killed_job import KINDS, carry_out, kinds_up_to

TEACHER = """
name = "tiny-bert"
kind = "pretrain"
vocabulary = 300
sentences = "nsp"
dtype = "{dtype}"
phases = [
  {{steps = 8, batch_size = 8, sequence_length = 16}},
  {{steps = 6, batch_size = 4, sequence_length = 32, pairs = true}},
]
[model]
family = "bert"
[model.config]
hidden_size = 32
num_hidden_layers = 2
num_attention_heads = 2
intermediate_size = 64
max_position_embeddings = 128
hidden_dropout_prob = 0.2
[masking]
whole_words = true
"""

STUDENT = """
name = "tiny-distilbert"
kind = "distil"
teacher = "teacher.toml"
dtype = "{dtype}"
phases = [{{steps = 14, batch_size = 8, sequence_length = 16}}]
[model]
family = "distilbert"
"""

SUITE = """
name = "tiny"
models = [{{name = "student", recipe = "student.toml"}}]
tasks = ["builtin/glue/stsb"]
majority = false
[finetune]
epochs = 0.2
batch_size = 8
max_length = 32
dtype = "{dtype}"
device = "cpu"
"""

STEPS = 14
"""Steps of the shortest of the jobs."""

pytestmark = pytest.mark.slow


def written(folder: Path, dtype: str) -> Path:
    folder.mkdir(parents=True)
    for name, content in (("teacher", TEACHER), ("student", STUDENT), ("suite", SUITE)):
        (folder / f"{name}.toml").write_text(content.format(dtype=dtype))
    return folder / "suite.toml"


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A suite, and a run of it that nobody killed."""
    suite = written(tmp_path_factory.mktemp("whole") / "files", request.param)
    out = suite.parent.parent / "out"
    results = carry_out(prepare(suite, out=out), KINDS)
    assert {slug: result.error for slug, result in results.items() if result.status != "ok"} == {}
    return suite, out


@pytest.mark.parametrize("kind", KINDS)
def test_killed_and_taken_up_again_it_ends_with_the_same_weights(
    undisturbed: tuple[Path, Path], kind: str, tmp_path: Path
) -> None:
    suite, whole = undisturbed
    draw = random.Random()
    # Also in the first step, and after the last; where it was is told when the test fails.
    moment = (draw.randrange(STEPS), draw.uniform(0, 25))
    out = tmp_path / "out"
    if kind != "pretrain":  # what it stands on is there
        shutil.copytree(whole, out, ignore=lambda place, names: _of_later(Path(place), names, whole, kind))
    arguments = [str(suite), str(out), kind, *map(str, moment)]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.training.killed_job", *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    resumed = carry_out(prepare(suite, out=out), kinds_up_to(kind))
    expected = carry_out(prepare(suite, out=whole), kinds_up_to(kind))
    (slug,) = (slug for slug, result in expected.items() if result.job.kind == kind)
    one, other = resumed[slug], expected[slug]
    assert one.status == "ok", (moment, one.error)
    assert weights(out, one) == weights(whole, other), moment
    assert one.samples["curve"] == other.samples["curve"], moment
    assert not list(out.glob("artefacts/*.work"))


def weights(folder: Path, result) -> bytes:
    return (folder / result.artefacts[0].path / "model.safetensors").read_bytes()


def _of_later(place: Path, names: list[str], whole: Path, kind: str) -> list[str]:
    """Results of the job that is to be killed, and of what stands on it, are not copied."""
    later = KINDS[KINDS.index(kind) :]
    return [name for name in names if place.name == "results" and name.startswith(later)]
