"""What a file says of itself goes with its photograph to whoever shows it."""

import numpy as np
from PIL import Image

from sr_core.image.source import FileSource, Origin
from tests.sr_core.image.test_field_of_view import textured


def test_a_sources_facts_tell_where_the_field_comes_from_and_what_to_know_of_the_file(tmp_path):
    whole, piece = textured(), textured()[180:300, 270:390]
    clear = np.dstack([piece, np.zeros(piece.shape[:2], np.uint8)])
    Image.fromarray(whole).save(tmp_path / "whole.png")
    Image.fromarray(clear).save(tmp_path / "clear.png")
    facts = FileSource(tmp_path / "whole.png").open().facts
    assert facts.field.origin is Origin.FITTED
    assert facts.notices == ()
    facts = FileSource(tmp_path / "clear.png").open().facts
    assert facts.field.origin is Origin.ASSUMED
    assert len(facts.notices) == 1  # a piece without a rim is as it should be
    assert facts.notices[0].startswith(f"{tmp_path / 'clear.png'}: its transparency")
    Image.fromarray(np.concatenate([whole, whole], axis=1)).save(tmp_path / "two.png")
    facts = FileSource(tmp_path / "two.png").open().facts
    assert facts.field.origin is Origin.ASSUMED
    assert facts.notices == (f"{tmp_path / 'two.png'}: it holds several fields of view; the field of view is assumed",)
