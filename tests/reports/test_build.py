from __future__ import annotations

import html.parser
import json
import re

import pytest
from handmade import controlled_board, cost, failure, full_board, result, score, spec_of, write_run

from benchbert.errors import StoreError
from benchbert.registry import entries
from benchbert.reports.build import build_report
from benchbert.types import Value

PAYLOADS = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<!--<script>",
    "{{ 7 * 7 }}",
    "<b>bold</b>",
    "\u2028x",
)


class Page(html.parser.HTMLParser):
    """What a browser would find in the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._script = self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._script = tag == "script"
        self._style = tag == "style"
        if self._script:
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._script = self._style = False

    def handle_data(self, data: str) -> None:
        if self._script:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif not self._style:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def figures(self) -> list[dict]:
        return [json.loads(text) for attributes, text in self.scripts if attributes.get("type") == "application/json"]


def report(tmp_path, results) -> tuple[str, Page]:
    out = build_report(write_run(tmp_path / "run", results), tmp_path / "out" / "report.html")
    text = out.read_text(encoding="utf-8")
    return text, Page(text)


def test_one_file_that_asks_nothing_of_the_network(tmp_path) -> None:
    text, page = report(tmp_path, full_board())
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in (value or ""))
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert not [v for name, v in page.attributes if name in {"src", "href"} and not (v or "").startswith("#")]
    assert page.tags.count("link") == 0
    assert sum("Plotly.react" not in script and len(script) > 1_000_000 for _, script in page.scripts) == 1
    assert list(tmp_path.joinpath("out").iterdir()) == [tmp_path / "out" / "report.html"]
    assert [page.tags.count(tag) for tag in ("main", "h1", "title")] == [1, 1, 1]
    assert ("lang", "en") in page.attributes
    assert text.startswith("<!doctype html>")


def test_first_lines_say_what_was_compared_who_leads_and_who_is_not_ranked(tmp_path) -> None:
    _, page = report(tmp_path, full_board())
    answer = page.text.split("Scores of all models")[0]
    assert "bert-a leads on macro over 2 tasks, 75.0 [74.8, 75.2]" in answer
    assert "4 models compared on 3 tasks (" in answer
    assert "), 3 seeds each, beside 1 control." in answer
    assert "control : random weights: a control, never ranked" in answer
    assert "mobile-a : no score on pairs" in answer
    assert "1 of 59 jobs have no result" in answer
    assert "3 of 3 ranked models lie above the best control" in answer


def test_every_section_is_there_and_failures_say_why(tmp_path) -> None:
    _, page = report(tmp_path, full_board())
    ids = [value for name, value in page.attributes if name == "id"]
    assert [i for i in ids if i in entries("sections")] == [
        "answer", "scores", "tradeoff", "latency", "memory", "failures", "provenance",
    ]  # fmt: skip
    assert "glue/pairs cannot be had here: no network, and .../glue lacks it" in page.text
    assert "not steady" in page.text
    assert "sample" in page.text


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_controls_and_baseline_have_tables_whose_verdicts_are_words(tmp_path, seeds) -> None:
    _, page = report(tmp_path, controlled_board(seeds))
    assert page.text.index("Every ranked model beats the majority baseline") < page.text.index("Scores of all models")
    section = page.text.split("Every model minus its control")[1]
    assert "minus bert-a-random (random weights)" in section
    assert "▲ better" in section
    assert "≈ not told apart" in section
    assert ("t over seed-paired differences" in section) == (len(seeds) > 1)
    assert "raw-a majority 0 of 3" in section
    assert "similarity: majority, undefined for one constant answer" in section
    assert "beside 5 controls and the majority baseline" in page.text


def test_charts_hold_the_numbers_and_their_intervals(tmp_path) -> None:
    _, page = report(tmp_path, full_board())
    trade = page.figures[0]["data"]
    bert = next(trace for trace in trade if trace["name"] == "bert")
    assert bert["x"] == [20.0]
    assert bert["y"] == pytest.approx([75.0])
    assert bert["error_x"]["array"] == pytest.approx([1.0])
    front = next(trace for trace in trade if trace["name"] == "Pareto front")
    assert front["x"] == [10.5, 20.0]
    colours = {t["name"]: t["marker"]["color"] for f in page.figures for t in f["data"] if "marker" in t}
    for figure in page.figures:
        assert all(colours[t["name"]] == t["marker"]["color"] for t in figure["data"] if t["name"] in colours)
    assert len(set(colours.values())) == 4


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_and_errors_are_data_never_markup(tmp_path, payload: str) -> None:
    _, clean = report(tmp_path / "clean", hostile("plain"))
    _, page = report(tmp_path / "hostile", hostile(payload))
    assert page.tags == clean.tags
    assert len(page.scripts) == len(clean.scripts)
    assert {name for name, _ in page.attributes} == {name for name, _ in clean.attributes}
    assert " ".join(payload.split()) in page.text or payload in page.text
    for figure in page.figures:
        labels = [trace["name"] for trace in figure["data"]] + figure["layout"]["yaxis"].get("ticktext", [])
        labels += [str(label) for trace in figure["data"] for label in trace.get("customdata") or ()]
        assert not any("<" in label for label in labels)
    data = "".join(script for attributes, script in page.scripts if attributes.get("type"))
    assert not re.search("[<>&\u2028\u2029]", data)


def hostile(name: str):
    """Results with the name in every field that people fill in."""
    facts = dict.fromkeys(("dataset_id", "dataset_revision", "git", "benchbert", "weight_format"), name)
    facts |= {"libraries": {name: name}, "dataset_fingerprint": name}
    value = Value(metric=name, value=0.5, n=3, ci_kind=name, split=name, convention=name, complete=False)
    spec = spec_of(name, "published", name) | {"task": name, "family": name, "backend": name, "device": name}
    profile = spec | {"profiler": "latency", "batch_size": 1, "sequence_length": 8}
    latency = Value(metric="latency_ms", value=3.0, unit=name, ci_kind=name)
    memory = Value(metric="memory_peak_mib", value=3.0, unit=name, ci_kind=name)
    return [
        result("predict", spec, [value], facts=facts, machine=name, version=1),
        result("profile", profile, [latency, memory], facts=facts, machine=name),
        result("finetune", spec, [], status="failed", error=name, version=1),
    ]


def test_missing_numbers_are_never_nan(tmp_path) -> None:
    results = [
        score("a", "t", None),
        score("b", "t", 0.5, half=None),
        score("b", "u", 0.5),
        cost("a", "latency_ms", 4.0),
    ]
    _, page = report(tmp_path, results)
    assert not re.search(r"\bnan\b|\bnone\b|<NA>|\binf\b", page.text.replace("none: ", ""), re.IGNORECASE)
    assert "undefined for 1 of 1 seeds" in " ".join(value or "" for _, value in page.attributes)


def test_one_model_without_profiles(tmp_path) -> None:
    text, page = report(tmp_path, [score("only", "t", 0.5)])
    assert "only is the only ranked model" in page.text
    assert page.figures == []
    assert len(text) < 100_000  # no chart, no chart library


def test_long_names_that_are_cut_to_the_same_label_stay_apart(tmp_path) -> None:
    names = [f"organisation/a-rather-long-model-name-{i}" for i in range(3)]
    _, page = report(tmp_path, [cost(name, "latency_ms", 4.0 + i) for i, name in enumerate(names)])
    points = [(x, y) for trace in page.figures[0]["data"] for x, y in zip(trace["x"], trace["y"], strict=True)]
    assert sorted(points) == [(4.0, 0), (5.0, 1), (6.0, 2)]


def test_profiles_alone(tmp_path) -> None:
    _, page = report(tmp_path, [cost("a", "latency_ms", 4.0), cost("b", "latency_ms", 8.0)])
    assert "These results hold no scores" in page.text
    assert "a needs 4.00 ms, b 2.0 times as much" in page.text


def test_all_failed(tmp_path) -> None:
    _, page = report(tmp_path, [failure("a", "t", "no network", seed=seed) for seed in (1, 2)])
    assert "2 of 2 jobs have no result" in page.text
    assert "no network" in page.text
    assert "1, 2" in page.text


def test_damaged_files_are_named_and_the_rest_is_shown(tmp_path) -> None:
    folder = write_run(tmp_path / "run", [score("a", "t", 0.5)])
    (folder / "results" / "broken.x.json").write_text("{")
    (folder / "lock.json").write_text("[1]")
    text = build_report(folder, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "broken.x.json" in text
    assert "lock.json: is no JSON object" in text
    assert str(tmp_path) not in text


def test_reproduction_is_the_command_with_the_suite_beside_it(tmp_path) -> None:
    folder = write_run(tmp_path / "run", [score("a", "t", 0.5)])
    (folder / "suite.toml").write_text('name = "mine"\n# </pre><script>\n')
    (folder / "lock.json").write_text(json.dumps({"suite": "mine", "datasets": {"d": {"origin": "mirror"}}}))
    (folder / "machine.json").write_text(json.dumps({"cpu": "Test CPU", "cores": 2, "gpus": [{"name": "G1"}]}))
    page = Page(build_report(folder, tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "benchbert run suite.toml --mirror DIR" in page.text
    assert "# </pre><script>" in page.text
    assert "Test CPU; G1" in page.text


def test_nothing_to_report_is_a_clear_error_and_writes_nothing(tmp_path) -> None:
    out = tmp_path / "report.html"
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(StoreError):
            build_report(folder, out)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.b.json").write_text("nonsense")
    with pytest.raises(StoreError, match="no result in it can be read"):
        build_report(tmp_path, out)
    assert not out.exists()
