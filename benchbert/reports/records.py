"""Records, dataclasses of one kind, as a table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["records_table"]


def records_table(
    records: Sequence[Any], kind: type[Any], *, numbers: Collection[str], counts: Collection[str] = ()
) -> pd.DataFrame:
    """One row a record, one column a field, typed the same however many records there are; missing numbers are NA.

    Args:
        records: of the dataclass `kind`.
        kind: whose fields are the columns, in their order.
        numbers: fields that hold numbers; those in neither of the two hold text.
        counts: fields that hold whole numbers.
    """
    import pandas as pd

    dtypes: dict[str, Any] = {
        field.name: "Float64" if field.name in numbers else "Int64" if field.name in counts else "string"
        for field in fields(kind)
    }
    return pd.DataFrame(
        {name: pd.Series([getattr(row, name) for row in records], dtype=dtype) for name, dtype in dtypes.items()}
    )
