"""Super-resolution of fundus photographs: image arithmetic, networks, the engine and the study. Knows no
viewer."""
