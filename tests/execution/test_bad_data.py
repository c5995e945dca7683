"""Rows and weights that are not what a task says fail their own job with the row, and leave no score and no file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from safetensors.torch import load_file, save_file

from benchbert import registry
from benchbert.execution.execute import execute
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.files import RunFolder
from benchbert.suite import suite_from
from benchbert.types import Job, Result

from .made_up_glue import make_mirror, make_model

STSB = Path("nyu-mll/glue/stsb/validation-0.parquet")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    make_mirror(tmp_path / "mirror")
    make_model(tmp_path / "model")
    return tmp_path


def job_of(place: Path) -> tuple[Job, Any]:
    models = [{"name": "m", "folder": str(place / "model")}]
    suite = suite_from({"name": "s", "models": models, "tasks": ["glue/stsb"], "finetune": False, "majority": False})
    lock = resolve(suite, folder=place, mirror=place / "mirror")
    (job,) = make_plan(suite, lock).jobs
    return job, lock


def scored(place: Path) -> Result:
    job, lock = job_of(place)
    return execute(job, lock, RunFolder(place / "run"), "r", lambda done, total, note: None)


def rewritten(place: Path, change: Callable[[pa.Table], pa.Table], splits: str = "validation") -> None:
    for path in (place / "mirror" / STSB).parent.glob(f"{splits}-0.parquet"):
        parquet.write_table(change(parquet.read_table(path)), path)


def column(name: str, row: int, value: Any) -> Callable[[pa.Table], pa.Table]:
    """Puts one value into a cell."""

    def change(table: pa.Table) -> pa.Table:
        cells = table[name].to_pylist()
        cells[row] = value
        return table.set_column(table.column_names.index(name), name, pa.array(cells, table.schema.field(name).type))

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (column("label", 4, None), "row 4 has the label None: it must be a number"),
        (column("label", 4, float("nan")), "row 4 has the label nan: it must be a number"),
        (column("label", 2, -1.0), "row 2 has no label (-1)"),
        (column("sentence1", 3, None), "row 3 has None in column 'sentence1' where a text must be"),
        (column("idx", 5, 1), "rows 0 and 5 both have idx 1"),
    ],
)
def test_rows_that_are_not_the_tasks_are_named(place: Path, change: Callable[[pa.Table], pa.Table], says: str) -> None:
    assert scored(place).status == "ok"
    (place / "run").rename(place / "before")
    rewritten(place, change)
    result = scored(place)
    assert (result.status, result.values) == ("failed", ())
    assert says in result.error
    assert "glue/stsb" in result.error
    assert not list((place / "run").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("name", "kept"), [("sentence2", "sentence1, label, idx"), ("label", "sentence1, sentence2, idx")]
)
def test_a_column_that_is_not_there_is_named_with_those_that_are(place: Path, name: str, kept: str) -> None:
    rewritten(place, lambda table: table.drop_columns([name]), "*")
    result = scored(place)
    assert (result.status, result.values) == ("failed", ())
    assert f"no column '{name}' (it has {kept}): mend the data files" in result.error


def test_text_in_another_encoding_is_refused(place: Path) -> None:
    root = place / "mirror" / "nyu-mll" / "glue"
    shutil.rmtree(root)
    (root / "stsb").mkdir(parents=True)
    card = ["---", "configs:", "- config_name: stsb", "  data_files:"]
    for split in ("train", "validation", "test"):
        rows = "sentence1,sentence2,label,idx\na caf\u00e9,b,1.0,0\n"
        (root / "stsb" / f"{split}.csv").write_bytes(rows.encode("latin-1"))
        card.append(f"  - {{split: {split}, path: stsb/{split}.csv}}")
    (root / "README.md").write_text("\n".join([*card, "---", ""]))
    result = scored(place)
    assert (result.status, result.values) == ("failed", ())
    assert "glue/stsb" in result.error
    assert "utf-8" in result.error.lower()
    assert "fetch it again" in result.error


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_outputs_that_are_no_numbers_are_told_by_the_id_and_never_scored(place: Path, value: float) -> None:
    path = place / "model" / "model.safetensors"
    weights = load_file(path)
    weights["classifier.bias"].fill_(value)
    save_file(weights, path, metadata={"format": "pt"})
    result = scored(place)
    assert (result.status, result.values) == ("failed", ())
    assert "id '1'" in result.error
    assert not list((place / "run").rglob("*.parquet"))


def test_predictions_say_their_task_and_another_version_is_another_job(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = job_of(place)
    result = scored(place)
    stamp = parquet.read_schema(place / "run" / result.artefacts[0].path).metadata[b"benchbert"]
    assert stamp == b'{"task": "glue/stsb", "version": 1}'
    known = registry.entries("tasks")
    monkeypatch.setitem(known, "glue/stsb", replace(known["glue/stsb"], version=2))
    newer, _ = job_of(place)
    assert newer.id != job.id
