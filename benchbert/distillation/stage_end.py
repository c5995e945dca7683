"""A stage of training that came to its end: its student and curve, kept until the stages after it have ended too."""

from __future__ import annotations

import io
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchbert.store.files import saving, writing
from benchbert.training.loop import Curve

__all__ = ["StageEnd", "joined"]


@dataclass(frozen=True)
class StageEnd:
    """The end of one stage in the work folder of a job, which no other job shares."""

    folder: Path
    """Of the stage, with its checkpoint as long as it is under way."""

    def write(self, student: nn.Module, curve: Curve) -> None:
        """Keeps a stage whole or not at all; its checkpoint goes.

        Raises:
            StoreError: it cannot be written.
        """
        stream = io.BytesIO()
        told = {"steps": curve.steps, "terms": curve.terms, "seconds": curve.seconds, "notes": curve.notes}
        torch.save({"student": student.state_dict(), "curve": told}, stream)
        with saving(self.folder), writing(self._path(zlib.crc32(stream.getbuffer()))) as temporary:
            temporary.write_bytes(stream.getbuffer())
        shutil.rmtree(self.folder, ignore_errors=True)

    def read(self, student: nn.Module) -> Curve | None:
        """Its curve, the student's weights put in place; None: it has not ended, or its file is damaged."""
        for path in sorted(self.folder.parent.glob(f"{self.folder.name}.*.pt")):
            content = path.read_bytes()
            if self._path(zlib.crc32(content)) != path:
                path.unlink()
                continue
            state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            student.load_state_dict(state["student"])
            return Curve(**state["curve"])
        return None

    def _path(self, checksum: int) -> Path:
        """The checksum is in the name: torch itself does not look at the sums of tensors."""
        return self.folder.with_name(f"{self.folder.name}.{checksum:08x}.pt")


def joined(before: Curve, after: Curve) -> Curve:
    """Two stages as one curve: steps are counted on, and a term that a stage does not have is 0 in it."""
    offset = before.steps[-1] if before.steps else 0
    terms = {}
    for name in dict.fromkeys([*before.terms, *after.terms]):
        first = before.terms.get(name, [0.0] * len(before.steps))
        terms[name] = [*first, *after.terms.get(name, [0.0] * len(after.steps))]
    return Curve(
        steps=[*before.steps, *(offset + step for step in after.steps)],
        terms=terms,
        seconds=before.seconds + after.seconds,
        notes=[*before.notes, *after.notes],
    )
