"""Where the files of a resolved model are: an artefact's folder, a mirror or checkpoint, or the hub's cache.

Files come from the hub one by one at one commit, so that they lie in one folder of the cache; everything after that
reads local files only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchbert.errors import UnavailableError
from benchbert.lock import ModelLock

__all__ = ["locate", "one_line"]

_CONFIG = "config.json"


def locate(
    model: ModelLock, folder: Path | None = None, *, optional: Sequence[str] = (), one_of: Sequence[str] = ()
) -> Path:
    """The local folder with a model's config.json, and with what its source has of the other files.

    Args:
        model: the resolved model.
        folder: overrides where the lock says it is: a model that a recipe or a fine-tuning job made.
        optional: names of files to have there as well.
        one_of: names of files of which the first that the source has is wanted.

    Raises:
        UnavailableError: there is no folder, or the hub cannot give the files.
    """
    if folder is None and model.error:
        raise UnavailableError(f"model {model.name!r}: {model.error}")
    local = folder or (Path(model.folder) if model.folder else None)
    if local is not None:
        if not local.is_dir():
            raise UnavailableError(f"model {model.name!r}: there is no folder {local}")
        return local
    if not model.hub_id:
        raise UnavailableError(f"model {model.name!r} has no files: {_REASON[model.weights]}")
    config = _download(model, _CONFIG, model.revision or "main")
    if config is None:
        raise UnavailableError(f"{_where(model)} has no {_CONFIG}{_perhaps_elsewhere()}")
    # The cache names a snapshot by its commit: a branch that moves meanwhile does not mix two of them.
    commit = config.parent.name
    for name in optional:
        _download(model, name, commit)
    if one_of and not any(_download(model, name, commit) for name in one_of):
        raise UnavailableError(f"{_where(model)} has neither {' nor '.join(one_of)}{_perhaps_elsewhere()}")
    return config.parent


_REASON = {
    "published": "its lock names neither a hub id nor a folder; resolve the suite again",
    "folder": "its lock names no folder; resolve the suite again",
    "random": "it is an architecture with random weights, to be profiled, not to be scored",
    "recipe": "its recipe has not been carried out yet",
}
"""Kind of weights -> why there is no place to look."""


def _download(model: ModelLock, name: str, revision: str) -> Path | None:
    """One file in the hub's cache, fetched when it is not there; None where the repository has no such file.

    Under HF_HUB_OFFLINE the cache is taken for the repository. Without it, a file that is neither cached nor known to
    be absent is an error when the hub cannot be reached: a tokenizer without its settings would split text otherwise.

    Raises:
        UnavailableError: it cannot be had.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    known = try_to_load_from_cache(model.hub_id, name, revision=revision) if _is_commit(revision) else None
    if known is not None:
        # What is no path is hub's mark for "the repository has none at this commit".
        return Path(known) if isinstance(known, str) else None
    try:
        return Path(hf_hub_download(model.hub_id, name, revision=revision))
    except LocalEntryNotFoundError as error:
        if _offline():
            return None
        # A server's answer (no such revision, say) is the cause of this error and says more than it.
        cause = error.__cause__ if isinstance(error.__cause__, HfHubHTTPError) else error
        raise UnavailableError(_explain(model, name, cause)) from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # the HTTP client, and so its errors, differ between versions of huggingface_hub
        raise UnavailableError(_explain(model, name, error)) from error


def _is_commit(revision: str) -> bool:
    """Whether a revision cannot move; then what the cache says needs no question to the hub."""
    return len(revision) == 40 and set(revision) <= set("0123456789abcdef")


def _offline() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _where(model: ModelLock) -> str:
    return f"model {model.name!r}: {model.hub_id} (revision {model.revision or 'main'}) on the hub"


def _perhaps_elsewhere() -> str:
    """What may mend a missing file."""
    if _offline():
        return " in its cache, and HF_HUB_OFFLINE forbids to look further: connect, or give its clone in `--mirror DIR`"
    return ": give a model saved by transformers with its config.json and model.safetensors"


def _explain(model: ModelLock, name: str, error: Exception) -> str:
    """One line: which repository, what happened, the mend."""
    from huggingface_hub import errors

    where = _where(model)
    if isinstance(error, errors.LocalEntryNotFoundError):
        return (
            f"{where} cannot be reached and {name} is not in its cache: connect, give its clone in `--mirror DIR`, or "
            "set HF_HUB_OFFLINE=1 if the cache is complete"
        )
    if isinstance(error, errors.GatedRepoError):
        return f"{where} is gated: accept its terms there, then `hf auth login`"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{where} has no such revision: resolve the suite again"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{where} does not exist or is private: check the id, or `hf auth login`"
    return f"{where}: {name} could not be fetched ({one_line(error)}): try again, or give its clone in `--mirror DIR`"


def one_line(error: BaseException) -> str:
    """What an error of another library says, as one line of bounded length."""
    return " ".join(str(error).split())[:200] or type(error).__name__
