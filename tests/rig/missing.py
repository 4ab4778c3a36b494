"""Print in one line what this machine lacks for the rig; nothing if the rig can run."""

from tests.rig.service import missing_programs

if __name__ == "__main__":
    print(*missing_programs(), sep=", ")
