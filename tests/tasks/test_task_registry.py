"""The registered tasks against the published facts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchbert import registry

ROWS = {
    # task: train, labelled, unlabelled, main metric, classes
    "cola": (8551, [1043], [1063], "matthews_correlation", ("unacceptable", "acceptable")),
    "sst2": (67349, [872], [1821], "accuracy", ("negative", "positive")),
    "mrpc": (3668, [408], [1725], "f1", ("not_equivalent", "equivalent")),
    "stsb": (5749, [1500], [1379], "pearson", ()),
    "qqp": (363846, [40430], [390965], "f1", ("not_duplicate", "duplicate")),
    "mnli": (392702, [9815, 9832], [9796, 9847], "accuracy", ("entailment", "neutral", "contradiction")),
    "qnli": (104743, [5463], [5463], "accuracy", ("entailment", "not_entailment")),
    "rte": (2490, [277], [3000], "accuracy", ("entailment", "not_entailment")),
    "wnli": (635, [71], [146], "accuracy", ("not_entailment", "entailment")),
    "ax": (None, [], [1104], "matthews_correlation", ("entailment", "neutral", "contradiction")),
}


@pytest.mark.parametrize("name", ROWS)
def test_glue_is_as_published(name):
    task = registry.find("tasks", f"glue/{name}")
    train, labelled, unlabelled, metric, labels = ROWS[name]
    assert (task.train.rows if task.train else None) == train
    assert [s.rows for s in task.evaluation] == labelled
    assert [s.rows for s in task.test] == unlabelled
    assert (task.main_metric, task.labels) == (metric, labels)
    assert (task.dataset.id, task.dataset.config) == ("nyu-mll/glue", name)
    assert task.head_of == ("glue/mnli" if name == "ax" else "")


def test_squad_is_as_published():
    one, two = (registry.find("tasks", name) for name in ("squad", "squad_v2"))
    assert [(t.train.rows, t.evaluation[0].rows) for t in (one, two)] == [(87599, 10570), (130319, 11873)]
    assert (one.unanswerable, two.unanswerable) == (False, True)
    assert one.dataset.config == "plain_text"


def test_generated_tasks_have_the_shape_of_the_real_ones():
    generators = registry.entries("datasets")
    tasks = registry.entries("tasks")
    mirrored = [t for name, t in tasks.items() if name.startswith("builtin/")]
    assert {t.dataset.id for t in mirrored} == {"builtin/glue", "builtin/squad", "builtin/squad_v2"}
    for task in mirrored:
        real = tasks[task.name.removeprefix("builtin/")]
        assert (task.head, task.text, task.labels, task.metrics) == (real.head, real.text, real.labels, real.metrics)
        assert task.unanswerable == real.unanswerable
        rows = generators[task.dataset.id].rows[task.dataset.config]
        assert all(rows[s.name] == s.rows for s in (*task.evaluation, *task.test))
        tests = {f"hidden_{s.name}": s.rows for s in task.test} or {"hidden_test": 500}  # squad publishes no test split
        assert {s.name: s.rows for s in task.held_back} == tests
        assert not real.held_back
    assert tasks["builtin/glue/ax"].head_of == "builtin/glue/mnli"


def test_registering_imports_nothing_heavy_and_generates_nothing():
    code = (
        "import sys\n"
        "from benchbert import registry\n"
        "registry.entries('tasks')\n"
        "names = {'torch', 'transformers', 'datasets', 'evaluate', 'pandas', 'pyarrow', 'scipy', 'sklearn'}\n"
        "heavy = names & set(sys.modules)\n"
        "from benchbert.tasks.miniature import datasets\n"
        "assert not heavy, heavy\n"
        "assert datasets._built.cache_info().currsize == 0\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
