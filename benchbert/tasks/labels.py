"""Matching the outputs of a model to the labels of a task.

The same names in another order are remapped, other names are an error, `LABEL_i` needs declared names: a wrong map
gives about 7 % on MNLI and 30 % on a swapped pair, and neither may pass for a score.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from benchbert.errors import LabelError

__all__ = ["logit_order"]

_DEFAULT_NAME = re.compile(r"label[-_ ]?\d+", re.IGNORECASE)
_SEPARATORS = re.compile(r"[-_\s]+")


def logit_order(
    id2label: Mapping[int, str] | Mapping[str, str], task_labels: Sequence[str], declared: Sequence[str] = ()
) -> list[int]:
    """Which output of a model stands for which label of a task: indexes the columns of its logits.

    Args:
        id2label: The model config's map; JSON's string keys are accepted.
        task_labels: Labels of the task in class order; empty for a regression, which has one output.
        declared: Names of the model's outputs in order, from the suite; empty: read from `id2label`.

    Returns:
        One column index a label of the task.

    Raises:
        LabelError: names that cannot be matched, or `LABEL_i` without declared names.
    """
    names = _output_names(id2label)
    if not task_labels:
        if len(names) != 1:
            raise LabelError(f"a regression needs a model with one output, this one has {len(names)}: {names}")
        return [0]
    if len(names) != len(task_labels):
        raise LabelError(
            f"the model has {len(names)} outputs {names}, the task {len(task_labels)} labels {list(task_labels)}: "
            "fine-tune it on this task, or choose a model with its labels"
        )
    if not declared and names == list(task_labels) and not all(_DEFAULT_NAME.fullmatch(name) for name in names):
        # Names that differ only in case or signs, such as -1 and 1, are told apart where they stand as they are.
        return list(range(len(names)))
    if declared:
        return _declared_order(names, task_labels, list(declared))
    if all(_DEFAULT_NAME.fullmatch(name) for name in names):
        raise LabelError(
            f"the model calls its outputs {names}: say what they are with labels = {list(task_labels)} "
            "in the right order beside the model in the suite"
        )
    order = _match(names, task_labels)
    if order is None:
        raise LabelError(
            f"the model's labels {names} are not the task's {list(task_labels)}: if they mean the same, "
            "say which is which with labels = [...] in the model's order beside the model in the suite"
        )
    return order


def _output_names(id2label: Mapping[int, str] | Mapping[str, str]) -> list[str]:
    by_index = {int(key): str(name) for key, name in id2label.items()}
    if sorted(by_index) != list(range(len(by_index))):
        raise LabelError(
            f"the model's id2label has the ids {sorted(by_index)}, not 0 to {len(by_index) - 1}: mend its config"
        )
    return [by_index[index] for index in range(len(by_index))]


def _declared_order(names: list[str], task_labels: Sequence[str], declared: list[str]) -> list[int]:
    order = _match(declared, task_labels)
    if order is None:
        raise LabelError(
            f"labels = {declared} in the suite are not the task's {list(task_labels)}: give each of these once, "
            "in the order of the model's outputs"
        )
    own = _match(names, task_labels)
    if own is not None and own != order:
        raise LabelError(
            f"labels = {declared} in the suite contradict the model's own {names}: take them out of "
            "the suite, or mend id2label in the model's config"
        )
    return order


def _match(names: Sequence[str], task_labels: Sequence[str]) -> list[int] | None:
    """Index in `names` of each label; None unless one is a permutation of the other."""
    ours = [_fold(name) for name in names]
    theirs = [_fold(label) for label in task_labels]
    if len(set(ours)) != len(ours) or sorted(ours) != sorted(theirs):
        return None
    return [ours.index(label) for label in theirs]


def _fold(name: str) -> str:
    return _SEPARATORS.sub("", name.strip()).casefold()
