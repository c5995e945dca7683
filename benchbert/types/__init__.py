"""The nouns of benchbert: frozen, keyword-only dataclasses of the standard library, shared by every room.

What a user writes (`Suite`, `Recipe`) stands in suite.py and recipe.py; what is registered (`ModelSpec`, `Task`) and
what a run keeps (`Job`, `Value`, `Result`) stand here.
"""

from benchbert.types.digests import canonical_json, digest
from benchbert.types.jobs import Job, JobKind, Resources
from benchbert.types.models import (
    ArchitectureSource,
    FolderSource,
    HubSource,
    ModelSource,
    ModelSpec,
    PublishedFacts,
    RecipeSource,
)
from benchbert.types.results import SCHEMA_VERSION, Artefact, Direction, Result, ResultKey, Status, Value, as_json
from benchbert.types.tasks import HEAD_LENGTHS, HEAD_METRICS, DatasetRef, FileLayout, Head, Split, Task, Workload

__all__ = [
    "HEAD_LENGTHS",
    "HEAD_METRICS",
    "SCHEMA_VERSION",
    "ArchitectureSource",
    "Artefact",
    "DatasetRef",
    "Direction",
    "FileLayout",
    "FolderSource",
    "Head",
    "HubSource",
    "Job",
    "JobKind",
    "ModelSource",
    "ModelSpec",
    "PublishedFacts",
    "RecipeSource",
    "Resources",
    "Result",
    "ResultKey",
    "Split",
    "Status",
    "Task",
    "Value",
    "Workload",
    "as_json",
    "canonical_json",
    "digest",
]
