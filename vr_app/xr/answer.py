"""The other end of `vr_app.xr.probe`: a process that queries the runtime, prints one line of JSON, and ends.

It imports `xr`, and so is never imported itself: it is run.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict

from vr_app.xr.errors import HeadsetError
from vr_app.xr.offers import offer_of, quirk
from vr_app.xr.probe import ProbeResult
from vr_app.xr.system import open_system

INTERVAL = 0.2
"""Seconds between two queries."""


def examine() -> ProbeResult:
    """Return what the active runtime offers."""
    try:
        with open_system() as system:
            known = quirk(system.runtime)
            return ProbeResult(
                runtime=system.runtime,
                system=system.name,
                view_sizes=system.view_sizes,
                extensions=system.extensions,
                layers=tuple(sorted(shape.value for shape in offer_of(system).shapes)),
                most_layers=system.most_layers,
                largest_picture=system.largest_picture,
                layer_quirk=f"{known.what} ({known.told})" if known else "",
            )
    except HeadsetError as error:
        return ProbeResult(problem=str(error))


def main(arguments: list[str]) -> None:
    """Print one answer; given a number of seconds, ask until one is good, and exit with 1 if none is in that time."""
    answer = examine()
    if arguments:
        end = time.monotonic() + float(arguments[0])
        while not answer.available:
            if time.monotonic() > end:
                sys.exit(1)
            time.sleep(INTERVAL)
            answer = examine()
    print(json.dumps(asdict(answer)))


if __name__ == "__main__":
    main(sys.argv[1:])
