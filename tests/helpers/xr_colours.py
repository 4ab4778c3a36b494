"""The colours with which `xr_client` fills the window's own pictures. Importing the client would bind PyOpenGL to
GLX."""

SPECTATOR = (10, 160, 90)
"""The spectator's picture."""

LOST = (180, 20, 160)
"""The picture without a headset."""
