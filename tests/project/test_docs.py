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
