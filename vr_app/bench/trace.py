"""A timeline of a zoom, in Chrome's trace format: what each thread did when, and who held the interpreter.

Nothing in the program knows of it. While a trace is recorded the functions of TRACED are replaced by ones that note
when they begin and end; before and after it they are what they always are, so that a trace that is not asked for costs
nothing.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter_ns, thread_time_ns
from typing import Any

from sr_core.files import write_text
from vr_app.bench.interpreter import Held, holders, thread_state
from vr_app.bench.stage import Visit

TRACED = {
    "zoom": "vr_app.bench.stage:Stage.visit",
    "frame": "vr_app.viewer.loop:Viewer.frame",
    "wait for the display": "vr_app.bench.stage:BenchRuntime.await_display",
    "wait for the driver": "vr_app.gl.context:Context.finish",
    "take what has come": "vr_app.viewer.supply:Supply.take",
    "read hands": "vr_app.viewer.loop:Intake.read",
    "what is seen": "vr_app.viewer.loop:look",
    "ask for tiles": "vr_app.viewer.supply:Supply.ask",
    "upload": "vr_app.viewer.supply:Supply.upload",
    "surfaces": "vr_app.viewer.picture:Picture.surfaces",
    "compose": "vr_app.viewer.loop:compose",
    "draw": "vr_app.viewer.picture:Picture.draw",
    "draw an eye": "vr_app.gl.draw:Renderer.draw",
    "statistics": "vr_app.core.scene.statistics:Statistics.see",
    "wait for work": "threading:Condition.wait",
    "choose": "sr_core.tiles.schedule:Choice.group",
    "make tiles": "sr_core.tiles.maker:TileMaker.compute",
    "block": "sr_core.engine.engine:Engine.compute",
    "network": "sr_core.engine.generator_cpu:FusedRdb.__call__",
    "network, plain": "sr_core.engine.generator_cpu:Plain.__call__",
    "network, CUDA": "sr_core.engine.generator_cuda:CudaGenerator.__call__",
    "cell": "sr_core.engine.engine:cell",
    "agreement": "sr_core.engine.consistency:complete_",
    "nearest of the cell": "sr_core.engine.cell:Cell.nearest",
    "mend": "sr_core.engine.consistency:_mend",
    "round and compare": "sr_core.engine.engine:_finished",
    "cut tiles": "sr_core.tiles.maker:_cut",
    "hand over": "sr_core.tiles.worker:Worker._answer",
}
"""What a span is called, and the function that it is the time of, as `module:name`: the module is the one whose name is
replaced, so that a function imported by name is traced where it is called."""

PROCESS, INTERPRETER = 1, 0
"""Numbers of the process and of the interpreter's own lane in the file."""


@dataclass(frozen=True)
class Span:
    """A call: nanoseconds of `perf_counter_ns`, those that its thread had the processor, and what there is to tell of
    it."""

    name: str
    thread: int
    begun: int
    ended: int
    worked: int
    about: dict[str, Any]


class Trace:
    """Spans of every thread between two moments. `told`: why something is not in it; empty: all is."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.threads: dict[int, str] = {}  # names by identity, in the order of their first spans
        self.told = ""
        self._states: dict[int, int] = {}  # thread identities by the interpreter's own addresses of them
        self._held: tuple[Held, ...] = ()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Trace what runs meanwhile. Call it where no traced function is running on the calling thread."""
        replaced = []
        try:
            with holders() as held:
                for name, place in TRACED.items():
                    owner, attribute = _found(place)
                    call = getattr(owner, attribute)
                    replaced.append((owner, attribute, call))
                    setattr(owner, attribute, self._noting(name, call))
                yield
        finally:
            for owner, attribute, call in replaced:
                setattr(owner, attribute, call)
        self._held, self.told = held.found, held.told

    def write(self, path: Path) -> None:
        """Write what was recorded, to be opened by chrome://tracing or Perfetto."""
        write_text(path, json.dumps(self.document()) + "\n")

    def document(self) -> dict[str, Any]:
        """The trace as Chrome's format has it: complete events ("X") with microseconds since the first span began, and
        in "tdur" those that the thread had the processor."""
        zero = min((span.begun for span in self.spans), default=0)
        lanes = {INTERPRETER: "interpreter held by", **{thread: name for thread, name in self.threads.items()}}
        numbers = {thread: number for number, thread in enumerate(lanes)}
        events = [_name("process_name", 0, "fundusxr")]
        events += [_name("thread_name", numbers[thread], name) for thread, name in lanes.items()]
        events += [
            _event(span.name, numbers[span.thread], span.begun - zero, span.ended - span.begun)
            | {"tdur": span.worked / 1000}
            | ({"args": span.about} if span.about else {})
            for span in sorted(self.spans, key=lambda span: (span.begun, -span.ended))
        ]
        for held in self._held:
            holder = self.threads.get(self._states.get(held.state, -1), "another thread")
            events.append(_event(holder, INTERPRETER, held.begun - zero, held.ended - held.begun))
        return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"missing": self.told}}

    def _noting(self, name: str, call: Callable) -> Callable:
        spans, here = self.spans, threading.get_ident

        @functools.wraps(call)
        def noted(*given: Any, **named: Any) -> Any:
            answer = None
            if (thread := here()) not in self.threads:
                self._meet(thread)
            begun, before = perf_counter_ns(), thread_time_ns()
            try:
                answer = call(*given, **named)
                return answer
            finally:
                about = asdict(answer) if isinstance(answer, Visit) else {}
                worked = thread_time_ns() - before
                spans.append(Span(name, thread, begun, perf_counter_ns(), worked, about))

        return noted

    def _meet(self, thread: int) -> None:
        """The calling thread has its first span."""
        name = threading.current_thread().name
        count = sum(known.split(" #")[0] == name for known in self.threads.values())
        self.threads[thread] = f"{name} #{count + 1}" if count else name
        self._states[thread_state()] = thread


def _found(place: str) -> tuple[Any, str]:
    """What holds a function, and the function's name there."""
    module, _, path = place.partition(":")
    owner: Any = import_module(module)
    *outer, attribute = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    return owner, attribute


def _name(kind: str, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": PROCESS, "tid": thread, "args": {"name": name}}


def _event(name: str, thread: int, begun: int, length: int) -> dict[str, Any]:
    return {"ph": "X", "name": name, "pid": PROCESS, "tid": thread, "ts": begun / 1000, "dur": length / 1000}
