"""Which font files draw text: the bundled one, and the system's for letters that it lacks."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

from sr_core.assets import asset_path

SHIPPED = "DejaVuSansCondensed.ttf"
"""Latin, Greek, Cyrillic and more; see assets/fonts/LICENSE_DEJAVU.txt."""

CJK = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJK-VF.otf.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansCJKjp-Regular.otf",
    "SourceHanSans-Regular.ttc",
    "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "DroidSansFallback.ttf",
    "uming.ttc",
    "fonts-japanese-gothic.ttf",
    "NanumGothic.ttf",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
)
"""File names of fonts with Chinese, Japanese and Korean letters, those that have the most first."""


def font_folders() -> list[Path]:
    """Return the folders where systems keep fonts, as far as they exist."""
    home = Path.home()
    if sys.platform == "win32":
        folders = [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    elif sys.platform == "darwin":
        folders = [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    else:
        data = os.environ.get("XDG_DATA_HOME") or home / ".local/share"
        folders = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path(data) / "fonts", home / ".fonts"]
    return [folder for folder in folders if folder.is_dir()]


def find_cjk() -> Path | None:
    """Return the system's font for Chinese, Japanese and Korean, by its usual file names, or None if there is none."""
    found: dict[str, Path] = {}
    for folder in font_folders():
        for parent, _, names in os.walk(folder):
            for name in names:
                if name in CJK:
                    found.setdefault(name, Path(parent) / name)
    return next((found[name] for name in CJK if name in found), None)


@lru_cache(maxsize=1)
def all_fonts() -> tuple[Path, ...]:
    """Return the bundled font, followed by the system's font for letters that it lacks, if there is one."""
    cjk = find_cjk()
    shipped = asset_path("fonts", SHIPPED)
    return (shipped,) if cjk is None else (shipped, cjk)
