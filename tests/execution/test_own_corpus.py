"""A recipe on files of the user's own, from the recipe to the model; and one that is changed while it is under way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchbert.errors import StoreError, SuiteError
from benchbert.execution.session import prepare_recipe, run_prepared
from benchbert.recipe import read_recipe
from benchbert.store.context import JobContext
from benchbert.store.files import RunFolder, write_json
from benchbert.store.unfinished import CHECKPOINT, Unfinished, read_unfinished
from tests.execution.conftest import TEACHER

SENTENCES = ["The dog sleeps near the old house.", "A small river runs there.", "Nobody has seen the lamp since."]


def recipe(folder: Path, more: str = 'corpus = "./texts"\n', name: str = "mine") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(more + TEACHER.replace("vocabulary = 400", "vocabulary = 120"))
    return path


def texts(folder: Path, name: str = "texts/a.txt", count: int = 600) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(" ".join(SENTENCES[: 2 + i % 2]) + "\n\n" for i in range(count)))
    return path


def made(path: Path, out: Path) -> tuple[Path, dict[str, object]]:
    """Folder of the model, and the result."""
    prepared = prepare_recipe(path, out=out)
    tally = run_prepared(prepared)
    assert tally.failed == {}
    (result,) = (out / "results").glob("*.json")
    return out / "artefacts" / prepared.plan.jobs[-1].short_id, json.loads(result.read_text())


def test_a_folder_of_texts_makes_a_model(tmp_path: Path) -> None:
    texts(tmp_path)
    folder, _ = made(recipe(tmp_path), tmp_path / "out")
    card = (folder / "README.md").read_text()
    assert "| corpus | files/texts@" in card
    assert "(600 documents; 600 empty left out, 0 too long and cut)" in card
    assert (folder / "model.safetensors").is_file()


def test_the_place_of_the_files_does_not_change_the_job(tmp_path: Path) -> None:
    ids = []
    for name in ("one", "two"):
        texts(tmp_path / name)
        ids.append(prepare_recipe(recipe(tmp_path / name), out=tmp_path / "out").plan.jobs[0].id)
    (tmp_path / "one" / "deeper").mkdir()
    above = tmp_path / "one" / "deeper" / "more.toml"
    above.write_text('extends = "../mine.toml"\nname = "tiny-bert"')
    ids.append(prepare_recipe(above, out=tmp_path / "out").plan.jobs[0].id)
    assert len(set(ids)) == 1


def test_a_file_that_cannot_be_read_blocks_the_job_with_its_reason(tmp_path: Path) -> None:
    texts(tmp_path).write_bytes(b"fine\nnot \xff fine\n")
    (job,) = prepare_recipe(recipe(tmp_path), out=tmp_path / "out").plan.jobs
    assert "a.txt, line 2: not UTF-8 (byte 9 of the file)" in job.blocked


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('corpus = "novels.txt"\n', r"write './novels\.txt' for a file"),
        ('corpus = "org/books"\ncorpus_documents = "paragraphs"\n', "corpus_documents: only for text files"),
        ('corpus = ""\n', "corpus: should be a dataset or a path"),
        ('corpus = "./a"\ncorpus_documents = "pages"\n', "corpus_documents: should be"),
    ],
)
def test_what_a_recipe_may_not_say_of_its_corpus(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        read_recipe(recipe(tmp_path, more))


def test_a_recipe_changed_while_it_was_under_way_is_refused_with_what_differs(tmp_path: Path) -> None:
    texts(tmp_path)
    path, out = recipe(tmp_path), tmp_path / "out"
    prepared = prepare_recipe(path, out=out)
    (job,) = prepared.plan.jobs
    folder = RunFolder(out)
    work = folder.work_path(job.id)
    about = JobContext(job=job, lock=prepared.lock, folder=folder).about
    write_json(work / "checkpoint.json", Unfinished(owner=job.id, step=500, steps=1_000, seconds=7_200.0, about=about))
    (work / CHECKPOINT).write_bytes(b"hours of work")
    path.write_text(path.read_text().replace("steps = 6", "steps = 7") + "[masking]\nshare = 0.2\n")
    with pytest.raises(StoreError) as caught:
        run_prepared(prepare_recipe(path, out=out))
    said = str(caught.value)
    assert "pretrain.tiny-bert, step 500 of 1000 after 7200 s, of another recipe" in said
    assert "phases[0].steps: 6 there, 7 here" in said
    assert "masking.share: 0.15 there, 0.2 here" in said
    assert said.count(" there, ") == 2
    assert (work / CHECKPOINT).read_bytes() == b"hours of work"
    assert read_unfinished(work) is not None


def test_an_unfinished_recipe_that_is_not_asked_for_now_is_left_alone(tmp_path: Path) -> None:
    texts(tmp_path)
    out = tmp_path / "out"
    for name, kind in (("aaaaaaaaaaaa", "distil"), ("bbbbbbbbbbbb", "finetune")):
        about = {"kind": kind, "job": f"{kind}.other"}
        work = RunFolder(out).work_path(name)
        write_json(work / "checkpoint.json", Unfinished(owner=name, step=1, steps=2, seconds=9.0, about=about))
        (work / CHECKPOINT).write_bytes(b"")
    half = RunFolder(out).work_path("cccccccccccc")
    half.mkdir()
    made(recipe(tmp_path), out)
    assert [path.name for path in out.glob("artefacts/*.work")] == ["aaaaaaaaaaaa.work"]
