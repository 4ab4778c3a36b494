"""The house rules that code alone can break."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.helpers.places import ROOT

SOURCES = sorted([*ROOT.glob("sr_core/**/*.py"), *ROOT.glob("vr_app/**/*.py")])


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> set[str]:
    """Top-level names of everything a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_imports_point_downward():
    linter = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_linter_finds_nothing():
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "."], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("xr", ["vr_app/xr/"]),
        ("OpenGL", ["vr_app/gl/", "vr_app/xr/graphics.py"]),
        ("glfw", ["vr_app/gl/context.py"]),
        ("imgui_bundle", ["vr_app/ui/imgui.py"]),
        (
            "PIL",
            [
                "sr_core/image/colour.py",  # littleCMS comes with it; no file is opened there
                "sr_core/image/context.py",
                "sr_core/image/photograph.py",
                "sr_core/image/saving.py",
                "sr_core/study/training/curve.py",
                "sr_core/study/comparison/report.py",
                "vr_app/bench/pictures.py",
                "vr_app/gl/text.py",
                "vr_app/regions/picture.py",
            ],
        ),
        (
            "torch",
            [
                "sr_core/networks/",
                "sr_core/engine/",
                "sr_core/tiles/worker.py",
                "sr_core/study/",
                "vr_app/commands/doctor.py",
            ],
        ),
        ("jpeglib", ["sr_core/image/jpeg_file.py"]),
        ("trimesh", ["vr_app/gl/meshes.py"]),
        ("concurrent", ["sr_core/engine/lanes.py", "sr_core/study/data/pool.py", "vr_app/regions/files.py"]),
        ("multiprocessing", ["sr_core/study/data/pool.py"]),
        (
            "threading",
            [
                "sr_core/engine/generator_told.py",
                "sr_core/engine/lanes.py",
                "sr_core/image/jpeg_file.py",
                "sr_core/tiles/disk.py",
                "sr_core/tiles/engines.py",
                "sr_core/tiles/loader.py",
                "sr_core/tiles/service.py",
                "sr_core/tiles/worker.py",
                "sr_core/study/data/pool.py",
                "sr_core/study/training/run.py",
                "vr_app/bench/trace.py",
                "vr_app/files/folder_view.py",
                "vr_app/files/watch.py",
                "vr_app/runtime/mirror.py",
            ],
        ),
    ],
)
def test_a_foreign_thing_is_wrapped_in_one_place(name, allowed):
    users = [path.relative_to(ROOT).as_posix() for path in SOURCES if name in imported(path)]
    assert users, f"nothing imports {name}: this rule is out of date"
    assert not [user for user in users if not user.startswith(tuple(allowed))]


def test_only_the_photograph_module_opens_picture_files():
    for path in SOURCES:
        if path.name != "photograph.py":
            assert "Image.open" not in path.read_text(encoding="utf-8"), path


MOST_LINES, MOST_ATTRIBUTES = 250, 20
"""Of a class: more than that does more than one job."""


def attributes(kind: ast.ClassDef) -> set[str]:
    """The fields of a dataclass, and what its methods assign to `self`."""
    fields = {
        item.target.id for item in kind.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }
    stored = (node for node in ast.walk(kind) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    return fields | {node.attr for node in stored if isinstance(node.value, ast.Name) and node.value.id == "self"}


def test_no_class_does_more_than_one_job():
    too_large = []
    for path in SOURCES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                lines, count = node.end_lineno - node.lineno + 1, len(attributes(node))
                if lines > MOST_LINES or count > MOST_ATTRIBUTES:
                    too_large.append(f"{path.relative_to(ROOT)}: {node.name} has {lines} lines, {count} attributes")
    assert not too_large


def test_the_viewer_loads_without_torch_trimesh_or_a_graphics_library():
    heavy = "torch", "trimesh", "OpenGL", "xr", "glfw", "imgui_bundle", "sr_core.study"
    code = f"import sys, vr_app.cli, vr_app.commands.view; print([m for m in {heavy!r} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
