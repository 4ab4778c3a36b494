"""Assigns tests to the processes that share a run."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.helpers.sharing import on_the_screen


class ScreenThenFiles(LoadFileScheduling):
    """The first process takes all tests on the screen. A process with nothing left takes the next file, in the order of
    collection, in which tests on the screen come first."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False  # by their number of tests: those that take longest are few in a file
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "the screen" if on_the_screen(self.config.rootpath / file) else file
