"""The generator at work. Imported before torch, whose libraries read the settings below when they are loaded."""

import os

# Large pages for tensors, where the system grants them on demand: the engine's come and go by hundreds of megabytes,
# and pages of 4 kB cost it up to a tenth of its time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

# Threads that wait for each other sleep. By default they spin, and where another program (or the thread that draws) has
# one of the cores, they spin away the time of the one they wait for: beside two busy programs the engine took twice as
# long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
