"""What is registered: shapes, sizes, labels, determinism, no leaks, vocabulary."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter

import pytest

from benchbert import registry
from benchbert.errors import DataError
from benchbert.tasks.miniature.datasets import REGISTERED

HASHES = {
    "builtin/glue": ("3", "5b0fff9afc12dbf8505b47b8ba4076868e840d5a7f2583c99e2fddfc67747c30"),
    "builtin/squad": ("2", "5bed4771307e85cf8dcaaab13d1e81798f910802e823cf2a82c7d12dbdf3e1d9"),
    "builtin/squad_v2": ("2", "e4980817250a2d4c16df92497bf2fea040b9fc05f07c0b475ecd2d2d5ac7b107"),
    "builtin/corpus": ("2", "a64b2672876e096a6105293ace3052197f22d7b030c37f4f3f2670f1c3398534"),
}
"""Version and digest of all rows: when a digest changes, raise the version with it, or that of the configuration."""

GLUE_COLUMNS = {
    "cola": ("sentence",),
    "sst2": ("sentence",),
    "mrpc": ("sentence1", "sentence2"),
    "stsb": ("sentence1", "sentence2"),
    "qqp": ("question1", "question2"),
    "mnli": ("premise", "hypothesis"),
    "qnli": ("question", "sentence"),
    "rte": ("sentence1", "sentence2"),
    "wnli": ("sentence1", "sentence2"),
    "ax": ("premise", "hypothesis"),
}
GLUE_LABELS = {
    "cola": ("unacceptable", "acceptable"),
    "sst2": ("negative", "positive"),
    "mrpc": ("not_equivalent", "equivalent"),
    "stsb": (),
    "qqp": ("not_duplicate", "duplicate"),
    "mnli": ("entailment", "neutral", "contradiction"),
    "qnli": ("entailment", "not_entailment"),
    "rte": ("entailment", "not_entailment"),
    "wnli": ("not_entailment", "entailment"),
    "ax": ("entailment", "neutral", "contradiction"),
}
DIGESTS = """
import hashlib
import json
from benchbert.tasks.miniature.datasets import REGISTERED
for data in REGISTERED:
    rows = [data.labelled(c, s) for c, made in data.configs.items() for s in (*made.rows, *made.kept)]
    print(data.name, hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest())
"""


def glue():
    return registry.find("datasets", "builtin/glue")


def digests(hash_seed: str) -> dict[str, str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    run = subprocess.run([sys.executable, "-c", DIGESTS], env=environment, capture_output=True, text=True, check=True)
    return dict(line.split() for line in run.stdout.splitlines())


@pytest.mark.slow
def test_content_is_what_its_version_says_on_any_hash_seed_and_fast():
    start = time.process_time()
    here = {
        data.name: hashlib.sha256(
            json.dumps(
                [data.labelled(c, s) for c, made in data.configs.items() for s in (*made.rows, *made.kept)],
                sort_keys=True,
            ).encode()
        ).hexdigest()
        for data in REGISTERED
    }
    assert time.process_time() - start < 20
    assert {data.name: (data.version, here[data.name]) for data in REGISTERED} == HASHES
    assert digests("1") == here


def test_import_generates_nothing_and_needs_the_standard_library_only():
    code = (
        "import sys; import benchbert.tasks.miniature.datasets as d; assert d._built.cache_info().currsize == 0;"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'numpy', 'torch', 'datasets', 'transformers'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_registry_finds_them():
    assert [n for n in registry.entries("datasets") if n.startswith("builtin/")] == [d.name for d in REGISTERED]


@pytest.mark.parametrize("config", GLUE_COLUMNS)
def test_glue_has_the_hub_s_shape(config):
    data = glue()
    assert data.label_names(config) == GLUE_LABELS[config]
    splits = data.rows[config]
    validation = {"mnli": 2, "ax": 0}.get(config, 1)
    assert sum(s.startswith("validation") for s in splits) == validation
    for split, rows in splits.items():
        columns = data.generate(config, split)
        assert tuple(columns) == (*GLUE_COLUMNS[config], "label", "idx")
        assert {len(values) for values in columns.values()} == {rows}
        assert columns["idx"] == list(range(rows))
        true = data.hidden_labels(config, split)
        if split.startswith("test"):
            assert set(columns["label"]) == {-1}
            assert {type(v) for v in columns["label"]} == {type(true[0])}
        else:
            assert columns["label"] == true
        if config == "stsb":
            assert all(isinstance(v, float) and 0 <= v <= 5 for v in true)
        else:
            assert set(true) == set(range(len(GLUE_LABELS[config])))


@pytest.mark.parametrize("dataset", ["builtin/squad", "builtin/squad_v2"])
def test_squad_has_the_hub_s_shape(dataset):
    data = registry.find("datasets", dataset)
    ids = []
    for split, rows in data.rows[""].items():
        columns = data.generate("", split)
        assert tuple(columns) == ("id", "title", "context", "question", "answers")
        assert {len(values) for values in columns.values()} == {rows}
        assert all(set(answers) == {"text", "answer_start"} for answers in columns["answers"])
        ids += columns["id"]
    assert len(set(ids)) == len(ids)
    assert set(data.rows[""]) == {"train", "validation"}
    assert len(data.labelled("", "test")["id"]) == 500


@pytest.mark.parametrize("dataset", ["builtin/squad", "builtin/squad_v2"])
def test_some_passages_are_longer_than_a_window(dataset):
    for split in ("train", "validation"):
        contexts = registry.find("datasets", dataset).generate("", split)["context"]
        tokens = [len(re.findall(r"\w+|[^\w\s]", context)) for context in contexts]
        assert 0.05 < sum(n > 128 for n in tokens) / len(tokens) < 0.25
        assert any(n > 384 for n in tokens)


@pytest.mark.parametrize("config", [c for c in GLUE_COLUMNS if c != "ax"])
def test_glue_is_balanced_and_leaks_nothing(config):
    data = glue()
    owner: dict[tuple[str, ...], str] = {}
    for split in data.rows[config]:
        columns = data.labelled(config, split)
        if config != "stsb":
            share = max(Counter(columns["label"]).values()) / len(columns["label"])
            assert share <= {"mnli": 0.36}.get(config, 0.601)
        for texts in zip(*(columns[c] for c in GLUE_COLUMNS[config]), strict=True):
            for key in {texts, texts[::-1]}:
                assert key not in owner, (texts, split, owner[key])
            owner |= dict.fromkeys((texts, texts[::-1]), split)


def test_nobody_in_a_split_of_squad_is_in_another():
    for dataset in ("builtin/squad", "builtin/squad_v2"):
        data = registry.find("datasets", dataset)
        names = [
            set(re.findall(r"[A-Z]\w+ [A-Z]\w+(?= )", " ".join(data.labelled("", s)["context"])))
            for s in ("train", "validation", "test")
        ]
        names = [{n for n in found if n.split()[0] not in {"In", "On", "At"}} for found in names]
        assert not names[0] & names[1]
        assert not names[0] & names[2]
        assert not names[1] & names[2]


def test_diagnostics_are_kept_labelled_beside_the_published_ones():
    columns = glue().labelled("ax", "test")
    assert "phenomenon" in columns
    assert set(columns["label"]) == {0, 1, 2}
    assert "phenomenon" not in glue().generate("ax", "test")


def test_columns_are_the_caller_s_own():
    glue().generate("cola", "train")["label"][0] = 7
    assert 7 not in glue().generate("cola", "train")["label"]


@pytest.mark.parametrize(("config", "split"), [("cola", "tests"), ("colla", "train"), ("mnli", "validation")])
def test_what_there_is_not_is_an_error(config, split):
    with pytest.raises(DataError, match=r"there is "):
        glue().generate(config, split)
