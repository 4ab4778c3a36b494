"""The OpenGL room: contexts, framebuffers, tiles in a texture array, and the renderer of scenes."""
