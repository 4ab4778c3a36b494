"""Put the tables of a results file into the documents, between the lines that mark their places.

.venv/bin/python scripts/fill_results.py docs/results/results.json docs/science.md README.md
.venv/bin/python scripts/fill_results.py docs/results/files.json docs/science.md
"""

import json
import sys
from pathlib import Path

from sr_core.errors import UserError
from sr_core.files import write_text
from sr_core.study.comparison import file_report, report


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit("give a results.json and the documents to fill")
    results, *documents = map(Path, sys.argv[1:])
    for document in documents:
        try:
            found = json.loads(results.read_text(encoding="utf-8"))
            fill = file_report.fill if found.get("regime") == "file" else report.fill
            write_text(document, fill(document.read_text(encoding="utf-8"), found))
        except (UserError, OSError, ValueError) as error:
            sys.exit(f"{document}: {error}")
        print(f"filled {document}")


if __name__ == "__main__":
    main()
