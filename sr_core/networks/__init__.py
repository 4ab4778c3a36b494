"""Generator networks, one per file, and the zoo that finds their weights."""
