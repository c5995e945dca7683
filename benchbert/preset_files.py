"""The distillation presets: recipes without teacher, student shape and corpus, one file each in their folder."""

from __future__ import annotations

from pathlib import Path

from benchbert.errors import UnknownNameError

__all__ = ["PRESET", "find_preset", "preset_files"]

PRESET = "preset:"
"""What stands before a preset's name in `extends`."""

_FOLDER = Path(__file__).parent / "distillation" / "presets"


def preset_files() -> dict[str, Path]:
    """Name -> file of every preset."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def find_preset(name: str) -> Path:
    """The file of a preset, its name with or without `preset:` before it.

    Raises:
        UnknownNameError: there is none of that name.
    """
    known = preset_files()
    name = name.removeprefix(PRESET)
    if name not in known:
        raise UnknownNameError("presets", name, known)
    return known[name]
