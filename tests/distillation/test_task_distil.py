"""Distillation on a task from suite to head: small files of one's own, tiny models, a plan that is carried out."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from benchbert.execution.execute import execute
from benchbert.execution.session import prepare
from benchbert.machine import environment, machine
from benchbert.store.files import RunFolder, write_json
from benchbert.types import Result
from tests.training.killed_job import carry_out

WORDS = ["red", "old", "cat", "dog", "sat", "ran", "the", "sea", "who", "?"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROWS = 24
BOTH = ("finetune", "predict")

HEADS: dict[str, dict[str, Any]] = {
    "classification": {"text": ["text"], "label": "label"},
    "pair": {"text": ["text", "other"], "label": "label"},
    "regression": {"text": ["text", "other"], "label": "score", "head": "regression"},
    "multi_label": {"text": ["text"], "label": "tags", "head": "multi_label"},
    "token_classification": {"text": ["tokens"], "label": "marks", "head": "token_classification"},
    "span": {"text": ["question", "context"], "label": "answers", "head": "span"},
}


def sentence(draws: random.Random, words: int = 5) -> list[str]:
    return [draws.choice(WORDS[:8]) for _ in range(words)]


def row(number: int) -> dict[str, Any]:
    draws = random.Random(number)
    words, other = sentence(draws, draws.randint(3, 7)), sentence(draws)
    context = " ".join(other)
    return {
        "id": f"row-{number}",
        "text": " ".join(words),
        "other": context,
        "label": "warm" if "red" in words else "cold",
        "score": float(len(set(words) & set(other))),
        "tags": sorted({w for w in words if w in {"cat", "dog"}}),
        "tokens": words,
        "marks": ["B-A" if w == "cat" else "O" for w in words],
        "question": f"who {words[0]} ?",
        "context": context,
        "answers": {"text": [other[1]], "answer_start": [len(other[0]) + 1]},
    }


def tokenizer(words: list[str]) -> Any:
    core = Tokenizer(models.WordPiece({t: i for i, t in enumerate([*SPECIAL, *words])}, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, **special)


def save(folder: Path, family: str, words: list[str] = WORDS, auto: str = "AutoModelForMaskedLM") -> None:
    torch.manual_seed(len(family))
    shape = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 24}
    if family == "distilbert":
        shape = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}
    config = transformers.AutoConfig.for_model(
        family, **shape, vocab_size=len(words) + 5, max_position_embeddings=64, initializer_range=0.2
    )
    getattr(transformers, auto).from_config(config).save_pretrained(folder)
    tokenizer(words).save_pretrained(folder)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of models, and of rows for every head."""
    place = tmp_path_factory.mktemp("files")
    for name, first in (("train", 0), ("validation", ROWS)):
        lines = [json.dumps(row(number)) for number in range(first, first + ROWS)]
        (place / f"{name}.jsonl").write_text("\n".join(lines))
    save(place / "bert", "bert")
    save(place / "student", "distilbert")
    save(place / "stranger", "distilbert", WORDS[::-1])
    save(place / "headless", "bert", auto="AutoModel")
    return place


def suite(files: Path, tasks: tuple[str, ...], models: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    entries = [
        {
            "name": name,
            "train": str(files / "train.jsonl"),
            "validation": str(files / "validation.jsonl"),
            **HEADS[name],
        }
        for name in tasks
    ]
    named = [{"name": "bert", "folder": str(files / "bert")}, *models]
    finetune = {"epochs": 2, "batch_size": 4, "max_length": 32, "stride": 4, "dtype": "float32", "device": "cpu"}
    return {"name": "s", "models": named, "tasks": entries, "majority": False, "finetune": finetune} | changes


def student(
    files: Path, how: Any = None, name: str = "student", folder: str = "student", **more: Any
) -> dict[str, Any]:
    table = {"name": name, "folder": str(files / folder), "task_teacher": "bert", **more}
    return table | ({"task_distillation": how} if how is not None else {})


def run(data: dict[str, Any], out: Path, kinds: tuple[str, ...] = ("finetune",)) -> dict[str, Result]:
    """The jobs of these kinds; those stored are passed over."""
    prepared, folder, found = prepare(data, out=out), RunFolder(out), {}
    write_json(out / "lock.json", prepared.lock)
    for job in prepared.plan.jobs:
        if job.kind in kinds:
            stored = folder.stored(job, machine().id, environment().id)
            found[job.slug] = stored or execute(job, prepared.lock, folder, "run", lambda *told: None)
    return found


def weights(out: Path, result: Result) -> bytes:
    return (out / result.artefacts[0].path / "model.safetensors").read_bytes()


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of folders get all cores of the machine, and threads that fight for them are far slower than one."""
    monkeypatch.setattr("benchbert.resolve.visible_cores", lambda: 1)


# --- from suite to scores -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "heads", "terms"),
    [
        ("distilbert", tuple(HEADS), {"labels", "logits", "loss"}),
        ("tinybert", ("pair", "span", "token_classification"), {"attention", "hidden", "logits", "loss"}),
        ("pkd", ("classification", "regression"), {"labels", "logits", "pkd", "loss"}),
    ],
)
def test_a_method_teaches_heads(
    files: Path, tmp_path: Path, method: str, heads: tuple[str, ...], terms: set[str]
) -> None:
    found = run(suite(files, heads, [student(files, method)]), tmp_path)
    assert {slug: r.error + r.traceback for slug, r in found.items() if r.status != "ok"} == {}
    for head in heads:
        result = found[f"finetune.student.{head}.s1"]
        assert result.samples["curve"]["terms"].keys() == terms
        assert result.samples["curve"]["steps"][-1] == 12
        assert result.provenance["task_teacher"] == "bert"
        assert result.provenance["distilled_on_task"].startswith("distilled on the task from bert (")
        assert "distilled_on_task" not in found[f"finetune.bert.{head}.s1"].provenance


def test_a_head_is_an_ordinary_model(files: Path, tmp_path: Path) -> None:
    found = run(suite(files, ("pair",), [student(files)]), tmp_path, BOTH)
    assert found["predict.student.pair.s1"].provenance["task_teacher"] == "bert"
    place = tmp_path / found["finetune.student.pair.s1"].artefacts[0].path
    model, report = transformers.AutoModelForSequenceClassification.from_pretrained(place, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert model.config.id2label == {0: "cold", 1: "warm"}


def test_a_teacher_draws_its_student_to_its_own_answers(files: Path, tmp_path: Path) -> None:
    """Learning from the teacher's outputs alone ends nearer to them than learning from labels."""
    how = {"labels": 0.0, "logits": 1.0}
    plain = {"name": "plain", "folder": str(files / "student"), "control_of": "student"}
    finetune = suite(files, (), [])["finetune"] | {"epochs": 20, "learning_rate": 2e-3}
    data = suite(files, ("regression",), [student(files, how), plain], finetune=finetune)
    found = run(data, tmp_path, BOTH)

    def outputs(name: str) -> torch.Tensor:
        place = tmp_path / found[f"finetune.{name}.regression.s1"].artefacts[0].path
        model = transformers.AutoModelForSequenceClassification.from_pretrained(place).eval()
        rows = [row(number) for number in range(ROWS)]
        texts = [[r[column] for r in rows] for column in ("text", "other")]
        encoded = tokenizer(WORDS)(*texts, padding=True, return_tensors="pt")
        if name != "bert":
            encoded.pop("token_type_ids", None)
        with torch.no_grad():
            return model(**encoded).logits[:, 0]

    teacher = outputs("bert")
    errors = {name: float(((outputs(name) - teacher) ** 2).mean()) for name in ("student", "plain")}
    assert errors["student"] < errors["plain"]
    assert found["predict.plain.regression.s1"].provenance["control_of"] == "student"


@pytest.mark.slow
def test_squad_and_glue_in_miniature(tmp_path: Path) -> None:
    for name, family in (("bert", "bert"), ("student", "distilbert")):
        save(
            tmp_path / name,
            family,
            [*WORDS, *"abcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnopqrst")],
        )
    data = suite(tmp_path, (), [student(tmp_path), student(tmp_path, "tinybert", name="tiny")])
    data |= {"tasks": ["builtin/glue/mnli", "builtin/glue/ax", "builtin/squad"]}
    data["finetune"] |= {"epochs": 0.01, "max_length": 64}
    found = run(data, tmp_path / "out", BOTH)
    assert {slug: r.error for slug, r in found.items() if r.status != "ok"} == {}
    assert "finetune.tiny.builtin-squad.s1" in found
    assert found["predict.tiny.builtin-glue-ax.s1"].job.inputs == {
        "head": found["finetune.tiny.builtin-glue-mnli.s1"].job.id
    }


# --- other tokens ---------------------------------------------------------------------------------------------------


def test_outputs_of_whole_sequences_are_learnt_over_another_vocabulary(files: Path, tmp_path: Path) -> None:
    found = run(suite(files, ("pair", "regression"), [student(files, folder="stranger")]), tmp_path)
    assert {r.status for r in found.values()} == {"ok"}


@pytest.mark.parametrize(("head", "how", "told"), [("pair", "tinybert", "attention"), ("span", None, "logits")])
def test_what_stands_at_places_needs_the_same_tokens(
    files: Path, tmp_path: Path, head: str, how: Any, told: str
) -> None:
    found = run(suite(files, (head,), [student(files, how, folder="stranger")]), tmp_path)
    error = found[f"finetune.student.{head}.s1"].error
    assert "student and its task teacher bert read row 0 of the training split as other tokens" in error
    assert f"and {told} is compared token by token" in error


# --- more sentences -------------------------------------------------------------------------------------------------


def augmented(files: Path, **changes: Any) -> dict[str, Any]:
    how = {"augment": {"copies": 3, "candidates": 4}}
    finetune = suite(files, (), [])["finetune"] | {"epochs": 1}
    return suite(files, ("pair", "span"), [student(files, how)], finetune=finetune) | changes


def test_copies_are_trained_on_and_kept_for_the_next_seed(files: Path, tmp_path: Path) -> None:
    found = run(augmented(files), tmp_path)
    result = found["finetune.student.pair.s1"]
    assert result.status == "ok", result.error + result.traceback
    assert result.provenance["training_rows"] == ROWS * 4
    assert result.samples["curve"]["steps"][-1] == ROWS * 4 / 4
    assert "3 more copies of each example" in result.provenance["distilled_on_task"]
    # Labels of spans stand at places in the text.
    span = found["finetune.student.span.s1"]
    assert span.provenance["training_rows"] == ROWS
    assert "copies" not in span.provenance["distilled_on_task"]
    (kept,) = (tmp_path / "cache" / "augmented").glob("*.parquet")
    before = kept.read_bytes(), kept.stat().st_mtime_ns
    other = run(augmented(files, seeds=[2]), tmp_path)["finetune.student.pair.s2"]
    assert other.status == "ok"
    assert (kept.read_bytes(), kept.stat().st_mtime_ns) == before


def test_damaged_copies_are_made_anew_and_are_the_same(files: Path, tmp_path: Path) -> None:
    first = run(augmented(files), tmp_path / "one")["finetune.student.pair.s1"]
    run(augmented(files, seeds=[3]), tmp_path / "two")
    (kept,) = (tmp_path / "two" / "cache" / "augmented").glob("*.parquet")
    kept.write_bytes(kept.read_bytes()[:-100])
    again = run(augmented(files), tmp_path / "two")["finetune.student.pair.s1"]
    assert weights(tmp_path / "one", first) == weights(tmp_path / "two", again)


def test_a_teacher_without_its_masked_lm_head_makes_no_copies(files: Path, tmp_path: Path) -> None:
    data = augmented(files)
    data["models"][0] = {"name": "bert", "folder": str(files / "headless")}
    error = run(data, tmp_path)["finetune.student.pair.s1"].error
    assert "'bert' has no masked-LM head" in error


# --- killed ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 1])
def test_killed_in_either_stage_it_ends_with_the_same_weights(files: Path, tmp_path: Path, stage: int) -> None:
    stages = [{"share": 1 / 3, "losses": ["hidden", "attention"]}, {"share": 2 / 3, "losses": ["logits"]}]
    how = {"method": "tinybert", "stages": stages}
    data = suite(files, ("pair",), [student(files, how)])
    path = tmp_path / "suite.json"
    path.write_text(json.dumps(data))
    whole = carry_out(prepare(data, out=tmp_path / "whole"), ("finetune",))["finetune.student.pair.s1"]
    out = tmp_path / "out"
    draw = random.Random()
    # Stages of 4 and 8 steps: a number from 4 on is met in the second alone.
    moment = (draw.randrange(4) if stage == 0 else draw.randrange(4, 8), draw.uniform(0, 25))
    program = (
        "import json, os, signal, sys; from pathlib import Path; from tests.training import killed_job as k;"
        "from benchbert import resolve; resolve.visible_cores = lambda: 1;"
        "from benchbert.execution.session import prepare; s, o, n, m = sys.argv[1:];"
        "k.kill_in('finetune.student.pair.s1', int(n), float(m));"
        "k.carry_out(prepare(json.loads(Path(s).read_text()), out=Path(o)), ('finetune',));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path), str(out), *map(str, moment)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    resumed = carry_out(prepare(data, out=out), ("finetune",))["finetune.student.pair.s1"]
    assert resumed.status == "ok", (moment, resumed.error)
    assert weights(out, resumed) == weights(tmp_path / "whole", whole), moment
    assert resumed.samples["curve"] == whole.samples["curve"], moment
    assert not list(out.glob("artefacts/*.work"))
