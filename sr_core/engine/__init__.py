"""The generator at work. Imported before torch, which reads the setting below when it first takes memory."""

import os

# Large pages for tensors, where the system grants them on demand: the engine's come and go by hundreds of megabytes,
# and their 4 kB pages cost it up to a tenth of its time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
