"""Corpora of the user's own files: what is a document, what is left out, and what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbert.errors import DataError
from benchbert.own_data import documents as module
from benchbert.own_data.corpus_files import checked_text_digest, corpus_files
from benchbert.own_data.corpus_table import corpus_table
from benchbert.own_data.documents import Counts, documents


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import config

    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")


def read(path: Path, end: str = "lines", column: str = "text") -> tuple[list[str], Counts]:
    counts = Counts()
    return list(documents(path, end=end, column=column, counts=counts)), counts  # type: ignore[arg-type]


def text(folder: Path, content: str | bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_document_a_line_without_the_empty_ones(tmp_path: Path) -> None:
    path = text(tmp_path, "\ufeffone two\n\n  \nthree\r\nthree\nlast")
    assert read(path) == (["one two", "three", "three", "last"], Counts(documents=4, empty=2))


def test_a_document_up_to_the_next_blank_line(tmp_path: Path) -> None:
    path = text(tmp_path, "one\ntwo\n\n\nthree\n \nfour\nfive\n")
    assert read(path, "paragraphs") == (["one two", "three", "four five"], Counts(documents=3))


def test_rows_of_json_lines_and_parquet_are_documents(tmp_path: Path) -> None:
    rows = ["one", "", None, " two "]
    lines = text(tmp_path, "\n".join(json.dumps({"body": row}) for row in rows), "a.jsonl")
    table = tmp_path / "a.parquet"
    pq.write_table(pa.table({"body": rows}), table)
    for path in (lines, table):
        assert read(path, column="body") == (["one", "two"], Counts(documents=2, empty=2))
        with pytest.raises(DataError, match="no column 'text'"):
            read(path)


@pytest.mark.parametrize("cell", ["3", '["a"]', r'"\ud800"'])
def test_a_cell_that_is_no_text_is_named(tmp_path: Path, cell: str) -> None:
    path = text(tmp_path, f'{{"text": "a"}}\n{{"text": {cell}}}\n', "a.jsonl")
    with pytest.raises(DataError, match=r"a\.jsonl, line 2, column 'text'"):
        read(path)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.sampled_from("ab é€😀"), max_size=60), max_size=6))
def test_huge_lines_are_cut_and_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = text(tmp_path_factory.mktemp("cut"), "\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONGEST", 16)
        found, counts = read(path)
        assert "".join("".join(found).split()) == "".join("".join(lines).split())
        assert all(len(piece.encode()) <= 2 * 16 for piece in found)
        assert counts.documents == len(found)
        if all(len(line.encode()) < 16 for line in lines):
            assert counts.cut == 0
            assert found == [line.strip() for line in lines if line.strip()]


def test_a_huge_line_is_cut_at_a_blank_and_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 12)
    path = text(tmp_path, "aaaa bbbb cccc dddd eeee ffff\nshort\n")
    found, counts = read(path)
    assert (" ".join(found), counts.cut, counts.empty) == ("aaaa bbbb cccc dddd eeee ffff short", 1, 0)
    assert len(found) > 2
    found, counts = read(path, "paragraphs")
    assert (" ".join(found), counts.cut) == ("aaaa bbbb cccc dddd eeee ffff short", 1)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(st.sampled_from("aé€😀 "), max_size=12), min_size=1, max_size=5),
    st.sampled_from([b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80"]),
    st.integers(0, 4),
)
def test_bytes_that_are_not_utf8_are_named_by_line_and_byte(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], bad: bytes, at: int
) -> None:
    from benchbert.own_data import corpus_files as files

    at = min(at, len(lines) - 1)
    parts = [line.encode() for line in lines]
    parts[at] += bad
    content = b"\n".join(parts)
    path = text(tmp_path_factory.mktemp("utf8"), content)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        expected = error.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_CHUNK", 3)
        with pytest.raises(DataError, match=rf"a\.txt, line {at + 1}: not UTF-8 \(byte {expected} of the file\)"):
            checked_text_digest(path)


def test_a_folder_is_a_corpus_with_the_files_that_are_texts(tmp_path: Path) -> None:
    place = tmp_path / "novels"
    text(place, "b\n", "part2.txt")
    text(place, "a\nx\n", "part1.txt")
    text(place, "held\n", "validation/one.txt")
    text(place, "left alone\n", "test.txt")
    text(place, "# about", "README.md")
    text(place, "hidden", ".cache/c.txt")
    lock = corpus_files("./novels", tmp_path)
    assert (lock.error, lock.origin) == ("", "files")
    assert sorted(lock.files) == ["part1.txt", "part2.txt", "test.txt", "validation/one.txt"]
    rows, counts = corpus_table(lock, "train", end="lines", column="text")
    assert (rows["text"][:], counts) == (["a", "x", "b"], Counts(documents=3))
    held, _ = corpus_table(lock, "validation", end="lines", column="text")
    assert held["text"][:] == ["held"]


def test_the_same_texts_elsewhere_are_the_same_corpus(tmp_path: Path) -> None:
    one, two = (text(tmp_path / name, "a\nb\n").parent for name in ("one", "two"))
    first, second = (corpus_files("./a.txt", folder) for folder in (one, two))
    assert (first.key, first.fingerprint) == (second.key, second.fingerprint)
    text(two, "a\nc\n")
    assert corpus_files("./a.txt", two).key != first.key


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "no such file or folder"),
        (lambda folder: (folder / "x").mkdir(), "no file to train on"),
        (lambda folder: text(folder, "a", "x/validation.txt"), "no file to train on"),
        (lambda folder: text(folder, b"a\n\xff", "x"), r"x, line 2: not UTF-8 \(byte 2"),
    ],
)
def test_what_is_no_corpus_says_why(tmp_path: Path, make, said: str) -> None:
    import re

    make(tmp_path)
    assert re.search(said, corpus_files("./x", tmp_path).error)


def test_a_file_that_changed_since_is_not_read(tmp_path: Path) -> None:
    text(tmp_path, "a\nb\n")
    lock = corpus_files("./a.txt", tmp_path)
    text(tmp_path, "a\nc\n")
    with pytest.raises(DataError, match="it changed since"):
        corpus_table(lock, "train", end="lines", column="text")


def test_files_without_any_text_are_no_corpus(tmp_path: Path) -> None:
    text(tmp_path, "\n \n")
    with pytest.raises(DataError, match="no text in it"):
        corpus_table(corpus_files("./a.txt", tmp_path), "train", end="lines", column="text")
