"""Trees of files as people have them, and what is in a tree."""

from __future__ import annotations

import hashlib
import os
import random
import unicodedata
from functools import partial
from pathlib import Path

# Sizes at which something changes: blocks, windows, chunks of the clients.
SIZES = [
    *[0, 0, 1, 2, 4095, 4096, 4097, 65535, 65536, 65537, 262144, 1048575, 1048576, 1048577],
    *[2_500_000, 5_000_000, 9_999_999, 10_000_000, 10_000_001, 25_000_000, 60_000_000],
]
NFC, NFD = (partial(unicodedata.normalize, form) for form in ("NFC", "NFD"))
NAMES = [
    *["plain.txt", "with space.txt", " leading space", "100% sure.txt", "%41 is not A.txt", "%2e%2e", "a#b.txt", "#start"],
    *[
        "a+b.txt",
        "a&b=c.txt",
        "semi;colon.txt",
        "it's.txt",
        "comma,comma",
        "at@home",
        "til~de",
        "~start",
        "(round) [square] {curly}",
    ],
    *["exclaim!", "dollar$HOME", "caret^", "back`tick", "equals=", "dot..dot", ".hidden file", "UPPER.TXT", "upper.txt"],
    *[
        NFC("Grüße aus Zürich.txt"),
        NFD("Äpfel und Öl.txt"),
        NFC("Tiếng Việt.md"),
        "日本語のファイル.txt",
        "한국어.txt",
        "Ελληνικά.txt",
    ],
    *["עברית.txt", "🦞 lobster.txt", "zero\u200bwidth.txt", "n" * 200 + ".long", "ü" * 120],
]
FOLDERS = [
    *["", "docs", "docs/2024", "docs/2024/Q1 & Q2", "docs/50% done", "Bücher", NFD("Fotos/Été à Genève"), "src/a#b", "src/c++"],
    *["empty/inside", "deep/" + "/".join(f"level {n}" for n in range(1, 16)), "写真/二〇二四", "move me/sub one/sub two"],
]
TIME = 1_600_000_000


def write(path: Path, content: bytes, mtime: float | None = None) -> None:
    if not isinstance(path, Path):
        # Of a bucket, see bucket.py.
        path.put(content, mtime)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if mtime is not None:
        os.utime(path, (mtime, mtime))


def make(root: Path, count: int = 300, seed: int = 1) -> None:
    """`count` files of 0 B to 60 MB in folders, each with a modification time in the past."""
    chance = random.Random(seed)
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    places = [(FOLDERS[index % len(FOLDERS)], name) for index, name in enumerate(NAMES)]
    places += [(chance.choice(FOLDERS), f"file {index}.dat") for index in range(count - len(places))]
    for index, (folder, name) in enumerate(places):
        # The rare sizes go to ordinary names at the end of the list, one each.
        rest = count - 1 - index
        size = SIZES[rest] if rest < len(SIZES) else chance.randrange(1, 20000)
        write(root / folder / name, chance.randbytes(size), TIME + chance.randrange(100_000_000) + 0.25)


def own(name: str) -> bool:
    """Whether a client or the gateway keeps this for itself."""
    return name.startswith((".sync_", "._sync_", ".clawgate", ".owncloudsync", ".nextcloudsync"))


def content(root: Path) -> dict[str, tuple[str, int] | None]:
    """Every file's hash and modification time in whole seconds by its path, None for a folder."""
    if not isinstance(root, Path):
        return root.content()
    found: dict[str, tuple[str, int] | None] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not own(name)]
        here = Path(folder)
        found |= {str((here / name).relative_to(root)): None for name in folders}
        for name in files:
            if not own(name):
                path = here / name
                with path.open("rb") as stream:
                    digest = hashlib.file_digest(stream, "sha1").hexdigest()
                found[str(path.relative_to(root))] = (digest, int(path.stat().st_mtime))
    return found


def differences(one: dict[str, tuple[str, int] | None], other: dict[str, tuple[str, int] | None]) -> list[str]:
    """What is not the same, in words; empty if all is."""
    return [
        f"{path!r}: {one.get(path, 'missing')} / {other.get(path, 'missing')}"
        for path in sorted(one.keys() | other.keys())
        if one.get(path, "missing") != other.get(path, "missing")
    ]


def inodes(root: Path) -> dict[str, int]:
    """Inode numbers of all files: a file that was fetched again has another."""
    return {
        str(Path(folder, name).relative_to(root)): Path(folder, name).stat().st_ino
        for folder, _, files in os.walk(root)
        for name in files
        if not own(name)
    }
