"""What the documents say of the commands is what the commands are."""

import re

import pytest
import typer

from tests.helpers.places import ROOT
from vr_app.cli import app


def commands(group, before="") -> dict:
    """Every command by its words: a group's are `data prepare` and the like."""
    found = {}
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        found |= commands(command, f"{before}{name} ") if inner else {f"{before}{name}": command}
    return found


COMMANDS = commands(typer.main.get_command(app))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)


def options(command) -> list[str]:
    return [name for param in command.params for name in param.opts if name.startswith("--") and name != "--help"]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_is_documented(name):
    assert f"fundusxr {name}" in DOCUMENTS
    missing = [option for option in options(COMMANDS[name]) if f"{option}" not in DOCUMENTS]
    assert not missing


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_help_has_an_example(name):
    command = COMMANDS[name]
    assert "Example" in command.help
    assert f"fundusxr {name}" in command.help


def test_the_documents_name_no_option_that_does_not_exist():
    known = {option for command in COMMANDS.values() for option in options(command)} | {"--help"}
    used = {
        word
        for line in re.findall(rf"fundusxr (?:{'|'.join(COMMANDS)})[^\n`|]*", DOCUMENTS)
        for word in re.findall(r"--[a-z-]+", line)
    }
    assert used <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_the_page_about_the_code_names_what_exists():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:vr_app|sr_core|tests|shaders)/[\w/.]*)`", page))
    assert len(named) > 30
    assert not [name for name in named if not (ROOT / name).exists()]
    rooms = {path.parent.relative_to(ROOT).as_posix() + "/" for path in ROOT.glob("vr_app/core/*/__init__.py")}
    rooms |= {path.parent.relative_to(ROOT).as_posix() + "/" for path in ROOT.glob("sr_core/*/__init__.py")}
    rooms |= {path.parent.relative_to(ROOT).as_posix() + "/" for path in ROOT.glob("vr_app/*/__init__.py")}
    assert not rooms - named - {"vr_app/core/", "vr_app/commands/", "vr_app/bench/"}


def test_the_zoom_told_there_names_functions_that_exist():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = page[page.index("## One zoom") : page.index("## Levels")]
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in [*ROOT.glob("vr_app/**/*.py"), *ROOT.glob("sr_core/**/*.py")]
    )
    for name in re.findall(r"`([A-Z]\w+)\.(\w+)`", told):
        assert f"class {name[0]}" in sources
        assert f"def {name[1]}(" in sources
    for row in re.findall(r"^\| `[\w/.]+` \| (.*) \|$", told, re.MULTILINE):
        for name in re.findall(r"`([a-z_]+)`", row):
            assert f"def {name}(" in sources, name
