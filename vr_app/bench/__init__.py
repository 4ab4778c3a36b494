"""What `fundusxr bench` measures: the whole viewer offscreen, driven frame by frame, and the engine alone."""
