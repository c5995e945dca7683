"""A model that a recipe made, taken out of a results folder to be published, with a card that says what was measured.

The folder is what `save_pretrained` wrote, byte for byte; only the card, README.md, is written anew: the facts of the
run stay, and what the suite measured of the model, its teacher and its controls is put behind them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchbert.errors import StoreError, UnknownNameError
from benchbert.reports.ablation import Ablation
from benchbert.reports.board import BoardRow
from benchbert.reports.build import read_context
from benchbert.reports.estimate import MISSING, score_text
from benchbert.reports.markdown import markdown_table, markdown_text
from benchbert.reports.section import ReportContext
from benchbert.reports.wording import signed
from benchbert.store.files import digest_of
from benchbert.types import Artefact, Result

__all__ = ["export_model"]

_CARD = "README.md"


def export_model(results_folder: Path, model: str, out: Path, *, seed: int | None = None) -> Path:
    """Copies a model that a recipe made, with its card.

    Args:
        results_folder: a run folder.
        model: its name, as the leaderboard shows it.
        out: folder to make; it must not be there yet.
        seed: seed of the recipe, where it was carried out with several; None: the first.

    Returns:
        `out`.

    Raises:
        UnknownNameError: the board has no such model.
        StoreError: no recipe made it, its files are gone or changed, or `out` is there or cannot be written.
    """
    if out.exists() or out.is_symlink():
        raise StoreError(f"{out}: is there already; name a folder that is not")
    context = read_context(results_folder)
    row = _row(context, model)
    place = _whole(results_folder, row, _made(context, row, seed))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(place, out)
        card = place / _CARD
        facts = card.read_text(encoding="utf-8") if card.is_file() else f"# {markdown_text(row.label)}\n"
        (out / _CARD).write_text(f"{facts.rstrip()}\n\n{''.join(_measured(context, row))}", encoding="utf-8")
    except OSError as error:
        shutil.rmtree(out, ignore_errors=True)
        raise StoreError(f"{out}: cannot be written ({error.strerror or error}); name another folder") from error
    return out


def _row(context: ReportContext, model: str) -> BoardRow:
    rows = [row for row in context.board.rows if model in {row.label, row.model}]
    if not rows:
        raise UnknownNameError("models", model, [row.label for row in context.board.rows])
    return rows[0]


def _made(context: ReportContext, row: BoardRow, seed: int | None) -> Result:
    """The result of the recipe that made a model."""
    makers = sorted(
        (
            result
            for result in context.results
            if result.job.kind in {"pretrain", "distil"}
            and result.status == "ok"
            and result.job.spec.get("revision") == row.variant[1]
        ),
        key=lambda result: result.job.seed,
    )
    if not makers or row.weights != "recipe":
        raise StoreError(f"{row.label}: no recipe made it in this folder; only what a recipe made can be exported")
    seeds = [result.job.seed for result in makers]
    if seed is None:
        return makers[0]
    if seed not in seeds:
        raise StoreError(f"{row.label}: its recipe has no seed {seed} here; it has {', '.join(map(str, seeds))}")
    return makers[seeds.index(seed)]


def _whole(folder: Path, row: BoardRow, made: Result) -> Path:
    """Where the model is; it is what its result says it was."""
    artefact: Artefact | None = next((each for each in made.artefacts if each.role == "model"), None)
    place = (folder / artefact.path).resolve() if artefact else folder
    if artefact is None or not place.is_relative_to(folder.resolve()) or not place.is_dir():
        raise StoreError(f"{row.label}: its model is not in {folder}; run the suite again to make it")
    try:
        whole = digest_of(place) == artefact.sha256
    except OSError as error:
        raise StoreError(f"{place}: cannot be read ({error.strerror or error})") from error
    if not whole:
        raise StoreError(f"{place}: is not what its result says it was; run the suite again to make it anew")
    return place


def _measured(context: ReportContext, row: BoardRow) -> Iterator[str]:
    """What the suite measured, as Markdown."""
    yield f"## Measured\n\nBy the suite `{markdown_text(context.name)}`"
    yield f", {row.variant[2]} on the backend {markdown_text(row.variant[3])}" if row.scores else ""
    yield f"; rank {context.board.rank_text(row)} by {context.board.ranked_by}" if row.rank is not None else ""
    yield ".\n\n"
    ablation = next((each for each in context.ablations if each.rows[0].row.label == row.label), None)
    beside = _beside(context, row, ablation)
    if context.board.columns:
        yield _scores(context, [row, *beside])
    if ablation:
        yield _controls(ablation)
    if row.unranked:
        yield f"\nNot ranked: {markdown_text(row.unranked)}.\n"
    for note in context.board.notes:
        yield f"\n- {markdown_text(note)}"
    yield "\n"


def _beside(context: ReportContext, row: BoardRow, ablation: Ablation | None) -> list[BoardRow]:
    """Its teacher, its controls and the baselines."""
    teacher = [context.board.row(ablation.teacher)] if ablation and ablation.teacher else []
    controls = [context.board.row(pair.control) for pair in context.board.controls if pair.model == row.label]
    return [*teacher, *controls, *(other for other in context.board.rows if other.is_baseline)]


def _scores(context: ReportContext, rows: list[BoardRow]) -> str:
    """Tasks against models: a card is read downwards, and tasks are the longer side."""
    board = context.board
    lines = [
        [f"{column.label} ({column.metric})", *(score_text(row.scores.get(column.label)) for row in rows)]
        for column in board.columns
    ]
    if board.macro_name:
        lines.append([board.macro_name, *(score_text(row.macro) for row in rows)])
    return markdown_table(["task", *(row.label for row in rows)], lines, right=[False, *([True] * len(rows))])


def _controls(ablation: Ablation) -> str:
    lines = [
        [
            each.row.label,
            each.lacks,
            signed(each.difference) if each.difference else MISSING,
            f"{each.held_out.estimate:.3f}" if each.held_out else MISSING,
            f"{100 * each.agreement:.1f}" if each.agreement is not None else MISSING,
        ]
        for each in ablation.rows[1:]
    ]
    heading = ["control", "it lacks", f"minus this model, {ablation.ranked_by}", "held-out loss, nats", "as teacher, %"]
    return "\n## Controls\n\n" + markdown_table(heading, lines, right=[False, False, True, True, True])
