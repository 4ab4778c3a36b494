"""The program's first lines: Ctrl-C ends it quietly even while its modules are still being imported."""

import sys


def main() -> None:
    """The command `fundusxr`."""
    try:
        from vr_app.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()
