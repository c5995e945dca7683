"""What keeps a score of ours and a published one from being compared: one sentence each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from benchbert.metrics.averages import column
from benchbert.registry import entries
from benchbert.reports.published import PLAIN_RECIPES, SECOND_HAND, PublishedScore
from benchbert.statistics.seeds import COMPARABLE, VARIANT, same_settings
from benchbert.types import HEAD_LENGTHS, HubSource

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["obstacles", "published_name", "strangers"]

_GENERATED = "builtin/"

_NOT_PUBLISHED = {
    "random": "random weights: not that checkpoint",
    "recipe": "weights that a recipe made: not that checkpoint",
    "folder": "weights of a local folder: not known to be that checkpoint",
    "constant": "a constant answer: not that checkpoint",
}
"""Kind of weights -> why its scores are not those of the published checkpoint."""


_EPOCHS, _RATES = (1.0, 20.0), (5e-6, 2e-4)
"""What published fine-tuning takes, with room: 2 to 4 epochs at 2e-5 to 5e-5 (Devlin et al. 2019, A.3), 2 to 10 at 1e-5
to 1e-4 (Sun et al. 2020, 4.4), up to 20 (Jiao et al. 2020, 4.2)."""


def published_name(task: str, split: str) -> str:
    """What publications call the task: `mnli_matched` for that split of `glue/mnli`; empty: no task of GLUE or SQuAD.

    Args:
        task: its name, also that of its generated look-alike.
        split: split that was scored.
    """
    known = task.removeprefix(_GENERATED)
    if known not in {"squad", "squad_v2"} and not known.startswith("glue/"):
        return ""
    return column(known, split, "").rstrip("/")


def strangers(lock: Mapping[str, Any]) -> frozenset[str]:
    """Models of a suite that have the name of a registered model and are another: by hub id, or by architecture.

    Args:
        lock: lock.json of the run; empty: nothing is known.
    """
    known = entries("models")
    models = lock.get("models")
    found = set()
    for name, model in (models if isinstance(models, Mapping) else {}).items():
        if name in known and isinstance(model, Mapping):
            source = known[name].source
            hub_id = source.id if isinstance(source, HubSource) else ""
            config = model.get("config")
            if model.get("hub_id") != hub_id or (config and config != dict(known[name].config)):
                found.add(str(name))
    return frozenset(found)


def obstacles(
    row: Any, published: PublishedScore, frame: pd.DataFrame, strange: Collection[str] = frozenset()
) -> list[str]:
    """All reasons against comparing; empty: none.

    Args:
        row: of `summarise`; its model is registered.
        published: what it would be compared with.
        frame: the results, for what the summary does not say of its jobs.
        strange: what `strangers` says of the run.
    """
    return [
        *_of_weights(row, frame, strange),
        *_of_data(row, frame),
        *_of_recipe(row, frame),
        *_of_source(row, published),
    ]


def _of_weights(row: Any, frame: pd.DataFrame, strange: Collection[str]) -> Iterator[str]:
    if row.weights != "published":
        yield _NOT_PUBLISHED.get(str(row.weights), "weights of unknown origin: not known to be that checkpoint")
    elif row.model in strange or row.family != entries("models")[row.model].family:
        yield "weights that the suite gives this name: not known to be that checkpoint"
    controlled = [name for name in frame.loc[frame["model"] == row.model, "control_of"] if name]
    if controlled and row.weights == "published":
        yield f"a control of {controlled[0]}"


def _of_data(row: Any, frame: pd.DataFrame) -> Iterator[str]:
    import pandas as pd

    if str(row.task).startswith(_GENERATED):
        yield "generated data: another dataset"
    elif pd.isna(row.complete) or not row.complete:
        yield f"a sample of the data: {row.examples:,} examples, not the official number"
    trained = frame[(frame["kind"] == "finetune") & (frame["model"] == row.model) & (frame["task"] == row.task)]
    trained = trained[trained["revision"] == row.revision]
    if (trained["complete"] == False).any():  # noqa: E712 - missing is not False
        yield "fine-tuned on a sample of the training data"


def _rows_behind(row: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """The results that a row of the summary is of, and no others of that model: not those of other runs or recipes."""
    scored = frame[(frame["kind"] == "predict") & (frame["status"] == "ok") & (frame["metric"] != "")]
    for name in (*VARIANT, *COMPARABLE):
        scored = scored[scored[name] == getattr(row, name)]
    return same_settings(scored)


def _of_recipe(row: Any, frame: pd.DataFrame) -> Iterator[str]:
    """Fine-tuning unlike any published one, and examples cut shorter than published runs cut them."""
    registered = entries("tasks").get(row.task)
    if registered is not None and registered.version != row.task_version:
        yield f"version {row.task_version} of the task, this benchbert has version {registered.version}: run it again"
    if "max_length" not in frame:
        return
    own = _rows_behind(row, frame)
    for name, (least, most), what in (("epochs", _EPOCHS, "epochs"), ("learning_rate", _RATES, "as learning rate")):
        used = own[name].dropna() if name in own else ()
        if strange := sorted({float(value) for value in used if not least <= value <= most}):
            yield f"another recipe: {strange[0]:g} {what}, published fine-tuning has {least:g} to {most:g}"
    lengths = own["max_length"].dropna()
    task = entries("tasks").get(row.task)
    if task is not None and len(lengths) and int(lengths.min()) < HEAD_LENGTHS[task.head]:
        yield f"another max length: {int(lengths.min())} tokens, published runs have at least {HEAD_LENGTHS[task.head]}"


def _of_source(row: Any, published: PublishedScore) -> Iterator[str]:
    split = "dev" if str(row.split).startswith("validation") else "test"
    if split != published.split:
        yield f"another split: ours is {row.split}, the published one {published.split}"
    if published.recipe not in PLAIN_RECIPES:
        yield f"another recipe: {published.recipe}"
    if published.provenance == SECOND_HAND:
        yield "the published number is second-hand: not read in its source"
