"""The measurements of `fundusxr bench`: the whole viewer offscreen, driven frame by frame, and the engine alone."""
