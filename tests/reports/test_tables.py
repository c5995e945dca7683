from __future__ import annotations

import csv
import io
import json
import re

import pytest
from handmade import FAMILIES, full_board, score

from benchbert.errors import UsageError
from benchbert.reports.tables import FORMATS, table
from benchbert.store.frame import empty_frame, to_frame

FRAME = to_frame(full_board())
HOSTILE = "=cmd|'/c calc'!A0 </script>_$x$ \\end{tabular} & % # a|b\n<img src=x>"


def test_markdown_is_a_table_with_one_row_a_model() -> None:
    lines = table(FRAME, "markdown").split("\n\n")[0].splitlines()
    assert len(lines) == 2 + len(FAMILIES) + 1
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert r"75.0 \[74.8, 75.2\]" in lines[2]
    assert "spans (f1, sample)" in lines[0]


def test_csv_holds_the_numbers_as_measured() -> None:
    rows = list(csv.DictReader(io.StringIO(table(FRAME, "csv"))))
    first = rows[0]
    assert (first["rank"], first["model"]) == ("1", "bert-a")
    assert float(first["sentiment accuracy"]) == pytest.approx(0.8)
    assert float(first["latency_ms ci_high"]) == pytest.approx(21.0)
    assert [row["macro over 2 tasks"] for row in rows if row["model"] == "mobile-a"] == [""]


def test_json_is_strict_and_whole() -> None:
    board = json.loads(table(FRAME, "json"), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert [row["rank"] for row in board["rows"]] == [1, 2, 3, None, None]
    assert board["macro_name"] == "macro over 2 tasks"


def test_latex_is_balanced_booktabs() -> None:
    text = table(FRAME, "latex")
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    assert {line.count("&") for line in body} == {body[0].count("&")}


@pytest.mark.parametrize("format", FORMATS)
def test_hostile_names_stay_names(format: str) -> None:
    text = table(to_frame([score(HOSTILE, "t", 0.5, weights="published")]), format)
    if format == "markdown":
        rows = text.split("\n\n")[0].splitlines()
        assert len(rows) == 3
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
        assert "<" not in text
    elif format == "csv":
        [row] = csv.DictReader(io.StringIO(text))
        assert row["model"] == "'" + HOSTILE.replace("\n", " ")
    elif format == "latex":
        [row] = [line for line in text.splitlines() if "calc" in line and not line.startswith("%")]
        assert r"\textbackslash{}end\{tabular\}" in row
        assert not re.search(r"(?<!\\)[$#%_]", row)
        assert [line for line in text.splitlines() if line.startswith(r"\end{tabular}")] == [r"\end{tabular}"]
    else:
        assert json.loads(text)["rows"][0]["label"] == HOSTILE


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\n="])
def test_csv_text_never_starts_a_formula(start: str) -> None:
    [row] = csv.DictReader(io.StringIO(table(to_frame([score(f"{start}1+1", "t", 0.5)]), "csv"), newline=""))
    assert row["model"].startswith("'")


@pytest.mark.parametrize("format", FORMATS)
def test_undefined_scores_and_no_results_are_never_nan(format: str) -> None:
    for frame in (empty_frame(), to_frame([score("a", "t", None), score("b", "t", 0.5)])):
        assert not re.search(r"\bnan\b|<NA>|\bNone\b", table(frame, format), re.IGNORECASE)


def test_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="markdown, csv, latex, json"):
        table(FRAME, "docx")
