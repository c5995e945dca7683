"""What failed, and why."""

from __future__ import annotations

from markupsafe import Markup

from benchbert.reports.section import ReportContext, Section, templates

_COLUMNS = ("kind", "model", "task", "profiler", "status", "error", "seed")


def _render(context: ReportContext) -> Markup | None:
    failed = context.frame[context.frame["status"] != "ok"]
    if failed.empty and not context.problems:
        return None
    groups: dict[tuple[str, ...], list[str]] = {}
    for kind, model, task, profiler, status, error, seed in failed[list(_COLUMNS)].astype(str).to_numpy().tolist():
        groups.setdefault((kind, model, task or profiler, status, error), []).append(seed)
    rows = [(*key, ", ".join(dict.fromkeys(seeds))) for key, seeds in groups.items()]
    template = templates().get_template("failures.html.j2")
    return Markup(template.render(rows=rows, problems=context.problems))  # noqa: S704 - escaped there


REGISTERED = (Section(name="failures", title="What failed", order=80, render=_render),)
