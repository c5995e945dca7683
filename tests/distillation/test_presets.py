"""Every preset on teachers and students of every family: it trains, or says in one line why it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from transformers import AutoConfig, AutoModelForMaskedLM

from benchbert import registry
from benchbert.cli.main import cli
from benchbert.distillation.rehearsal import rehearse
from benchbert.errors import BenchbertError, SuiteError, TrainingError, UnknownNameError
from benchbert.execution.preset_recipe import PresetWishes, write_preset_recipe
from benchbert.execution.session import prepare_recipe, run_prepared
from benchbert.models.adapter import adapter_for
from benchbert.preset_files import find_preset, preset_files
from benchbert.recipe import read_recipe
from benchbert.store.context import JobContext
from benchbert.store.files import RunFolder
from benchbert.training.wordpiece import train_wordpiece

LINES = [f"the {n} cats of house {n * n} sat on a mat near {n + 7} birds" for n in range(500)]

SHAPES: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 48},
    "bert-narrow": {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48},
    "bert-few-heads": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48},
    "bert-deep": {"hidden_size": 32, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 48},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48},
    "distilbert-narrow": {"dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 48},
    "albert": {
        "embedding_size": 16,
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 48,
    },
    "mobilebert": {
        "embedding_size": 32,
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "intra_bottleneck_size": 16,
        "num_feedforward_networks": 2,
    },
}
TEACHERS = ("bert", "distilbert", "albert", "mobilebert")


def of(shape: str, *names: str) -> int:
    return next(SHAPES[shape][name] for name in names if name in SHAPES[shape])


def reasons(preset: str, teacher: str, student: str) -> set[str]:
    """What keeps a pair apart, from the papers: words of which one must be in the error; nothing: it is served."""
    found = set()
    depth, heads = ("num_hidden_layers", "n_layers"), ("num_attention_heads", "n_heads")
    width, embedded = ("hidden_size", "dim"), ("embedding_size", "hidden_size", "dim")
    takes_layers = preset in {"distilbert", "pkd"}
    if takes_layers and (teacher != "bert" or student.partition("-")[0] not in {"bert", "distilbert"}):
        found.add("cannot start from")
    if of(student, *depth) > of(teacher, *depth):
        found.add(f"a student of {of(student, *depth)} layers cannot start from a teacher of {of(teacher, *depth)}")
    if preset in {"tinybert", "minilm", "mobilebert"} and of(student, *heads) != of(teacher, *heads):
        found.add(f"the student has {of(student, *heads)} heads, the teacher {of(teacher, *heads)}")
    if (takes_layers or preset == "mobilebert") and of(student, *width) != of(teacher, *width):
        found |= {"compares hidden states of one width", "give the student the teacher's widths"}
    if preset == "mobilebert" and of(student, *embedded) != of(teacher, *embedded):
        found.add("the student's word_embeddings does not fit the teacher's")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Teachers of one vocabulary, and a text."""
    place = tmp_path_factory.mktemp("presets")
    (place / "text.txt").write_text("\n".join(LINES))
    tokenizer = train_wordpiece(LINES, vocabulary=120, max_length=64)
    for family in TEACHERS:
        torch.manual_seed(0)
        config = AutoConfig.for_model(
            family, vocab_size=len(tokenizer), pad_token_id=0, max_position_embeddings=64, **SHAPES[family]
        )
        AutoModelForMaskedLM.from_config(config).save_pretrained(place / family)
        tokenizer.save_pretrained(place / family)
    return place


def phases(preset: str) -> str:
    """The preset's own, on short batches."""
    text = find_preset(preset).read_text().split("phases = [")[1].split("\n[")[0]
    return "phases = [" + text.replace("= 32, sequence_length = 128", "= 2, sequence_length = 16")


def tried(folder: Path, preset: str, teacher: str, student: str) -> str:
    """Trains some steps of a recipe that extends the preset; why it could not, or nothing."""
    family = student.partition("-")[0]
    path = folder / "mine.toml"
    path.write_text(
        f'extends = "preset:{preset}"\nname = "mine"\nteacher = "./{teacher}"\ncorpus = "./text.txt"\n'
        f'{phases(preset)}\n[model]\nfamily = "{family}"\n[model.config]\n'
        + "\n".join(f"{key} = {value}" for key, value in SHAPES[student].items())
    )
    prepared = prepare_recipe(path, out=folder / "run")
    (job,) = prepared.plan.jobs
    try:
        found = rehearse(JobContext(job=job, lock=prepared.lock, folder=RunFolder(folder / "run")), 0.02)
    except BenchbertError as error:
        return str(error)
    assert found.seconds[0] is not None
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("preset", sorted(preset_files()))
@pytest.mark.parametrize("teacher", TEACHERS)
def test_a_preset_serves_a_pair_or_says_why_not(folder: Path, preset: str, teacher: str) -> None:
    for student in SHAPES:
        why, expected = tried(folder, preset, teacher, student), reasons(preset, teacher, student)
        assert bool(why) == bool(expected), f"{teacher} to {student}: {why or 'it trains'}, expected {expected}"
        assert not expected or any(reason in why for reason in expected), f"{teacher} to {student}: {why}"


def test_the_presets_are_those_of_the_papers() -> None:
    assert set(preset_files()) == {"distilbert", "tinybert", "mobilebert", "minilm", "minilmv2", "pkd"}
    for name, path in preset_files().items():
        text = path.read_text()
        assert "arXiv" in text, f"{name} names its paper"
        assert not any(key in text for key in ("teacher =", "corpus =", "name =")), f"{name} is for any pair"


@pytest.mark.parametrize("preset", sorted(preset_files()))
def test_a_recipe_fills_in_what_a_preset_leaves_open(tmp_path: Path, preset: str) -> None:
    path = write_preset_recipe(PresetWishes(preset=preset, teacher="bert-tiny", layers=2), tmp_path)
    made = read_recipe(path)
    assert (made.kind, made.teacher, made.name) == ("distil", "bert-tiny", f"{preset}-2l-of-bert-tiny")
    assert made.model.config == {"n_layers" if preset == "distilbert" else "num_hidden_layers": 2}
    path.write_text(f'extends = "preset:{preset}"\nteacher = "bert-tiny"')
    with pytest.raises(SuiteError, match="needs a name of its own"):
        read_recipe(path)


def test_a_registered_student_lends_its_shape(tmp_path: Path) -> None:
    path = write_preset_recipe(
        PresetWishes(preset="tinybert", teacher="bert-base-uncased", student="tinybert-4l-312"), tmp_path
    )
    made = read_recipe(path)
    assert made.model.family == "bert"
    assert (made.model.config["num_hidden_layers"], made.model.config["hidden_size"]) == (4, 312)
    assert "vocab_size" not in made.model.config


@pytest.mark.parametrize("student", sorted(registry.entries("models")))
def test_every_registered_shape_can_be_asked_for(tmp_path: Path, student: str) -> None:
    made = read_recipe(
        write_preset_recipe(PresetWishes(preset="minilmv2", teacher="bert-base-uncased", student=student), tmp_path)
    )
    spec = registry.find("models", student)
    assert adapter_for(made.model.family).executed_layers(made.model.config | {"vocab_size": 9}) == adapter_for(
        spec.family
    ).executed_layers(spec.config)


def test_a_teacher_is_a_recipe_or_a_folder_or_a_registered_model(tmp_path: Path) -> None:
    by_name = read_recipe(write_preset_recipe(PresetWishes(preset="pkd", teacher="mini-bert"), tmp_path))
    assert by_name.teacher.endswith("mini-bert.toml")
    assert by_name.corpus == "builtin/corpus"
    # As many tokens as its teacher, in sequences that its teacher knows.
    teacher = read_recipe(Path(by_name.teacher))
    assert by_name.tokens == pytest.approx(teacher.tokens, rel=0.01)
    assert {phase.sequence_length for phase in by_name.phases} == {64}
    staged = read_recipe(write_preset_recipe(PresetWishes(preset="tinybert", teacher="mini-bert"), tmp_path))
    assert [phase.losses for phase in staged.phases] == [("attention", "hidden"), ("prediction", "mlm")]
    (tmp_path / "saved").mkdir()
    path = write_preset_recipe(PresetWishes(preset="pkd", teacher=str(tmp_path / "saved")), tmp_path)
    (job,) = prepare_recipe(path).plan.jobs
    assert "has no config.json" in job.blocked
    for wishes in (PresetWishes(preset="pkd", teacher="bert-tinny"), PresetWishes(preset="pdk", teacher="bert-tiny")):
        with pytest.raises(UnknownNameError, match="did you mean"):
            write_preset_recipe(wishes, tmp_path)
    (tmp_path / "wrong.toml").write_text('extends = "preset:tinybirt"\nname = "x"\n')
    with pytest.raises(UnknownNameError, match="tinybert"):
        read_recipe(tmp_path / "wrong.toml")


@pytest.mark.slow
def test_a_preset_from_the_command_line_makes_a_model(folder: Path) -> None:
    command = ["distill", "--preset", "minilmv2", "--teacher", str(folder / "bert"), "--layers", "2"]
    command += ["--corpus", str(folder / "text.txt"), "--out", str(folder / "out"), "--dry-run"]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.stdout == "distil.minilmv2-2l-of-bert\n"
    path = write_preset_recipe(
        PresetWishes(preset="minilmv2", teacher=str(folder / "bert"), corpus=str(folder / "text.txt"), layers=2), folder
    )
    context = JobContext(
        job=(long := prepare_recipe(path)).plan.jobs[0], lock=long.lock, folder=RunFolder(folder / "run")
    )
    with pytest.raises(TrainingError, match="sequence_length is 128, and the student has 64 positions"):
        rehearse(context, 0.02)
    path.write_text(f"{phases('minilmv2').replace('8000', '2')}{path.read_text()}")
    prepared = prepare_recipe(path, out=folder / "out")
    assert run_prepared(prepared).failed == {}
    place = folder / "out" / "artefacts" / prepared.plan.jobs[-1].short_id
    assert AutoModelForMaskedLM.from_pretrained(place).config.num_hidden_layers == 2
    assert "| teacher | bert |" in (place / "README.md").read_text()
