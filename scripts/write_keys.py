"""Rewrite the table of keys in docs/viewer.md from the one in vr_app/core/hands/keys.py.

.venv/bin/python scripts/write_keys.py
"""

from __future__ import annotations

from pathlib import Path

from vr_app.core.hands.keys import docs_table

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "viewer.md"
HEADING = "## Keys and mouse in the window\n\n"


def main() -> None:
    before, after = DOCUMENT.read_text(encoding="utf-8").split(HEADING)
    rest = after[after.index("\n\n") :]
    DOCUMENT.write_text(before + HEADING + docs_table() + rest, encoding="utf-8")


if __name__ == "__main__":
    main()
