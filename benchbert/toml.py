"""Reads a TOML file into a dataclass, strictly: every problem at once, each with its key and the mend."""

from __future__ import annotations

import difflib
import json
import math
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from benchbert.errors import SuiteError

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["parse", "read", "read_extended"]

T = TypeVar("T")


def read(path: Path, into: type[T], *, what: str) -> T:
    """The file as a `into`.

    Args:
        path: a TOML file.
        into: a dataclass with `__pydantic_config__ = {"extra": "forbid"}`.
        what: `suite` or `recipe`, for messages.

    Raises:
        SuiteError: no such file, not TOML, or with unknown keys or wrong types: all of them are listed.
    """
    return parse(_load(path, what), into, source=str(path))


def read_extended(
    path: Path,
    into: type[T],
    *,
    what: str,
    paths: tuple[str, ...] = (),
    named: Callable[[Path, str], Path] = lambda folder, base: folder / base,
) -> T:
    """The file as a `into`, on top of the file that its key `extends` names, and so on.

    A table is merged key by key; any other value takes the place of the one below.

    Args:
        path: a TOML file.
        into: as for `read`.
        what: as for `read`.
        paths: keys with paths, relative to the file that they stand in: those that end in `.toml` or start with a dot.
        named: (folder of a file, what its `extends` says) -> the file that it stands for.

    Raises:
        UnknownNameError: as `named`.
        SuiteError: as `read`, or the file extends itself, or has no `name` of its own.
    """
    return parse(_extended(path, what, paths, named, ()), into, source=str(path))


def _extended(
    path: Path, what: str, paths: tuple[str, ...], named: Callable[[Path, str], Path], above: tuple[Path, ...]
) -> dict[str, Any]:
    data = _load(path, what)
    if "extends" not in data:
        return data
    base = data.pop("extends")
    if not isinstance(base, str):
        raise SuiteError(str(path), [f"extends: should be the path of a {what}, is {base!r}"])
    place = named(path.parent, base).resolve()
    above = (*above, path.resolve())
    if place in above:
        raise SuiteError(str(path), [f"extends: this {what} stands on itself"])
    below = _extended(place, what, paths, named, above)
    if "name" not in data:
        raise SuiteError(str(path), [f"name: a {what} that extends another needs a name of its own"])
    for key in paths:
        value = str(below.get(key, ""))
        if value.endswith(".toml"):
            below[key] = os.path.relpath(place.parent / value, path.parent)
        elif value.startswith(("./", "../")):
            # The dot in front is what tells a path from a name.
            below[key] = os.path.join(".", os.path.relpath(place.parent / value, path.parent))  # noqa: PTH118
    return _merged(below, data)


def _merged(below: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**below, **top}
    for key in below.keys() & top.keys():
        if isinstance(below[key], Mapping) and isinstance(top[key], Mapping):
            merged[key] = _merged(below[key], top[key])
    return merged


def _load(path: Path, what: str) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise SuiteError(str(path), [_missing(path, what)]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(str(path), [f"cannot be read as a {what}: {error}"]) from None
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SuiteError(str(path), [f"is not TOML: {error}"]) from None


def parse(data: Mapping[str, Any], into: type[T], *, source: str) -> T:
    """A mapping, as TOML or Python gave it, as a `into`; see `read`."""
    from pydantic import ValidationError

    try:
        # Strict validation takes a list for a tuple only from JSON, so the data goes through it.
        text = json.dumps(data, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise SuiteError(source, list(_strange(data, ""))) from None
    try:
        found: T = _adapter(cast(Any, into)).validate_json(text, strict=True)
    except ValidationError as error:
        raise SuiteError(source, _problems(error, into)) from None
    return found


def _strange(value: Any, key: str) -> Iterator[str]:
    """The keys whose values are no JSON: numbers that are none, dates."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _strange(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from _strange(inner, f"{key}[{i}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{key}: should be a finite number, is {value}"
    elif not isinstance(value, str | int | float | bool):
        yield f"{key}: should be a number, a text, a list or a table, is {value}"


@cache
def _adapter(into: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(into)


def _missing(path: Path, what: str) -> str:
    siblings = sorted(p.name for p in path.parent.glob("*.toml")) if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, siblings, n=1)
    hint = f"; did you mean {path.with_name(near[0])}?" if near else f" (`benchbert list {what}s` shows what there is)"
    return f"no such {what} file{hint}"


def _problems(error: ValidationError, into: type[Any]) -> list[str]:
    """One line a problem: key, what is wrong, mend. Of a union's branches only the one that came closest speaks."""
    by_key: dict[str, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        by_key.setdefault(_key(detail), []).append(detail)
    deepest = {k: v for k, v in by_key.items() if not any(o != k and o.startswith((f"{k}.", f"{k}[")) for o in by_key)}
    return [f"{key}: {_message(details, into)}" for key, details in deepest.items()]


def _key(detail: ErrorDetails) -> str:
    """`models[2].folder`: the location without the names of union branches, which pydantic puts in between."""
    key = ""
    for part in detail["loc"]:
        if isinstance(part, int):
            key += f"[{part}]"
        elif part and (part[0].islower() or not part.isidentifier()) and not _is_branch(part):
            key += f".{part}" if key else part
    return key or "(top level)"


def _is_branch(part: str) -> bool:
    return part in {"str", "int", "float", "bool"} or part.startswith(("literal[", "function-", "tuple[", "dict["))


def _message(details: list[ErrorDetails], into: type[Any]) -> str:
    first = details[0]
    if first["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        name = str(first["loc"][-1])
        near = difflib.get_close_matches(name, _known_keys(into), n=1)
        return "unknown key" + (f"; did you mean {near[0]!r}?" if near else "; take it out")
    if first["type"] == "missing_argument" or first["type"] == "missing":
        return "this key is required"
    wanted = " or ".join(
        dict.fromkeys(d["msg"].removeprefix("Input should be ").removeprefix("Value error, ") for d in details)
    )
    wanted = wanted.replace("an object", "a table").replace("a valid array", "a list").replace("a valid ", "a ")
    shown = json.dumps(first["input"], default=str, ensure_ascii=False)
    return f"should be {wanted}, is {shown if len(shown) < 80 else shown[:77] + '...'}"


def _known_keys(into: type[Any]) -> list[str]:
    """Names of the fields of a dataclass and of the dataclasses within it."""
    import dataclasses
    import typing

    seen: dict[str, None] = {}
    waiting: list[Any] = [into]
    done: list[Any] = []
    while waiting:
        kind = waiting.pop()
        if kind in done:
            continue
        done.append(kind)
        if dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind)
            seen |= {f.name: None for f in dataclasses.fields(kind)}
            waiting += list(hints.values())
        else:
            waiting += list(typing.get_args(kind))
    return list(seen)
