"""What computes may be elsewhere: the worker does not know, and a photograph travels there once."""

import threading
from multiprocessing import get_context
from multiprocessing.connection import Connection

import numpy as np

from sr_core.engine.blocks import Block
from sr_core.image import layers
from sr_core.image.departure import Computed
from sr_core.image.geometry import TileKey
from sr_core.image.layers import SUPER_RESOLUTION, Layer
from sr_core.tiles.engines import Setting, open_engine
from sr_core.tiles.request import Source, TileReady
from sr_core.tiles.worker import Worker
from tests.rig import PATIENCE, wait_until


def serve(connection: Connection, layer: Layer, level: int, setting: Setting) -> None:
    """The far end: a real engine in a process of its own, which knows photographs by their sha256."""
    engine = open_engine(layer, level, setting)
    engine.load()
    photographs: dict[str, np.ndarray] = {}
    connection.send((engine.halo, engine.agrees, engine.sha256))
    while (asked := connection.recv()) is not None:
        sha256, pixels, block = asked
        if pixels is not None:
            photographs[sha256] = pixels
        connection.send(engine.compute(Source(0, photographs[sha256], sha256), block))


class FarEngine:
    """The near end. `sent`: the photographs that have travelled."""

    alone = False

    def __init__(self, layer: Layer, level: int, setting: Setting) -> None:
        self.scale = 1 << level
        self.sent: list[str] = []
        self._asked, self._one = (layer, level, setting), threading.Lock()

    def load(self) -> None:
        context = get_context("spawn")
        self._connection, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, *self._asked), daemon=True)
        self.process.start()
        self.halo, self.agrees, self.sha256 = self._connection.recv()

    def warm_up(self, width: int, height: int) -> None:
        pass

    def compute(self, source: Source, block: Block) -> Computed:
        with self._one:
            known = source.sha256 in self.sent
            self._connection.send((source.sha256, None if known else source.pixels, block))
            if not known:
                self.sent.append(source.sha256)
            return self._connection.recv()

    def close(self) -> None:
        self._connection.send(None)
        self.process.join()


def computed(worker: Worker, wanted: list[TileKey], source: Source) -> dict[TileKey, TileReady]:
    found: list = []
    worker.want(wanted, [source])
    wait_until(lambda: found.extend(worker.ready()) or len(found) == len(wanted), "the tiles", PATIENCE)
    worker.close()
    wait_until(lambda: not worker.running, "the worker's end", PATIENCE)
    return {answer.key: answer for answer in found}


def test_a_far_engine_makes_the_same_tiles_and_gets_the_photograph_once():
    pixels = np.random.default_rng(3).integers(60, 190, (200, 240, 3), np.uint8)
    source = Source(0, pixels, "7" * 64)
    wanted = [TileKey(0, 2, col, row) for row in range(12) for col in range(14)]  # several passes
    far = FarEngine(layers.LAYERS[SUPER_RESOLUTION], 2, Setting("rdb-lite", "cpu"))
    elsewhere = computed(Worker("rdb-lite", "cpu", threads=2, opener=lambda *_: far), wanted, source)
    here = computed(Worker("rdb-lite", "cpu", threads=2, opener=open_engine), wanted, source)
    far.close()
    assert far.sent == [source.sha256]
    assert set(elsewhere) == set(here) == set(wanted)
    for key in wanted:
        assert np.abs(elsewhere[key].pixels.astype(int) - here[key].pixels).max() <= 1
        assert elsewhere[key].weights == here[key].weights
        assert elsewhere[key].departure.agrees == here[key].departure.agrees
