"""Decides what is computed next, from the wishes of all clients, and records the fate of each tile.

Pure bookkeeping: no threads, no clock, no torch. To share a `Schedule` between threads, hold a lock around each call;
only `group_of`, which takes longest, needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from sr_core.engine.blocks import TileGroup, first_group, next_group
from sr_core.image.geometry import Rect, TileKey
from sr_core.tiles.request import Answer, Counts, Priority, TileFailed, Wish

AHEAD_SHARE = 2
"""Groups computed ahead have sides this many times smaller, so that a wish that arrives meanwhile waits less."""

PASSED_OVER = 4
"""How many groups of other clients may begin before a waiting client has its turn, whatever its priority. So an export
makes progress, with a fifth of the work, beside a view that keeps asking for tiles."""


@dataclass(frozen=True)
class Choice:
    """Work that may be begun: `tiles` of a `wish` that nobody has begun, most wanted first. `opens`: they are the first
    of a new view. `ahead`: nobody waits for them."""

    wish: Wish
    tiles: tuple[TileKey, ...]
    opens: bool = False
    ahead: bool = False

    def group(self, bounds: Rect) -> TileGroup:
        """Return the tiles to compute together, in one pass. `bounds`: of the first tile's photograph."""
        first = self.tiles[0]
        alike = [
            key
            for key in self.tiles
            if (key.photograph, key.level, key.layer) == (first.photograph, first.level, first.layer)
        ]
        if self.opens:
            return first_group(alike, bounds)
        return next_group(alike, bounds, AHEAD_SHARE) if self.ahead else next_group(alike, bounds)


class Schedule:
    """Only each client's newest wish counts. A tile that several clients wish for is computed once.

    The most urgent client's tiles come first (`Priority`); among equally urgent clients, those of the one that has
    waited longer. A client that was passed over PASSED_OVER times is next in any case.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self.request_id = 0
        self._wishes: dict[str, Wish] = {}
        self._pending: set[TileKey] = set()  # wished for and not answered
        self._ahead: dict[str, dict[TileKey, None]] = {}  # of each wish's `ahead` what is still to do, in its order
        self._begun: set[TileKey] = set()
        self._answered: set[TileKey] = set()  # and not yet taken
        self._waited: dict[str, int] = {}  # groups of others begun since a client's own, while it had any to begin
        self._fresh: set[str] = set()  # clients whose new view waits for its first tiles to be begun
        self._first: frozenset[TileKey] = frozenset()  # those, once they are

    def want(self, wish: Wish) -> bool:
        """Replace a client's wish. Cancels tiles of its previous wish that are not in this one, have not begun, and are
        wished for by nobody else. Returns whether anything has changed."""
        client, before = wish.client, self._wishes.get(wish.client)
        tiles = tuple(key for key in wish.tiles if key not in self._answered)
        wish = replace(wish, tiles=tiles, request_id=self.request_id + 1)
        now = set(tiles)
        nothing = not (before or tiles or wish.ahead)
        if nothing or (wish.same_as(before) and now <= self._pending):
            return False
        others = set(chain.from_iterable(other.tiles for name, other in self._wishes.items() if name != client))
        dropped = self._pending - now - self._begun - others
        if wish.priority is Priority.WATCHED and tiles and tiles[0] not in self._pending:
            self._fresh.add(client)
        self._count(wished=len(now - self._pending), cancelled=len(dropped))
        self._pending = (self._pending - dropped) | now
        ahead = dict.fromkeys(key for key in wish.ahead if key not in now and key not in self._answered)
        self._forget(client)
        self.request_id = wish.request_id
        if wish.tiles or wish.ahead:
            self._wishes[client] = wish
            self._waited.setdefault(client, 0)
        else:
            self._waited.pop(client, None)
            self._fresh.discard(client)
        if ahead:
            self._ahead[client] = ahead
        return True

    def clear(self) -> int:
        """Drop all wishes and cancel what has not begun. Returns a request id that no wish has had yet."""
        self._count(cancelled=len(self._pending - self._begun))
        self._pending &= self._begun
        for client in list(self._wishes):
            self._forget(client)
        self._waited.clear()
        self._fresh.clear()
        self.request_id += 1
        return self.request_id

    def _forget(self, client: str) -> None:
        self._wishes.pop(client, None)
        self._ahead.pop(client, None)

    @property
    def waits(self) -> bool:
        """Whether anybody is waiting for a tile."""
        return bool(self._pending)

    @property
    def has_unbegun(self) -> bool:
        """Whether there are wished-for tiles that nobody has begun and that may begin now."""
        return not self._pending <= self._begun and not self.opening

    @property
    def has_ahead(self) -> bool:
        """Whether there are tiles to compute ahead."""
        return bool(self._ahead)

    @property
    def opening(self) -> bool:
        """Whether a view's first tiles are being computed. Other lanes then hold back, because the processor has the
        view's first pictures to draw as well."""
        return not (self._fresh or self._begun.isdisjoint(self._first))

    def choose(self) -> Choice | None:
        """Return the most wanted work that nobody has begun, or None."""
        waiting = [wish for wish in self._wishes.values() if any(map(self._unbegun, wish.tiles))]
        if not waiting:
            return None
        wish = min(waiting, key=self._turn)
        return Choice(wish, tuple(filter(self._unbegun, wish.tiles)), opens=wish.client in self._fresh)

    def choose_ahead(self) -> Choice | None:
        """Return work that the most urgent client may wish for next, or None."""
        wishes = [self._wishes[client] for client in self._ahead]
        if not wishes:
            return None
        wish = min(wishes, key=lambda wish: wish.priority)
        return Choice(wish, tuple(self._ahead[wish.client]), ahead=True)

    def _unbegun(self, key: TileKey) -> bool:
        return key in self._pending and key not in self._begun

    def _turn(self, wish: Wish) -> tuple:
        """Sort key: the client with the smallest is next."""
        waited = self._waited[wish.client]
        return waited < PASSED_OVER, -waited if waited >= PASSED_OVER else wish.priority, -waited

    def begin(self, choice: Choice, group: TileGroup) -> bool:
        """Mark the group as begun, unless a newer wish has arrived or another lane has taken one of its tiles."""
        client = choice.wish.client
        due = self._ahead.get(client, {}) if choice.ahead else self._pending
        taken = self.opening or any(key in self._begun or key not in due for key in group.tiles)
        if self._wishes.get(client) is not choice.wish or taken:
            return False
        if client in self._fresh and group.tiles[0] in self._pending:
            self._fresh.discard(client)
            self._first = frozenset(group.tiles)
        self._begun.update(group.tiles)
        for name, wish in self._wishes.items():
            waits = name != client and any(map(self._unbegun, wish.tiles))
            self._waited[name] = self._waited[name] + 1 if waits else 0
        return True

    def give_back(self, tiles: set[TileKey]) -> None:
        """Unmark these tiles as begun, so that they are grouped again. Cancels those that no wish names any more."""
        self._begun -= tiles
        wished = set(chain.from_iterable(wish.tiles for wish in self._wishes.values()))
        dropped = (self._pending & tiles) - wished
        self._pending -= dropped
        self._count(cancelled=len(dropped))

    def answer(self, answers: Sequence[Answer], how: str) -> None:
        """Mark these tiles as done. Those that were wished for are counted in the field `how` of `Counts`."""
        wished = sum(answer.key in self._pending for answer in answers)
        self._count(**{how: wished})
        self._count(prefetched=len(answers) - wished)
        for answer in answers:
            self._pending.discard(answer.key)
            self._begun.discard(answer.key)
            self._answered.add(answer.key)
        keys = {answer.key for answer in answers}
        self._drop_ahead(keys.__contains__)

    def fail(self, concerned: Callable[[TileKey], bool], reason: str, own: Sequence[TileKey]) -> list[TileFailed]:
        """Return failures for all outstanding tiles concerned, except those that another lane has begun; `own`: those
        that this lane has begun. Work ahead is dropped silently; its error is reported if somebody wishes for it."""
        self._begun.difference_update(own)
        failed = sorted(filter(concerned, self._pending - self._begun))
        answers = [TileFailed(key, self.request_id, reason) for key in failed]
        self.answer(answers, "failed")
        self._drop_ahead(concerned)
        return answers

    def taken(self) -> None:
        """Record that all answers were taken: from now on, wishing for such a tile again computes it again."""
        self._answered.clear()

    def _drop_ahead(self, done: Callable[[TileKey], bool]) -> None:
        for client, keys in list(self._ahead.items()):
            left = {key: None for key in keys if not done(key)}
            self._ahead[client] = left
            if not left:
                del self._ahead[client]

    def _count(self, **more: int) -> None:
        counts = {name: getattr(self.counts, name) + n for name, n in more.items()}
        self.counts = replace(self.counts, **counts)
