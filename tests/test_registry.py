"""The registry: names, globs, strangers, and what must not be imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchbert import registry
from benchbert.errors import UnknownNameError

HEAVY = ("torch", "transformers", "datasets", "evaluate", "pandas", "plotly", "ray", "accelerate", "scipy", "sklearn")


@pytest.mark.parametrize("kind", list(registry.KINDS))
def test_every_kind_has_entries_under_their_own_names(kind: str) -> None:
    found = registry.entries(kind)
    assert found
    assert all(name == entry.name for name, entry in found.items())


def test_an_unknown_name_says_what_is_near_and_where_to_look() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'bert-tiny'.*benchbert list models"):
        registry.find("models", "bert-tinny")


def test_a_glob_keeps_the_registry_order() -> None:
    names = registry.expand("models", "bert-*")
    assert names == [n for n in registry.entries("models") if n.startswith("bert-")]
    with pytest.raises(UnknownNameError):
        registry.expand("models", "nothing-*")


@pytest.mark.parametrize(
    "code",
    [
        "import benchbert.cli; benchbert.cli.cli.main(['--help'], standalone_mode=False)",
        "from benchbert import registry; [registry.entries(k) for k in registry.KINDS if k != 'sections']",
        "from benchbert.listing import LISTS, rows; [rows(k) for k in LISTS]",
    ],
)
def test_nothing_heavy_is_imported_to_look_around(code: str) -> None:
    script = f"{code}\nimport sys\nprint('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"
