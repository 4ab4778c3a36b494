"""Which texture unit holds which texture while a scene is drawn."""

TILES, PAGES, TEXT, CURVES = 0, 1, 2, 3
