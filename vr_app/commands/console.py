"""Lines and bars for the terminal, in which file names stand as they are, whatever they are."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from sr_core.files import printable


class Terminal(Console):
    """rich's console with a way to print a line as it is."""

    def __init__(self, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True)

    def tell(self, line: str) -> None:
        """Print a line in which nothing is markup, and nothing moves the cursor."""
        self.print(printable(line), markup=False)


def progress(console: Console, *further: ProgressColumn, transient: bool = True) -> Progress:
    """A bar with the task's description as it is, on a terminal; nothing elsewhere. `further` columns come before the
    time that is left."""
    columns: Sequence[ProgressColumn] = (TextColumn("{task.description}", markup=False), BarColumn())
    counted = (*columns, MofNCompleteColumn(), *further, TimeRemainingColumn())
    return Progress(*counted, console=console, transient=transient, disable=not console.is_terminal)
