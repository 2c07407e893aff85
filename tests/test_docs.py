"""The words agree with the program: links lead somewhere, settings and commands that are named exist."""

from __future__ import annotations

import argparse
import configparser
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import attrs
import pytest

from clawgate import cli, configuration
from clawgate.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "changes").glob("*.md"))]

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(?:^|[\s/])clawgate((?: +--[a-z]+ \S+)*)((?: +[a-z]+(?:\|[a-z]+)*)+)")

TABLES = {"mounts", "oidc", "ldap"}
"""Sections that have several tables, each with a name."""
KEYS_ONLY = {"login-ldap.md", "login-oidc.md", "namespace.md"}
"""Pages where a word with an underscore is a setting, unless it is among these:"""
FOREIGN = {"preferred_username", "offline_access", "bearer_token", "bearer_token_command", "registration_endpoint"}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def split(page: Path) -> tuple[str, list[str]]:
    """A page's text without blocks of code, and its lines of code, those within the text included."""
    prose: list[str] = []
    code: list[str] = []
    fenced = False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            code.append(line.strip())
        else:
            prose.append(line)
    text = "\n".join(prose)
    return text, code + CODE.findall(text)


def anchors(page: Path) -> set[str]:
    """The fragments that headings of a page have."""
    headings = re.findall(r"^#+ (.+)$", split(page)[0], re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def sections() -> dict[str, type]:
    """Those of the settings, and what is in each; in tables of several, what is in each of these."""
    kinds = {name: (kind, *get_args(kind))[-1] for name, kind in get_type_hints(Settings).items()}
    return {name: kind for name, kind in kinds.items() if attrs.has(kind)}


def settings() -> set[str]:
    """All names as `section.key`; those of mounts, providers and directories without their names."""
    return {name for section, kind in sections().items() for name in below(section, kind)}


def below(section: str, kind: type) -> Iterator[str]:
    """The names in a section, and in sections within it."""
    for name, hint in get_type_hints(kind).items():
        yield f"{section}.{name}"
        if attrs.has(hint):
            yield from below(f"{section}.{name}", hint)


def keys() -> set[str]:
    """All names without their sections."""
    return {name.rpartition(".")[2] for name in settings()}


def commands(parser: argparse.ArgumentParser) -> dict[str, dict[str, object]]:
    """Sub-commands, theirs below them."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {name: commands(below) for name, below in action.choices.items()}
    return {}


def named(page: Path) -> Iterator[list[str]]:
    """Each `clawgate` command line of a page: the words after the options, as far as they can be sub-commands."""
    for line in split(page)[1]:
        if "twistd" not in line:
            for found in COMMAND.finditer(line.partition("#")[0]):
                yield found[2].split()


def missing(words: list[str], known: dict[str, dict[str, object]]) -> str:
    """The first of `words` that should be a sub-command and is none; empty if there is no such."""
    if not words or not known:
        return ""
    for word in words[0].split("|"):
        if word not in known:
            return word
        if found := missing(words[1:], known[word]):  # type: ignore[arg-type]
            return found
    return ""


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(split(page)[0]):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target} is not there"
        assert there.is_relative_to(ROOT), f"{target} leads out of the project"
        assert not fragment or fragment in anchors(there), f"{target}: no such heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in LINK.findall(split(ROOT / "README.md")[0])}
    assert not set((ROOT / "docs").glob("*.md")) - linked


@each_page
def test_settings_that_are_named_exist(page: Path) -> None:
    known = settings()
    sections = "|".join(sorted({name.partition(".")[0] for name in known}))
    pattern = re.compile(rf"(?:{sections})\.[A-Za-z_.]+")
    for code in split(page)[1]:
        name = code.partition(" ")[0]
        if pattern.fullmatch(name) and not name.endswith((".db", ".html", ".py", ".toml")):
            parts = name.split(".")
            if parts[0] in TABLES:
                # Of two parts the second is the name of a mount, a provider or a directory, whatever that is.
                assert len(parts) == 2 or f"{parts[0]}.{parts[2]}" in known, f"there is no setting {name}"
            else:
                assert name in known, f"there is no setting {name}"


@each_page
def test_keys_that_are_named_exist(page: Path) -> None:
    """Also where the section is clear from what stands around them."""
    known = keys()
    for code in CODE.findall(split(page)[0]):
        if found := re.match(r"([a-z]\w*) = [\"'\[\w]", code):
            assert found[1] in known, f"there is no setting {code}"
        elif page.name in KEYS_ONLY and re.fullmatch(r"[a-z]+(?:_[a-z]+)+", code):
            assert code in known | FOREIGN, f"there is no setting {code}"


@each_page
def test_settings_in_the_environment_exist(page: Path) -> None:
    known = settings()
    for name in re.findall(r"CLAWGATE_([A-Z]+(?:__[A-Z0-9_]+)+)", page.read_text()):
        parts = name.lower().split("__")
        if parts == ["section", "key"] or parts[1:] == ["name", "key"]:
            continue
        wanted = {f"{parts[0]}.{parts[-1]}", ".".join((parts[0], *parts[2:]))}
        assert wanted & known, f"there is no setting CLAWGATE_{name}"


@each_page
def test_commands_that_are_named_exist(page: Path) -> None:
    known = commands(cli._parser())
    for words in named(page):
        assert not (wrong := missing(words, known)), f"'clawgate {' '.join(words)}': there is no {wrong}"


@each_page
def test_files_of_the_project_that_are_named_exist(page: Path) -> None:
    for code in split(page)[1]:
        for name in re.findall(r"(?:^|\s)((?:bench|changes|clawgate|conf|docs|tests)/[\w./-]*\w)", code):
            assert (ROOT / name).exists(), f"{name} is not there"


@each_page
def test_examples_of_settings_can_be_read(page: Path, tmp_path: Path) -> None:
    for number, example in enumerate(re.findall(r"^```toml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)):
        file = tmp_path / f"{number}.toml"
        file.write_text(example)
        if "users" in tomllib.loads(example):
            continue  # the file of users, with a hash that is cut short
        configuration.load([str(file)])


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    for name, below in commands(cli._parser()).items():
        assert f"clawgate {name}" in text
        for word in below:
            assert re.search(rf"clawgate {name}[^|\n]*\b{word}\b", text), f"clawgate {name} {word} is not in the README"


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text()
        for target in re.findall(r"(?:`|^ {4})make ([a-z]+)", text, re.MULTILINE):
            assert target in targets, f"{page.name}: there is no 'make {target}'"


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs/dependencies.md").read_text()
    rows = set(re.findall(r"^\| (\S+) \|", text, re.MULTILINE))
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    wanted = set()
    for requirement in "\n".join(lines).split("\n"):
        if found := re.match(r"([\w.-]+)(?:\[([\w,]+)\])?", requirement):
            wanted.add(found[1])
            wanted |= {f"{found[1]}[{extra}]" for extra in (found[2] or "").split(",") if extra}
    assert wanted <= rows, f"without a reason: {', '.join(sorted(wanted - rows))}"
    assert rows - wanted == {"library"}, f"not needed any more: {', '.join(sorted(rows - wanted))}"
