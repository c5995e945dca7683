"""Which teacher layer each student layer starts from and is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from benchbert.errors import TrainingError

__all__ = ["layer_map"]


def layer_map(teacher_layers: int, student_layers: int, given: Sequence[int] | str = ()) -> tuple[int, ...]:
    """Index of the teacher layer for each student layer, both from 0.

    With N teacher and M student layers and k = N / M:
    `uniform`: the last of each of M equal parts, ceil((i + 1) k) - 1 (Jiao et al. 2020, arXiv 1909.10351, section 3.1).
    `skip`: every floor(k)-th from the bottom (Sun et al. 2019, arXiv 1908.09355, section 3.2, PKD-Skip).
    `last`: the M uppermost (the same section, PKD-Last).
    By default every k-th from 0, except that DistilBERT's own map for 12 to 6 is 0, 2, 4, 7, 9, 11 (Sanh et al. 2019,
    reference code).

    Raises:
        TrainingError: a map of the wrong length, out of range or not rising, or a student deeper than its teacher.
    """
    if given and not isinstance(given, str):
        return _checked(tuple(given), teacher_layers, student_layers)
    if student_layers > teacher_layers:
        raise TrainingError(f"a student of {student_layers} layers cannot start from a teacher of {teacher_layers}")
    if given == "uniform":
        return tuple(-(-(i + 1) * teacher_layers // student_layers) - 1 for i in range(student_layers))
    if given == "skip":
        step = teacher_layers // student_layers
        return tuple(step * (i + 1) - 1 for i in range(student_layers))
    if given == "last":
        return tuple(teacher_layers - student_layers + i for i in range(student_layers))
    if given:
        raise TrainingError(f"layer_map: should be skip, last, uniform or a list of layers, is {given!r}")
    if (teacher_layers, student_layers) == (12, 6):
        return (0, 2, 4, 7, 9, 11)
    return tuple(i * teacher_layers // student_layers for i in range(student_layers))


def _checked(given: tuple[int, ...], teacher_layers: int, student_layers: int) -> tuple[int, ...]:
    if len(given) != student_layers:
        raise TrainingError(f"layer_map has {len(given)} entries, and the student has {student_layers} layers")
    wrong = [i for i in given if not 0 <= i < teacher_layers]
    if wrong:
        raise TrainingError(f"layer_map names layer {wrong[0]}, and the teacher has layers 0 to {teacher_layers - 1}")
    if any(after <= before for before, after in pairwise(given)):
        raise TrainingError(f"layer_map should name layers in rising order, is {list(given)}")
    return given
