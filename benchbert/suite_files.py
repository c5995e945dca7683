"""Where suite and recipe files are: below `suites/` here, and those that come with the package."""

from __future__ import annotations

from pathlib import Path

from benchbert.errors import UnknownNameError

__all__ = ["find_recipe", "find_suite", "recipe_files", "recipe_in", "suite_files"]

_PACKAGE = Path(__file__).parent


def _folders() -> list[Path]:
    """Here, in the checkout that benchbert runs from, and in the installed package: the first two are often one."""
    places = [Path.cwd() / "suites", _PACKAGE.parent / "suites", _PACKAGE / "_suites"]
    found: dict[Path, Path] = {}
    for place in places:
        if place.is_dir():
            found.setdefault(place.resolve(), place)
    return list(found.values())


def _files(inner: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in _folders():
        for path in sorted((folder / inner).glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def suite_files() -> dict[str, Path]:
    """Name -> file of every suite in sight; a file here goes before one of the package."""
    return _files(".")


def recipe_files() -> dict[str, Path]:
    """Name -> file of every recipe in sight."""
    return _files("recipes")


def find_suite(name: str) -> Path:
    """The file that a path or the bare name of a suite stands for."""
    return _find(name, suite_files(), "suites")


def find_recipe(name: str) -> Path:
    """The file that a path or the bare name of a recipe stands for."""
    return _find(name, recipe_files(), "recipes")


def recipe_in(folder: Path, name: str) -> Path:
    """What a suite means by a recipe: a file, relative to the suite's folder, or else a bare name of one in sight."""
    path = folder / name
    known = {} if path.is_file() or Path(name).suffix else recipe_files()
    return known.get(name, path)


def _find(name: str, known: dict[str, Path], kind: str) -> Path:
    path = Path(name)
    if path.suffix == ".toml" or path.is_file() or len(path.parts) > 1:
        return path
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return known[name]
