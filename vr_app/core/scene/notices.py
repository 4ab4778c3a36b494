"""Messages to the user, shown in the picture for some seconds and printed once in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sr_core.files import printable

NOTICE_SECONDS = 12.0


class Notices:
    """The notices of one session. `say` writes a line to the terminal. `first`: the first notices."""

    def __init__(self, say: Callable[[str], None], first: Iterable[str] = ()) -> None:
        self._say = say
        self._now = 0.0
        self._until: dict[str, float] = {}
        self._of_headset = ""
        for text in first:
            self.tell(text)

    def pass_time(self, seconds: float) -> None:
        """Let this many seconds pass."""
        self._now += seconds

    def tell(self, text: str) -> None:
        """Show a notice from now on. One that is already shown is not repeated, and an empty one is none."""
        text = printable(text)
        self._until = {known: until for known, until in self._until.items() if until > self._now}
        if text and text not in self._until:
            self._until[text] = self._now + NOTICE_SECONDS
            self._say(f"fundusxr: {text}")

    def tell_of_headset(self, text: str) -> None:
        """Like `tell`, for the headset: it replaces the last notice about the headset, and a repeated event is shown
        again."""
        self._until.pop(self._of_headset, None)
        self._of_headset = text
        self.tell(text)

    @property
    def shown(self) -> tuple[str, ...]:
        """The texts to show now, oldest first."""
        return tuple(text for text, until in self._until.items() if until > self._now)
