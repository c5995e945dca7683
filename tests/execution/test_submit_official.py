"""A submission with all of GLUE's official test rows, from stored predictions to a zip that is checked."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pytest
from pyarrow import parquet

from benchbert.execution.execute import execute
from benchbert.execution.submit import submit
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.context import JobContext, Outcome
from benchbert.store.files import RunFolder, write_json
from benchbert.suite import suite_from
from benchbert.tasks.data import load_split
from benchbert.tasks.heads import decode
from benchbert.tasks.submission_check import validate_submission
from benchbert.training import predict

from .made_up_glue import make_mirror, make_model

OFFICIAL = {
    "CoLA.tsv": 1_063,
    "SST-2.tsv": 1_821,
    "MRPC.tsv": 1_725,
    "STS-B.tsv": 1_379,
    "QQP.tsv": 390_965,
    "MNLI-m.tsv": 9_796,
    "MNLI-mm.tsv": 9_847,
    "QNLI.tsv": 5_463,
    "RTE.tsv": 3_000,
    "WNLI.tsv": 146,
    "AX.tsv": 1_104,
}


def say_anything(context: JobContext) -> Outcome:
    """In place of a model: logits drawn at random, decoded and stored as a run does it."""
    task = context.task
    for split in context.job.spec["splits"]:
        rows = load_split(context.dataset(task.dataset.key), split)
        logits = np.random.default_rng(len(rows)).normal(2.5, 3, (len(rows), len(task.labels) or 1))
        table = decode(task, None, rows, {"logits": logits.astype(np.float32)})  # type: ignore[arg-type]
        path = context.folder.predictions_path(context.job, split)
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, path)
    return Outcome()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run folder with heads of a tiny model, and its submission."""
    folder = tmp_path_factory.mktemp("official")
    mirror = make_mirror(folder / "mirror", official=True)
    make_model(folder / "model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")
        patch.setattr(predict, "run", say_anything)
        finetune = {"epochs": 1, "batch_size": 8, "max_length": 48, "dtype": "float32", "device": "cpu"}
        models = [{"name": "tiny", "folder": str(folder / "model")}]
        data = {"name": "s", "models": models, "tasks": ["glue/*"], "finetune": finetune, "majority": False}
        suite = suite_from(data)
        lock = resolve(suite, folder=folder, mirror=mirror)
        run = RunFolder(folder / "run")
        write_json(run.path / "lock.json", lock)
        for job in make_plan(suite, lock).jobs:
            result = execute(job, lock, run, "r", lambda done, total, note: None)
            assert result.status == "ok", result.traceback or result.error
        made = submit(run.path, folder / "glue.zip")
        assert dict(made.rows) == OFFICIAL
        assert made.predicted == len(OFFICIAL) - 1  # the run itself predicted the diagnostics
        assert submit(run.path, folder / "again.zip").predicted == 0
    return folder, made.path


def test_every_official_row_is_there_and_the_bytes_are_the_same_again(written: tuple[Path, Path]) -> None:
    folder, path = written
    assert validate_submission(path) == ()
    assert path.read_bytes() == (folder / "again.zip").read_bytes()
    with zipfile.ZipFile(path) as archive:
        for name, rows in OFFICIAL.items():
            lines = archive.read(name).decode().split("\n")
            assert lines[0] == "index\tprediction"
            assert lines[-1] == ""
            assert [line.partition("\t")[0] for line in lines[1:-1]] == [str(row) for row in range(rows)]


def qqp(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    """The lines of a file, without the header, changed."""
    return lambda text: "\n".join([(lines := text.split("\n"))[0], *change(lines[1:-1]), ""])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            qqp(lambda lines: lines[:-1]),
            [
                "QQP.tsv: 390,964 rows, the official number is 390,965: give one for every row of the split",
                "QQP.tsv: no row has the index 390964",
            ],
        ),
        (
            qqp(lambda lines: [*lines[:-1], lines[0]]),
            [
                "QQP.tsv, line 390966: index 0 stands there again",
                "QQP.tsv: no row has the index 390964",
                "QQP.tsv, line 390966: index 0 stands after a higher one: sort the rows",
            ],
        ),
        (
            qqp(lambda lines: [line.partition("\t")[0] + "\tmaybe" for line in lines]),
            ["QQP.tsv, line 2: the prediction 'maybe' is unknown (390,965 such in all): use 0, 1"],
        ),
        (
            qqp(lambda lines: [*lines[:200_000], lines[200_000].replace("\t", " "), *lines[200_001:]]),
            [
                "QQP.tsv, line 200002: 1 field where a tab must part index and prediction",
                "QQP.tsv: no row has the index 200000",
            ],
        ),
    ],
)
def test_a_flaw_in_the_longest_file_is_told_by_its_line(
    written: tuple[Path, Path], tmp_path: Path, change: Callable[[str], str], told: list[str]
) -> None:
    with zipfile.ZipFile(written[1]) as good, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for name in OFFICIAL:
            text = good.read(name).decode()
            bad.writestr(name, change(text) if name == "QQP.tsv" else text)
    assert list(validate_submission(tmp_path / "bad.zip")) == told
