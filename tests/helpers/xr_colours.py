"""What `xr_client` fills the window's own pictures with. Importing the client would bind PyOpenGL to GLX."""

SPECTATOR = (10, 160, 90)
"""The spectator's picture."""

LOST = (180, 20, 160)
"""The picture while there is no headset."""
