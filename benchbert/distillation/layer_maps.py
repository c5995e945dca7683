"""Which teacher layer each student layer starts from."""

from __future__ import annotations

from collections.abc import Sequence

from benchbert.errors import TrainingError

__all__ = ["layer_map"]


def layer_map(teacher_layers: int, student_layers: int, given: Sequence[int] = ()) -> tuple[int, ...]:
    """Index of the teacher layer for each student layer.

    By default every `teacher_layers / student_layers`-th from 0, except that DistilBERT's own map for 12 to 6 is
    0, 2, 4, 7, 9, 11 (Sanh et al. 2019, reference code).

    Raises:
        TrainingError: a map of the wrong length or out of range, or a student deeper than its teacher.
    """
    if given:
        if len(given) != student_layers:
            raise TrainingError(f"layer_map has {len(given)} entries, and the student has {student_layers} layers")
        wrong = [i for i in given if not 0 <= i < teacher_layers]
        if wrong:
            raise TrainingError(
                f"layer_map names layer {wrong[0]}, and the teacher has layers 0 to {teacher_layers - 1}"
            )
        return tuple(given)
    if student_layers > teacher_layers:
        raise TrainingError(f"a student of {student_layers} layers cannot start from a teacher of {teacher_layers}")
    if (teacher_layers, student_layers) == (12, 6):
        return (0, 2, 4, 7, 9, 11)
    return tuple(i * teacher_layers // student_layers for i in range(student_layers))
