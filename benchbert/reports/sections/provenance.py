"""Method and provenance: machine, versions, data, seeds, and how to run it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from benchbert.reports.section import ReportContext, Section, templates


def _render(context: ReportContext) -> Markup:
    template = templates().get_template("provenance.html.j2")
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(
            facts=_facts(context),
            datasets=_datasets(context),
            models=_models(context),
            command=_command(context),
            suite=context.suite,
        )
    )


def _facts(context: ReportContext) -> list[tuple[str, str]]:
    """Name and text of what holds for the whole report, what is not known left out."""
    frame, machine = context.frame, context.machine
    hardware = [str(machine.get("cpu", "")), *(_gpu(gpu) for gpu in machine.get("gpus") or ())]
    libraries: dict[str, set[str]] = {}
    for result in context.results:
        for name, version in _mapping(result.provenance.get("libraries")).items():
            libraries.setdefault(str(name), set()).add(str(version))
    times = sorted(result.started_at for result in context.results if result.started_at)
    facts = {
        "Hardware": "; ".join(part for part in hardware if part),
        "Cores": str(machine.get("cores") or ""),
        "System": str(machine.get("system") or ""),
        "Machine ids": _distinct(frame["machine"]),
        "Environment ids": _distinct(frame["environment"]),
        "benchbert": _distinct(result.provenance.get("benchbert") for result in context.results),
        "Commit": _distinct(result.provenance.get("git") for result in context.results),
        "Python": _distinct(result.provenance.get("python") for result in context.results),
        "Libraries": ", ".join(f"{name} {' / '.join(sorted(found))}" for name, found in sorted(libraries.items())),
        "Seeds": _distinct(sorted(frame.loc[frame["kind"].isin(("finetune", "predict")), "seed"].dropna().unique())),
        "Protocols": _distinct(result.job.protocol_hash[:12] for result in context.results),
        "Measured": f"{times[0]} to {times[-1]}" if times else "",
        "Results": f"{len(context.results)} from {frame['job'].nunique()} jobs",
    }
    return [(name, text) for name, text in facts.items() if text]


def _datasets(context: ReportContext) -> list[tuple[str, str, str, str]]:
    """(tasks, data, revision, fingerprint), one a dataset that was used."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for result in context.results:
        facts = result.provenance
        if facts.get("dataset_fingerprint"):
            keys = ("dataset_id", "dataset_revision", "dataset_fingerprint")
            key = tuple(str(facts.get(name) or "") for name in keys)
            found.setdefault((key[0], key[1], key[2]), {})[str(result.job.spec.get("task", ""))] = None
    return [(", ".join(task for task in tasks if task), *key) for key, tasks in found.items()]


def _models(context: ReportContext) -> list[tuple[str, str, str, str]]:
    """(model, weights, revision, format of the weights), one a model and revision."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for result in context.results:
        spec = result.job.spec
        if spec.get("model"):
            revision = str(spec.get("revision") or result.provenance.get("model_revision") or "")
            formats = found.setdefault((str(spec["model"]), str(spec.get("weights", "")), revision), set())
            formats |= {str(result.provenance["weight_format"])} if result.provenance.get("weight_format") else set()
    return [(*key, ", ".join(sorted(formats))) for key, formats in found.items()]


def _command(context: ReportContext) -> str:
    """The command that makes these results again; the suite file is shown beside it."""
    if not context.suite:
        return ""
    datasets = _mapping(context.lock.get("datasets")).values()
    mirrored = any(_mapping(dataset).get("origin") == "mirror" for dataset in datasets)
    return "benchbert run suite.toml" + (" --mirror DIR" if mirrored else "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _gpu(gpu: Any) -> str:
    facts = _mapping(gpu)
    return " ".join(str(facts[name]) for name in ("name", "driver") if facts.get(name))


def _distinct(values: Any) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values if value not in {None, ""}))


REGISTERED = (Section(name="provenance", title="Method and provenance", order=90, render=_render),)
