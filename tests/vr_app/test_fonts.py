"""Which fonts draw the words."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import ImageFont

from sr_core.assets import asset_path
from vr_app import fonts
from vr_app.commands import doctor
from vr_app.gl.text import has_letter


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that the system has fonts in."""
    monkeypatch.setattr(fonts, "font_folders", lambda: [tmp_path])
    fonts.all_fonts.cache_clear()
    yield tmp_path
    fonts.all_fonts.cache_clear()


def test_the_shipped_font_has_the_letters_that_are_promised_and_its_licence_is_beside_it():
    font = ImageFont.truetype(str(asset_path("fonts", fonts.SHIPPED)), 32)
    for first, last in (("!", "~"), ("¡", "ſ"), ("Α", "Ρ"), ("α", "ω"), ("Ѐ", "џ")):
        assert all(has_letter(font, chr(code)) for code in range(ord(first), ord(last) + 1) if chr(code).isprintable())
    assert not has_letter(font, "眼")
    assert "Bitstream Vera" in asset_path("fonts", "LICENSE_DEJAVU.txt").read_text(encoding="utf-8")


def test_the_systems_font_for_cjk_is_found_wherever_it_lies(folder):
    assert fonts.find_cjk() is None
    assert len(fonts.all_fonts()) == 1
    for name in ("wqy-zenhei.ttc", "NotoSansCJK-Regular.ttc"):
        (folder / "opentype" / name).mkdir(parents=True)
    fonts.all_fonts.cache_clear()
    assert fonts.find_cjk() is None  # a folder is no font
    (folder / "truetype").mkdir()
    (folder / "truetype" / "wqy-zenhei.ttc").touch()
    assert fonts.find_cjk() == folder / "truetype" / "wqy-zenhei.ttc"
    (folder / "NotoSansCJK-Regular.ttc").touch()
    assert fonts.all_fonts()[1] == folder / "NotoSansCJK-Regular.ttc"


def test_the_doctor_tells_what_there_is_and_what_is_missing(folder):
    shipped, cjk = doctor._fonts()
    assert shipped.state == doctor.OK
    assert cjk.state == doctor.WARNING
    assert "noto" in cjk.cure
    (folder / "NotoSansCJK-Regular.ttc").touch()
    fonts.all_fonts.cache_clear()
    assert [finding.state for finding in doctor._fonts()] == [doctor.OK, doctor.OK]
