"""The fine-tuning part of the table: its bars, and its lines of Markdown."""

from __future__ import annotations

from typing import Any

from .scores import MARGIN

__all__ = ["finetuning_bars", "finetuning_lines"]

_REFERENCE, _STRONG = 4.0, 1.3


def finetuning_bars(found: dict[str, Any]) -> list[tuple[str, float, float]]:
    """(name, measured, wanted) of every bar that was measured."""
    bars = []
    if "seconds" in found:
        bars = [
            ("fine-tuning: times the reference", found["against_reference"]["median"], _REFERENCE),
            ("fine-tuning: times the strong way", found["against_strong"]["median"], _STRONG),
        ]
    for task in found.get("scores", {}).get("tasks", []):
        name = f"fine-tuning, {task['task']}: points above the reference, lower 95 % bound"
        bars.append((name, task["ours_minus"]["reference"]["bound"], -MARGIN))
    return bars


def finetuning_lines(found: dict[str, Any]) -> list[str]:
    """Paragraphs and tables, each after an empty line."""
    return [*(_speed(found) if "seconds" in found else []), *(_scores(found["scores"]) if "scores" in found else [])]


def _speed(found: dict[str, Any]) -> list[str]:
    profile = found["profile"]
    parts = sorted(profile["shares"].items(), key=lambda part: -part[1])
    return [
        "",
        f"Fine-tuning {found['model']} on {found['task']}, {found['steps']} steps of {found['batch_size']} (the "
        f"reference {found['reference_steps']}, scaled up), {found['rounds']} rounds: "
        f"{_ratio(found['against_reference'])} times the reference, {_ratio(found['against_strong'])} times the strong "
        "way.",
        "",
        f"Where ours spends its optimizer steps ({1000 * profile['seconds'] / profile['steps']:.0f} ms each under the "
        "profiler):",
        "",
        "| " + " | ".join(name for name, _ in parts) + " |",
        "|" + "---|" * len(parts),
        "| " + " | ".join(f"{share:.1%}" for _, share in parts) + " |",
    ]


def _scores(scores: dict[str, Any]) -> list[str]:
    lines = [
        "",
        f"Scores after fine-tuning `{scores['recipe']}`, pre-trained here by its recipe: {scores['steps']} steps of "
        f"{scores['batch_size']}, {len(scores['seeds'])} seeds, accuracy in points, mean (sd); the reference pads to "
        f"{scores['padded_to']} tokens. Differences are ours minus the other, paired by seed, with a 95 % t interval; "
        f"not worse: the one-sided 95 % bound is above -{scores['margin']:g}.",
        "",
        "| task | reference | strong | ours | ours - reference | not worse | ours - strong | not worse |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task in scores["tasks"]:
        cells = [f"{task['mean'][way]:.2f} ({task['sd'][way]:.2f})" for way in ("reference", "strong", "ours")]
        for way in ("reference", "strong"):
            found = task["ours_minus"][way]
            cells.append(f"{found['mean']:+.2f} [{found['low']:+.2f}, {found['high']:+.2f}]")
            cells.append("yes" if found["not_worse"] else "not shown")
        lines.append(f"| {task['task']} | {' | '.join(cells)} |")
    return lines


def _ratio(found: dict[str, float]) -> str:
    return f"{found['median']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"
