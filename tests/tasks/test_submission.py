"""A submission is what GLUE's server takes, and whatever it would refuse is said, all of it."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbert import registry
from benchbert.errors import DataError, UsageError
from benchbert.tasks.submission import FILES, write_submission
from benchbert.tasks.submission_check import validate_submission

# As PROTOCOLS and GLUE's sample submission have them, written down a second time.
OFFICIAL = {
    "CoLA.tsv": (1_063, ("0", "1")),
    "SST-2.tsv": (1_821, ("0", "1")),
    "MRPC.tsv": (1_725, ("0", "1")),
    "STS-B.tsv": (1_379, ()),
    "QQP.tsv": (390_965, ("0", "1")),
    "MNLI-m.tsv": (9_796, ("entailment", "neutral", "contradiction")),
    "MNLI-mm.tsv": (9_847, ("entailment", "neutral", "contradiction")),
    "QNLI.tsv": (5_463, ("entailment", "not_entailment")),
    "RTE.tsv": (3_000, ("entailment", "not_entailment")),
    "WNLI.tsv": (146, ("0", "1")),
    "AX.tsv": (1_104, ("entailment", "neutral", "contradiction")),
}
ROWS = 12


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """GLUE with test splits of a dozen rows."""
    known = registry.entries("tasks")
    for file in FILES:
        task = known[file.task]
        monkeypatch.setitem(known, file.task, replace(task, test=tuple(replace(s, rows=ROWS) for s in task.test)))


def texts(rows: int) -> dict[str, str]:
    """A good submission by hand."""
    generator = random.Random(0)
    found = {}
    for name, (_, labels) in OFFICIAL.items():
        cells = [generator.choice(labels) if labels else f"{generator.uniform(0, 5):.3f}" for _ in range(rows)]
        found[name] = "index\tprediction\n" + "".join(f"{i}\t{cell}\n" for i, cell in enumerate(cells))
    return found


def packed(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def swapped(text: str, line: int, new: str) -> str:
    """The text with one line replaced; lines count from 1."""
    lines = text.split("\n")
    lines[line - 1] = new
    return "\n".join(lines)


def predictions(seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        name: generator.integers(0, len(labels), rows) if labels else generator.normal(2.5, 3, rows).astype(np.float32)
        for name, (rows, labels) in OFFICIAL.items()
    }


def read(path: Path) -> dict[str, list[tuple[str, str]]]:
    with zipfile.ZipFile(path) as archive:
        tables = {name: archive.read(name).decode("ascii").split("\n") for name in archive.namelist()}
    assert all(lines[0] == "index\tprediction" and lines[-1] == "" for lines in tables.values())
    return {name: [tuple(line.split("\t")) for line in lines[1:-1]] for name, lines in tables.items()}


def test_the_eleven_files_with_official_rows_names_of_labels_and_order(tmp_path: Path) -> None:
    given_numbers = predictions()
    path = tmp_path / "deep" / "glue.zip"
    write_submission(path, given_numbers)
    found = read(path)
    assert list(found) == list(OFFICIAL)
    for name, (rows, labels) in OFFICIAL.items():
        assert [index for index, _ in found[name]] == [str(i) for i in range(rows)], name
        if labels:
            assert [cell for _, cell in found[name]] == [labels[i] for i in given_numbers[name]], name
    assert validate_submission(path) == ()


@pytest.mark.usefixtures("short")
def test_stsb_is_clipped_to_0_and_5_and_nothing_else_is_changed(tmp_path: Path) -> None:
    given_numbers = {name: values[:ROWS] for name, values in predictions().items()}
    given_numbers["STS-B.tsv"][:4] = (-0.3, 5.2, 1e-7, 4.9999995)
    before = given_numbers["STS-B.tsv"].copy()
    write_submission(tmp_path / "glue.zip", given_numbers)
    cells = [cell for _, cell in read(tmp_path / "glue.zip")["STS-B.tsv"]]
    assert cells[:2] == ["0.0", "5.0"]
    assert not any("e" in cell for cell in cells)
    assert [np.float32(cell) for cell in cells] == [min(max(value, 0), 5) for value in before]
    assert (given_numbers["STS-B.tsv"] == before).all()


@pytest.mark.usefixtures("short")
def test_the_same_predictions_give_the_same_bytes(tmp_path: Path) -> None:
    few = {name: values[:ROWS] for name, values in predictions().items()}
    for name in ("a.zip", "b.zip"):
        write_submission(tmp_path / name, few)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("RTE.tsv", [0] * (ROWS - 1) + [-1], "RTE.tsv: row 11 has the class -1"),
        ("MRPC.tsv", [2] * ROWS, "row 0 has the class 2: glue/mrpc has the classes 0 to 1"),
        ("CoLA.tsv", [0.5] * ROWS, "row 0 has the class 0.5"),
        ("STS-B.tsv", [1.0] * (ROWS - 1) + [float("nan")], "STS-B.tsv, line 13: the prediction nan is not finite"),
        ("QQP.tsv", [1] * (ROWS - 1), "QQP.tsv: 11 rows, the official number is 12"),
        ("AX.tsv", None, "there are no predictions for AX.tsv"),
    ],
)
def test_predictions_that_make_no_submission_are_refused_and_nothing_is_written(tmp_path, name, values, told) -> None:
    few = {file: numbers[:ROWS] for file, numbers in predictions().items()}
    few = {key: value for key, value in (few | {name: values}).items() if value is not None}
    path = tmp_path / "glue.zip"
    path.write_bytes(b"an older one")
    with pytest.raises(DataError) as caught:
        write_submission(path, few)
    assert told in str(caught.value)
    assert path.read_bytes() == b"an older one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("short")
def test_good_zips_by_hand_with_any_line_ends_have_no_problem(tmp_path: Path) -> None:
    files = texts(ROWS)
    assert validate_submission(packed(tmp_path / "plain.zip", files)) == ()
    files["RTE.tsv"] = files["RTE.tsv"].replace("\n", "\r\n")
    files["CoLA.tsv"] = files["CoLA.tsv"].removesuffix("\n")
    assert validate_submission(packed(tmp_path / "glue.zip", files)) == ()


BROKEN = {
    "header": (
        lambda t: swapped(t, 1, "id\tlabel"),
        ["line 1: the header is 'id\\tlabel': it must be index\\tprediction"],
    ),
    "no header": (lambda t: t.partition("\n")[2], ["line 1: the header is '0\\t"]),
    "comma": (lambda t: swapped(t, 3, "1,1"), ["line 3: 1 field where a tab", "no row has the index 1"]),
    "third field": (lambda t: swapped(t, 3, "1\t1\t1"), ["line 3: 3 fields", "no row has the index 1"]),
    "blank line": (lambda t: t + "\n", ["13 rows, the official number is 12", "line 14: 1 field"]),
    "cut": (lambda t: "\n".join(t.split("\n")[:-3]) + "\n", ["10 rows", "no row has the index 10 (2 such in all)"]),
    "surplus": (lambda t: t + "12\t1\n", ["13 rows", "line 14: index 12 is beyond the last one, 11"]),
    "repeated": (lambda t: swapped(t, 5, "2\t1"), ["line 5: index 2 stands there again", "no row has the index 3"]),
    "unordered": (
        lambda t: swapped(swapped(t, 4, "3\t1"), 5, "2\t1"),
        ["line 5: index 2 stands after a higher one: sort the rows"],
    ),
    "no whole index": (lambda t: swapped(t, 3, "1.0\t1"), ["line 3: the index '1.0' is not", "no row has the index 1"]),
    "padded": (lambda t: swapped(t, 3, "01\t1"), ["line 3: the index '01' is not", "no row has the index 1"]),
    "unknown label": (
        lambda t: swapped(swapped(t, 3, "1\t2"), 4, "2\tentailment"),
        ["line 3: the prediction '2' is unknown (2 such in all): use 0, 1"],
    ),
    "label with a space": (lambda t: swapped(t, 3, "1\t1 "), ["line 3: the prediction '1 ' is unknown"]),
    "empty": (lambda t: "", ["is empty: it wants the header"]),
    "byte order mark": (lambda t: "\ufeff" + t, ["begins with a byte order mark"]),
    "latin-1": (lambda t: swapped(t, 3, "1\tü").encode("latin-1"), ["line 3: not UTF-8 (byte"]),
    "utf-16": (lambda t: t.encode("utf-16"), ["line 1: not UTF-8 (byte 0)"]),
}


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("what", BROKEN)
def test_each_fault_of_a_file_is_told_and_nothing_else(tmp_path: Path, what: str) -> None:
    change, told = BROKEN[what]
    files: dict[str, str | bytes] = dict(texts(ROWS))
    files["WNLI.tsv"] = change(files["WNLI.tsv"])
    problems = validate_submission(packed(tmp_path / "glue.zip", files))
    assert len(problems) == len(told), problems
    for problem, part in zip(problems, told, strict=True):
        assert problem.startswith("WNLI.tsv")
        assert part in problem


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("nan", "the prediction nan is not finite"),
        ("1e999", "the prediction inf is not finite"),
        ("5.001", "the prediction 5.001 is not from 0 to 5: clip it"),
        ("-0.1", "the prediction -0.1 is not from 0 to 5: clip it"),
        ("1_0", "the prediction '1_0' is not a number"),
        ("", "the prediction '' is not a number"),
        ("٣", "is not a number"),
    ],
)
def test_scores_of_stsb_are_finite_numbers_from_0_to_5(tmp_path: Path, cell: str, told: str) -> None:
    files = texts(ROWS)
    files["STS-B.tsv"] = swapped(files["STS-B.tsv"], 7, f"5\t{cell}")
    (problem,) = validate_submission(packed(tmp_path / "glue.zip", files))
    assert problem.startswith("STS-B.tsv, line 7: ")
    assert told in problem


@pytest.mark.usefixtures("short")
def test_numbers_where_names_are_wanted(tmp_path: Path) -> None:
    files = texts(ROWS)
    files["MNLI-m.tsv"] = "index\tprediction\n" + "".join(f"{i}\t{i % 3}\n" for i in range(ROWS))
    (problem,) = validate_submission(packed(tmp_path / "glue.zip", files))
    assert problem.endswith("is unknown (12 such in all): use entailment, neutral, contradiction")


@pytest.mark.usefixtures("short")
def test_all_problems_of_a_zip_are_told_at_once(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = dict(texts(ROWS))
    del files["AX.tsv"], files["QQP.tsv"]
    files["qqp.tsv"] = "x"
    files["glue/RTE.tsv"] = files.pop("RTE.tsv")
    files["glue/"] = ""
    files["CoLA.tsv"] = swapped(str(files["CoLA.tsv"]), 2, "0\tyes")
    problems = validate_submission(packed(tmp_path / "glue.zip", files))
    wanted = [
        "'qqp.tsv' is none of GLUE's 11 files: take it out",
        "'glue/RTE.tsv' stands in a folder: put RTE.tsv at the top of the zip",
        "'glue/' is a folder: put the files themselves into the zip",
        "CoLA.tsv, line 2: the prediction 'yes' is unknown: use 0, 1",
        "QQP.tsv is missing: the server wants all 11 files",
        "AX.tsv is missing: the server wants all 11 files",
    ]
    assert sorted(problems) == sorted(wanted)


@pytest.mark.usefixtures("short")
def test_a_file_that_stands_in_the_zip_twice(tmp_path: Path) -> None:
    path = packed(tmp_path / "glue.zip", texts(ROWS))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("RTE.tsv", texts(ROWS)["RTE.tsv"])
    assert validate_submission(path) == ("RTE.tsv stands in the zip 2 times: leave one",)


@pytest.mark.usefixtures("short")
def test_what_cannot_be_unpacked_is_told_for_its_file_alone(tmp_path: Path) -> None:
    path = packed(tmp_path / "glue.zip", texts(ROWS))
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.getinfo("MRPC.tsv").header_offset
    name, extra = struct.unpack("<HH", data[start + 26 : start + 30])
    data[start + 30 + name + extra + 2] ^= 0xFF
    path.write_bytes(data)
    (problem,) = validate_submission(path)
    assert problem.startswith("MRPC.tsv: cannot be unpacked")


@pytest.mark.usefixtures("short")
def test_a_file_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = dict(texts(ROWS))
    files["RTE.tsv"] = b"0" * (65 << 20)
    (problem,) = validate_submission(packed(tmp_path / "glue.zip", files))
    assert "RTE.tsv: 68,157,440 bytes are far too many for 12 rows" in problem


@pytest.mark.parametrize("content", [b"", b"index\tprediction\n0\t1\n", b"PK\x03\x04 and no more"])
def test_what_is_no_zip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "glue.zip").write_bytes(content)
    assert "glue.zip: not a zip" in validate_submission(tmp_path / "glue.zip")[0]


def test_no_such_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.zip", tmp_path):
        (problem,) = validate_submission(path)
        assert f"{path}: cannot be read" in problem
    with pytest.raises(UsageError, match="is a folder: name the zip"):
        write_submission(tmp_path, {})


@settings(deadline=None, max_examples=25)
@given(
    order=st.permutations(range(146)),
    labels=st.lists(st.sampled_from(["0", "1", "2", "entailment", ""]), min_size=146, max_size=146),
)
def test_wnli_is_good_exactly_when_it_is_in_order_with_known_labels(tmp_path_factory, order, labels) -> None:
    text = "index\tprediction\n" + "".join(f"{i}\t{label}\n" for i, label in zip(order, labels, strict=True))
    problems = validate_submission(packed(tmp_path_factory.mktemp("zip") / "glue.zip", {"WNLI.tsv": text}))
    of_wnli = [problem for problem in problems if problem.startswith("WNLI.tsv")]
    assert len(of_wnli) == (list(order) != list(range(146))) + (not set(labels) <= {"0", "1"})
    assert len(problems) - len(of_wnli) == 10  # the other ten are missing
