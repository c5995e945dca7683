"""Records of a teacher on disk: whole or not there, whoever writes, reads, dies or has no room."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchbert.distillation.kept_rows import KeptRows, Shape, prepare_files
from benchbert.errors import StoreError

SHAPE = Shape(sequences=40, length=6, vocabulary=50, top_k=3, hidden=4, dtype="float16")


def opened(folder: Path, shape: Shape = SHAPE) -> KeptRows:
    prepare_files(folder, {"phase1": shape}, {"made": "up"})
    return KeptRows(folder, "phase1", shape)


def records(first: int, count: int, shape: Shape = SHAPE) -> np.ndarray:
    """Records whose numbers follow from those of their sequences."""
    made = np.zeros(count, dtype=shape.row)
    for name in shape.row.names or ():
        drawn = np.random.default_rng(first).random(made[name].shape)
        made[name] = drawn * 40 if name == "ids" else -drawn
    return made


def same(one: np.ndarray | None, other: np.ndarray) -> bool:
    return one is not None and one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("changes", "fields", "size"),
    [
        ({}, ("ids", "log_probs", "tail", "hidden"), 6 * (3 * 2 + 3 * 2 + 4 + 4 * 2)),
        ({"vocabulary": 70_000}, ("ids", "log_probs", "tail", "hidden"), 6 * (3 * 4 + 3 * 2 + 4 + 4 * 2)),
        ({"dtype": "float32", "top_k": 0}, ("hidden",), 6 * 4 * 4),
        ({"hidden": 0}, ("ids", "log_probs", "tail"), 6 * (3 * 2 + 3 * 2 + 4)),
    ],
)
def test_what_is_written_is_read_and_its_size_is_known_before(
    tmp_path: Path, changes: dict, fields: tuple[str, ...], size: int
) -> None:
    shape = replace(SHAPE, **changes)
    assert shape.row.names == fields
    assert shape.row.itemsize == size
    rows = opened(tmp_path / "cache", shape)
    assert rows.read(5, 4) is None
    rows.write(5, records(5, 4, shape), seconds=8.0, owner=7)
    assert same(rows.read(5, 4), records(5, 4, shape))
    assert same(KeptRows(tmp_path / "cache", "phase1", shape).read(6, 2), records(5, 4, shape)[1:3])
    assert rows.read(4, 2) is None
    assert rows.read(8, 2) is None
    assert (rows.seconds(), rows.seconds(7), rows.seconds(8)) == (8.0, 8.0, 0.0)
    files = [path for path in (tmp_path / "cache").iterdir() if path.suffix in {".rows", ".index", ".sample"}]
    assert sum(path.stat().st_size for path in files) == shape.bytes
    expected = np.exp(records(5, 4, shape)["tail"].astype(float)).sum() if shape.top_k else 0.0
    assert rows.tail() == pytest.approx(expected)


def test_a_record_counts_only_when_it_is_whole(tmp_path: Path) -> None:
    rows = opened(tmp_path)
    rows.write(0, records(0, 8), seconds=1.0, owner=1)
    for name in ("phase1.rows", "phase1.index"):
        path = tmp_path / name
        data = path.read_bytes()
        for number in (2, 5):
            at = number * (len(data) // SHAPE.sequences) + 3
            with path.open("r+b") as stream:
                stream.seek(at)
                stream.write(bytes([data[at] ^ 64]))
            assert rows.read(number, 1) is None
            assert number in rows.damaged
            assert same(rows.read(0, 2), records(0, 8)[:2])
            rows.write(0, records(0, 8), seconds=1.0, owner=1)
            assert same(rows.read(0, 8), records(0, 8))


def test_the_sample_is_read_as_it_was_written_or_not_at_all(tmp_path: Path) -> None:
    rows = opened(tmp_path)
    said = np.random.default_rng(0).random((len(SHAPE.positions), 50)).astype(np.float32)
    assert len(SHAPE.sampled) == 32
    assert rows.sample(3) is None
    rows.write_sample(3, said)
    assert (rows.sample(3) == said).all()
    path = tmp_path / "phase1.sample"
    data = bytearray(path.read_bytes())
    data[3 * SHAPE.sample.itemsize] ^= 1
    path.write_bytes(data)
    assert rows.sample(3) is None


def test_files_are_taken_up_where_they_are_what_is_wanted(tmp_path: Path) -> None:
    assert prepare_files(tmp_path / "a", {"phase1": SHAPE}, {"made": "up"}) == ""
    KeptRows(tmp_path / "a", "phase1", SHAPE).write(0, records(0, 1), seconds=1.0, owner=1)
    assert prepare_files(tmp_path / "a", {"phase1": SHAPE}, {"made": "up"}) == ""
    assert opened(tmp_path / "a").read(0, 1) is not None
    said = prepare_files(tmp_path / "a", {"phase1": SHAPE}, {"made": "otherwise"})
    assert "damaged (the description is of another cache); it is filled anew" in said
    assert opened(tmp_path / "a").read(0, 1) is None


def test_those_who_have_old_files_open_go_on_with_them(tmp_path: Path) -> None:
    rows = opened(tmp_path)
    rows.write(0, records(0, 8), seconds=1.0, owner=1)
    before = rows.read(0, 8)
    (tmp_path / "about.json").unlink()
    assert "there is no description" in prepare_files(tmp_path, {"phase1": SHAPE}, {"made": "up"})
    assert same(before, records(0, 8))


def test_several_that_fill_at_once_all_read_whole_records(tmp_path: Path) -> None:
    opened(tmp_path)
    wrong: list[int] = []
    made: list[int] = []

    def work() -> None:
        rows = opened(tmp_path)
        for first in range(0, 40, 4):
            if rows.read(first, 4) is None:
                with rows.lock(first):
                    if rows.read(first, 4) is None:
                        made.append(first)
                        rows.write(first, records(first, 4), seconds=1.0, owner=1)
            if not same(rows.read(first, 4), records(first, 4)):
                wrong.append(first)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sorted(made) == list(range(0, 40, 4))


FILL = """
import resource, signal, sys
from pathlib import Path
from tests.distillation.test_kept_rows import SHAPE, opened, records
rows = opened(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2 * SHAPE.row.itemsize + 5, -1))
for number in range(4):
    rows.write(number, records(number, 1), seconds=1.0, owner=1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limits on file sizes here")
def test_a_disk_that_is_full_stops_it_with_what_is_filled_kept(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "StoreError" in ended.stderr
    assert "phase1.rows: the teacher cache cannot be written (File too large)" in ended.stderr
    rows = opened(tmp_path)
    assert all(same(rows.read(number, 1), records(number, 1)) for number in range(2))
    assert rows.read(2, 1) is None
    assert not rows.damaged


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="the teacher cache cannot be written"):
        opened(tmp_path / "file" / "cache")
