"""Measure the engine alone, against the fastest convolutions of this machine and against the plain method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sr_core.assets import asset_path
from sr_core.image.photograph import load_photograph
from vr_app.bench.progress import Progress
from vr_app.bench.report import Measured, Settings, cores, milliseconds

if TYPE_CHECKING:
    from sr_core.engine.bench import Measurement, Timing

ROUNDS, QUICK_ROUNDS = 30, 1
CURVE_ROUNDS = 10
SCALES = (2, 4, 8)
PLAIN_SCALE = 4


def measure(settings: Settings, progress: Progress) -> Measured:
    """Measure the rows of `engine`."""
    from sr_core.engine import bench
    from sr_core.engine.engine import choose_device
    from sr_core.networks.zoo import load_model

    networks = [load_model(settings.model, scale) for scale in SCALES]
    pixels = load_photograph(asset_path("demo", "retina.jpg")).pixels
    device = choose_device(settings.device)

    def run(rounds: int, threads: int | None) -> Measurement:
        found = bench.measure(networks, pixels, rounds, PLAIN_SCALE, threads, device, warm_up=not settings.quick)
        progress.step()
        return found

    counts = range(1, cores() + 1) if settings.curves else ()
    progress.begin("engine", 1 + len(counts))
    found = run(QUICK_ROUNDS if settings.quick else ROUNDS, settings.threads)
    values: dict[str, float | None] = {"engine_x4_against_plain": found.times_plain(PLAIN_SCALE)}
    values |= {f"engine_share_of_ceiling_x{scale}": 100 * found.share_of_ceiling(scale) for scale in SCALES}
    measured = Measured(
        values=values,
        samples={
            timing.name: _samples(timing)
            for timing in (*found.ceiling.values(), found.plain, *found.engine.values(), *found.zoom.values())
        },
        about=_about(found, settings.quick) | {"device": str(device)},
    )
    if counts:
        rounds = QUICK_ROUNDS if settings.quick else CURVE_ROUNDS
        measured.curves["Engine against processor threads"] = [_point(run(rounds, threads)) for threads in counts]
    return measured


def _samples(timing: Timing) -> dict[str, list[float]]:
    return {
        "wall_ms": milliseconds([sample.seconds for sample in timing.samples]),
        "processor_ms": milliseconds([sample.cpu_seconds for sample in timing.samples]),
    }


def _about(found: Measurement, quick: bool) -> dict[str, object]:
    own, all_of_them = found.own_ceiling, found.ceiling.values()
    return {
        "threads": found.threads,
        "precision": found.precision,
        "warm_up": "none" if quick else "one run of each, not counted",
        "rounds": len(found.plain.samples),
        "compared_by": "median seconds",
        "ceiling": f"{own.name}: the network's own width",
        "ceiling_gflops": round(own.operations_per_second / 1e9, 1),
        "all_ceilings_gflops": {timing.name: round(timing.operations_per_second / 1e9, 1) for timing in all_of_them},
        "plain_mpix_per_s": _mpix(found.plain),
        "engine_mpix_per_s": {f"x{scale}": _mpix(timing) for scale, timing in found.engine.items()},
        "share_of_ceiling_in_a_zoom": {
            f"x{scale}": round(100 * found.share_in_a_zoom(scale), 1) for scale in found.zoom
        },
        "engine_useful_gflops": {
            f"x{scale}": round(timing.operations_per_second / 1e9, 1) for scale, timing in found.engine.items()
        },
    }


def _point(found: Measurement) -> dict[str, float]:
    rates = {f"x{scale}, MPix/s": _mpix(timing) for scale, timing in found.engine.items()}
    shares = {f"x{scale}, % of the ceiling": round(100 * found.share_of_ceiling(scale), 1) for scale in found.engine}
    return {"threads": found.threads} | rates | {"plain x4, MPix/s": _mpix(found.plain)} | shares


def _mpix(timing: Timing) -> float:
    return round(timing.pixels_per_second / 1e6, 2)
