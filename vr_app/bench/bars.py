"""The committed list of what is measured and the limits for it, and the check of a measurement against it."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sr_core.assets import asset_path

HOLDS: Mapping[str, Callable[[float, float], bool]] = {"least": operator.ge, "most": operator.le, "below": operator.lt}
"""How to compare a value with its limit."""


class MissingRowError(RuntimeError):
    """A measurement left out a row of the list, or produced one that is not in it: a bug in the program."""


@dataclass(frozen=True)
class Bar:
    """A row: what `command` measures under `name` in `unit`; `what` and `bar` describe it in words; `sense` is a key of
    HOLDS."""

    name: str
    command: str
    what: str
    bar: str
    unit: str
    sense: str
    limit: float

    def holds(self, value: float | None) -> bool:
        """Whether a value is within the limit. A value that could not be measured is not."""
        return value is not None and math.isfinite(value) and HOLDS[self.sense](value, self.limit)


def all_bars() -> tuple[Bar, ...]:
    """Return every row, in the list's order."""
    rows = json.loads(asset_path("bars.json").read_text(encoding="utf-8"))["rows"]
    return tuple(_bar(row) for row in rows)


def _bar(row: Mapping) -> Bar:
    ((sense, limit),) = row["limit"].items()
    return Bar(row["name"], row["command"], row["what"], row["bar"], row["unit"], sense, limit)


def judge(command: str, values: Mapping[str, float | None], bars: Sequence[Bar] | None = None) -> list[dict]:
    """Check a command's values against `bars`; return `{name, value, unit, limit, holds}` for every row that it has to
    measure.

    None stands for a value that could not be measured. Raises MissingRowError if the values' names are not those of the
    list.
    """
    due = [bar for bar in (all_bars() if bars is None else bars) if bar.command == command]
    names = {bar.name for bar in due}
    if missing := sorted(names - values.keys()):
        raise MissingRowError(f"bench {command} did not measure {', '.join(missing)}")
    if unknown := sorted(values.keys() - names):
        raise MissingRowError(f"bench {command} measured {', '.join(unknown)}, which bars.json does not list")
    return [
        {
            "name": bar.name,
            "value": values[bar.name],
            "unit": bar.unit,
            "limit": bar.limit,
            "holds": bar.holds(values[bar.name]),
        }
        for bar in due
    ]
