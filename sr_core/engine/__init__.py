"""The engine: it runs the generator. Import it before torch, whose libraries read the settings below when they load."""

import os

# Large pages for tensors, on systems that grant them on demand: the engine allocates and frees hundreds of megabytes,
# and pages of 4 kB cost it up to a tenth of its time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

# Waiting threads sleep. By default they spin, and if another program (or the drawing thread) occupies one of the cores,
# they use up the time of the thread that they wait for: beside two busy programs the engine took twice as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
