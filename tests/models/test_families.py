"""Every registered model: sizes of the literature, and a listing that imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import transformers

from benchbert import registry
from benchbert.models.adapter import adapter_for
from benchbert.types import HubSource, ModelSpec

MODELS: dict[str, ModelSpec] = registry.entries("models")

# name: (parameters in millions, GFLOP at 128 tokens), typed again from the protocol.
PUBLISHED = {
    "bert-tiny": (4.39, 0.117),
    "bert-mini": (11.17, 0.873),
    "bert-small": (28.76, 3.36),
    "bert-medium": (41.37, 6.71),
    "bert-base-uncased": (109.48, 22.35),
    "bert-base-cased": (108.31, 22.35),
    "bert-large-uncased": (335.14, 78.9),
    "distilbert-base-uncased": (66.36, 11.2),
    "albert-base-v2": (11.68, 22.4),
    "albert-large-v2": (17.68, 79.0),
    "albert-xlarge-v2": (58.7, 313.0),
    "albert-xxlarge-v2": (222.6, 622.0),
    "mobilebert-uncased": (24.58, 5.39),
    "mobilebert-tiny": (15.75, 3.07),
    "tinybert-4l-312": (14.35, 1.25),
    "tinybert-6l-768": (66.96, 11.2),
    "minilm-l6-h384": (22.7, 2.87),
    "minilm-l12-h384": (33.4, 5.74),
}


def test_all_models_of_the_protocol_are_registered() -> None:
    assert set(PUBLISHED) <= set(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_architecture_has_the_published_size(name: str) -> None:
    spec, adapter = MODELS[name], adapter_for(MODELS[name].family)
    kwargs = dict(spec.config)
    config = transformers.CONFIG_MAPPING[kwargs.pop("model_type")](**kwargs)
    with torch.device("meta"):
        model = transformers.AutoModel.from_config(config)
    parameters = sum(p.numel() for p in model.parameters())
    assert spec.published is not None
    assert (spec.published.parameters, spec.published.gflops) == PUBLISHED.get(
        name, (spec.published.parameters, spec.published.gflops)
    )
    assert parameters / 1e6 == pytest.approx(spec.published.parameters, rel=0.005)
    assert adapter.parameters(spec.config) == adapter.parameters(config) == parameters
    assert adapter.flops(spec.config, 128) / 1e9 == pytest.approx(spec.published.gflops, rel=0.01)
    assert adapter.flops(config, 128) == adapter.flops(spec.config, 128)
    assert all(getattr(config, key) == value for key, value in spec.config.items())


def test_mobilebert_with_a_pooler_has_the_larger_published_size() -> None:
    config = {**MODELS["mobilebert-uncased"].config, "classifier_activation": True}
    assert adapter_for("mobilebert").parameters(config) / 1e6 == pytest.approx(24.84, rel=0.0005)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_spec_is_complete(name: str) -> None:
    spec = MODELS[name]
    assert spec.reference
    assert spec.cased == name.endswith("-cased")
    assert isinstance(spec.source, HubSource) or name == "mobilebert-tiny"


def test_scan_imports_nothing_heavy() -> None:
    program = """
import sys
from pathlib import Path
from benchbert import registry
from benchbert.models.availability import availability, flops_of, layers_of, parameters_of
rows = [(s.name, availability(s, Path("/nowhere")), layers_of(s), parameters_of(s), flops_of(s, 128))
        for s in registry.entries("models").values()]
assert len(rows) >= 18, rows
heavy = {"torch", "transformers", "datasets", "pandas", "numpy", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
