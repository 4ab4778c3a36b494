"""Where the project's data files are, both in a checkout and in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def asset_path(*parts: str) -> Path:
    """Return the path of a bundled data file or folder, for example ``asset_path("weights",
    "rdb-lite-x4.safetensors")``.

    A wheel carries the files in ``sr_core/_assets``, a checkout in ``assets`` beside the package. The file
    itself need not exist: the caller says what its absence means.
    """
    installed = _PACKAGE / "_assets"
    root = installed if installed.is_dir() else _PACKAGE.parent / "assets"
    return root.joinpath(*parts)
