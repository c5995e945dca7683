"""Which bytes a name stands for today: a commit on the hub, or a digest of the files of a folder."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Literal

__all__ = ["files_digest", "hub_commit", "not_here"]


def not_here(what: str, name: str, mirror: Path | None, problem: str) -> str:
    """One sentence on what neither the mirror nor the hub gives; empty where there is no problem."""
    if not problem:
        return ""
    where = f"is neither in the mirror {mirror} nor" if mirror else "is not"
    return f"{what} {name} {where} to be had from the hub: {problem}"


@cache
def hub_commit(kind: Literal["model", "dataset"], name: str, revision: str) -> tuple[str, str]:
    """(commit, "") from the hub, or from its cache when it cannot be reached, or ("", why not)."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

    problem = ""
    try:
        info: Any = HfApi().repo_info(name, repo_type=kind, revision=revision, timeout=20)
        return str(info.sha), ""
    except GatedRepoError:
        return "", "it is gated: accept its terms on the hub and log in with `hf auth login`"
    except RepositoryNotFoundError:
        return "", "the hub has no such repository, or it is private"
    except OfflineModeIsEnabled:
        problem = "HF_HUB_OFFLINE is set, and it is not in the cache; unset it, or name a folder with --mirror"
    except (HfHubHTTPError, OSError, ValueError) as error:
        problem = f"the hub cannot be reached ({type(error).__name__}); name a folder with --mirror"
    except Exception as error:  # the HTTP library under the hub client changes between versions, and its errors with it
        if not type(error).__module__.startswith(("http", "requests")):
            raise
        problem = f"the hub cannot be reached ({type(error).__name__}); name a folder with --mirror"
    reference = Path(constants.HF_HUB_CACHE) / f"{kind}s--{name.replace('/', '--')}" / "refs" / revision
    return (reference.read_text().strip(), "") if reference.is_file() else ("", problem)


@cache
def files_digest(place: Path) -> str:
    """SHA-256 over (path, SHA-256) of the files of a folder; caches and hidden files left out."""
    total = hashlib.sha256()
    for path in sorted(p for p in place.rglob("*") if p.is_file()):
        relative = path.relative_to(place)
        if any(part.startswith((".", "__")) for part in relative.parts):
            continue
        with path.open("rb") as stream:
            total.update(f"{relative.as_posix()} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()
