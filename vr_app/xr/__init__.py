"""The OpenXR room: session, frames, layers and actions of a headset.

Importing any module here but `probe` imports `xr`, and with it, for the whole process, PyOpenGL on GLX (pyopenxr sets
that platform itself on Linux). So a program that may yet draw through EGL asks `probe` first, which looks from a
process of its own, and imports the rest once it has decided for the headset.
"""
