"""A job that works on a directory as people and programs do, without asking anybody, and knows what must be there in the end.

    python outside_writer.py FOLDER SUPPLY SEED PAUSE        until its input ends

Works in `FOLDER`; in `SUPPLY`, on the same file system, lies what is copied in. Waits up to `PAUSE` seconds between two changes.
When its input ends it prints one line of JSON, see `Report`. ``SUPPLY.journal`` has a line for each change: Unix seconds before
and after, what it was, and the places that it concerned.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path
from typing import TypedDict

NAMES = ["a", "b c", "100%", "#d", "ü", "e+f", "notes.txt", "data.bin", "日本", ".hidden"]
MOST = 120
"""Files in the part that is changed at random."""


class Report(TypedDict):
    """What was done, and what there must be."""

    operations: dict[str, int]
    ended: float
    """When the last change was done, in seconds of the monotonic clock, which is the same in all processes."""
    tree: dict[str, tuple[str, int] | None]
    """As `trees.content`, without what git keeps for itself."""


class Content:
    """What one inode holds; several names may share it."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class Writer:
    """Random changes, each made on the disk and in the model."""

    def __init__(self, root: Path, supply: Path, seed: int) -> None:
        self.root = root
        self.supply = supply
        self.chance = random.Random(seed)
        self.files: dict[str, Content] = {}
        self.folders: set[str] = set()
        self.number = 0
        self.fixed: dict[str, dict[str, bytes]] = {"mirror": {}, "unpacked": {}, "repository": {}}
        """Folders that belong to one tool each: their files."""
        self.branches: list[dict[str, bytes]] = []
        self.operations: Counter[str] = Counter()
        self.journal = supply.with_name(f"{supply.name}.journal").open("w", buffering=1)
        self.touched: list[str] = []
        """The places that the present change has asked for."""
        self.prepare()

    def prepare(self) -> None:
        for folder in ("work", "work/deep", "work/deep/er", "work/deep/er/still", "work/other"):
            (self.root / folder).mkdir(parents=True)
            self.folders.add(folder)
        for _ in range(20):
            self.create()
        for name in self.fixed:
            (self.root / name).mkdir()
        (self.supply / "mirror").mkdir(parents=True)
        self.make_repository()

    def run(self, *command: str | Path) -> None:
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"HOME": str(self.supply)})
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"

    def git(self, *arguments: str | Path) -> None:
        settings = (
            "user.name=job",
            "user.email=job@example.org",
            "gc.auto=0",
            "init.defaultBranch=zero",
            "advice.detachedHead=false",
        )
        options = [part for setting in settings for part in ("-c", setting)]
        self.run("git", "-C", self.root / "repository", *options, *arguments)

    def make_repository(self) -> None:
        """Two branches with some files the same, some different, some only in one."""
        self.git("init", "-q")
        shared = {f"both/same {n}.txt": self.bytes(3000) for n in range(5)}
        for branch in range(2):
            mine = {f"both/differs {n}.txt": self.bytes(3000) for n in range(5)}
            mine |= {f"only {branch}/{n}.txt": self.bytes(3000) for n in range(5)}
            if branch:
                self.git("checkout", "-q", "--orphan", "one")
                self.git("rm", "-q", "-rf", ".")
            for name, data in (shared | mine).items():
                path = self.root / "repository" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            self.git("add", ".")
            self.git("commit", "-q", "-m", f"branch {branch}")
            self.branches.append(shared | mine)
        self.fixed["repository"] = self.branches[1]

    # What is used by several

    def bytes(self, most: int = 20_000) -> bytes:
        return self.chance.randbytes(self.chance.choice([0, 1, 100, self.chance.randrange(most)]))

    def time(self) -> float:
        """Never the same twice."""
        self.number += 1
        return 1_000_000_000 + self.chance.randrange(600_000_000) + self.number / 1e6

    def any_file(self) -> str | None:
        return self.chance.choice(sorted(self.files)) if self.files else None

    def any_folder(self) -> str | None:
        """One that may be moved."""
        found = sorted(folder for folder in self.folders if folder != "work")
        return self.chance.choice(found) if found else None

    def free(self) -> str:
        """A name that is not taken."""
        folder = self.chance.choice(sorted(name for name in self.folders if name.count("/") < 4))
        self.number += 1
        return f"{folder}/{self.chance.choice(NAMES)} {self.number}"

    def place(self, path: str) -> Path:
        self.touched.append(path)
        return self.root / path

    def below(self, folder: str) -> tuple[set[str], dict[str, Content]]:
        """The folder and all folders and files in it."""
        inside = folder + "/"
        folders = {name for name in self.folders if name == folder or name.startswith(inside)}
        return folders, {name: content for name, content in self.files.items() if name.startswith(inside)}

    def forget(self, folder: str) -> None:
        folders, files = self.below(folder)
        self.folders -= folders
        for name in files:
            del self.files[name]

    def moved(self, source: str, target: str) -> None:
        if source in self.files:
            self.files[target] = self.files.pop(source)
            return
        folders, files = self.below(source)
        self.forget(source)
        self.folders |= {target + name.removeprefix(source) for name in folders}
        self.files |= {target + name.removeprefix(source): content for name, content in files.items()}

    # Changes

    def create(self) -> None:
        path, data = self.free(), self.bytes()
        self.place(path).write_bytes(data)
        self.files[path] = Content(data)

    def make_folder(self) -> None:
        path = self.free()
        self.place(path).mkdir()
        self.folders.add(path)

    def append(self) -> None:
        if path := self.any_file():
            data = self.bytes()
            with self.place(path).open("ab") as out:
                out.write(data)
            self.files[path].data += data

    def rewrite(self) -> None:
        if path := self.any_file():
            content = self.files[path]
            data = self.chance.randbytes(len(content.data))
            with self.place(path).open("r+b") as out:
                out.write(data)
            content.data = data

    def truncate(self) -> None:
        if path := self.any_file():
            content = self.files[path]
            size = self.chance.randrange(2 * len(content.data) + 1)
            os.truncate(self.place(path), size)
            content.data = content.data[:size].ljust(size, b"\0")

    def replace(self) -> None:
        if path := self.any_file():
            data, place = self.bytes(), self.place(path)
            new = place.with_name(f".{place.name}.part")
            new.write_bytes(data)
            new.rename(place)
            self.files[path] = Content(data)

    def rename_file(self) -> None:
        if path := self.any_file():
            target = f"{path.rpartition('/')[0]}/renamed {self.number}"
            if target not in self.files:
                self.place(path).rename(self.place(target))
                self.moved(path, target)

    def rename_folder(self) -> None:
        if path := self.any_folder():
            target = f"{path.rpartition('/')[0]}/folder {self.number}"
            if target not in self.folders and target not in self.files:
                self.place(path).rename(self.place(target))
                self.moved(path, target)

    def move(self) -> None:
        """`mv` to another folder."""
        path, target = (self.any_file() if self.chance.random() < 0.6 else self.any_folder()), self.free()
        if path and not target.startswith(path + "/"):
            self.run("mv", self.place(path), self.place(target))
            self.moved(path, target)

    def delete_file(self) -> None:
        if path := self.any_file():
            self.place(path).unlink()
            del self.files[path]

    def delete_folder(self) -> None:
        path = self.any_folder()
        if path and len(self.folders) > 6:
            shutil.rmtree(self.place(path))
            self.forget(path)

    def link(self) -> None:
        if path := self.any_file():
            target = self.free()
            os.link(self.place(path), self.place(target))
            self.files[target] = self.files[path]

    def touch(self) -> None:
        if path := self.any_file():
            self.run("touch", "-d", f"@{self.time():.6f}", self.place(path))

    def chmod(self) -> None:
        if path := self.any_file():
            self.place(path).chmod(self.chance.choice([0o600, 0o640, 0o644, 0o755]))

    def copy(self) -> None:
        """`cp -a`, which takes extended attributes and hard links along."""
        path, target = (self.any_file() if self.chance.random() < 0.6 else self.any_folder()), self.free()
        if not path or target.startswith(path + "/"):
            return
        self.run("cp", "-a", self.place(path), self.place(target))
        if path in self.files:
            self.files[target] = Content(self.files[path].data)
            return
        folders, files = self.below(path)
        self.folders |= {target + name.removeprefix(path) for name in folders}
        copies = {id(content): Content(content.data) for content in files.values()}
        self.files |= {target + name.removeprefix(path): copies[id(content)] for name, content in files.items()}

    def checkout(self) -> None:
        other = 1 - self.branches.index(self.fixed["repository"])
        self.git("checkout", "-q", ["zero", "one"][other])
        self.fixed["repository"] = self.branches[other]

    def rsync(self) -> None:
        mirror = self.fixed["mirror"]
        for _ in range(4):
            name = f"{self.chance.choice('xyz')}/{self.chance.choice(NAMES)}"
            path = self.supply / "mirror" / name
            if name in mirror and self.chance.random() < 0.3:
                path.unlink()
                del mirror[name]
            else:
                mirror[name] = self.bytes()
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(mirror[name])
                time = self.time()
                os.utime(path, (time, time))
        self.run("rsync", "-a", "--delete", f"{self.supply}/mirror/", self.root / "mirror")

    def unpack(self) -> None:
        """`tar x` over what is there."""
        archive = self.supply / "archive.tar"
        new = {f"{self.chance.choice('pqr')}/{self.chance.choice(NAMES)}": self.bytes() for _ in range(4)}
        with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
            for name, data in new.items():
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(data), int(self.time())
                tar.addfile(member, io.BytesIO(data))
        self.run("tar", "-x", "-C", self.root / "unpacked", "-f", archive)
        self.fixed["unpacked"] |= new

    def step(self) -> None:
        """One change of any kind."""
        kinds = {
            **{self.create: 8, self.make_folder: 3, self.append: 6, self.rewrite: 4, self.truncate: 4, self.replace: 6},
            **{self.rename_file: 4, self.rename_folder: 3, self.move: 4, self.delete_file: 4, self.delete_folder: 1},
            **{self.link: 3, self.touch: 3, self.chmod: 2, self.copy: 3, self.checkout: 2, self.rsync: 3, self.unpack: 3},
        }
        if len(self.files) > MOST:
            kinds |= {self.create: 0, self.link: 0, self.copy: 0, self.delete_file: 20}
        [kind] = self.chance.choices(list(kinds), list(kinds.values()))
        self.touched.clear()
        began = time.time()
        kind()
        print(f"{began:.6f} {time.time():.6f} {kind.__name__} {json.dumps(self.touched, ensure_ascii=False)}", file=self.journal)
        self.operations[kind.__name__] += 1

    def report(self) -> Report:
        ended = time.monotonic()
        contents = {path: content.data for path, content in self.files.items()}
        folders = self.folders | self.fixed.keys()
        for name, files in self.fixed.items():
            contents |= {f"{name}/{path}": data for path, data in files.items()}
            folders |= {f"{name}/{path.rpartition('/')[0]}" for path in files}
        for left in ("mirror/x", "mirror/y", "mirror/z"):
            # rsync keeps folders that are empty there as well.
            folders |= {left} if (self.supply / left).exists() else set()
        tree: dict[str, tuple[str, int] | None] = dict.fromkeys(sorted(folders))
        for path, data in contents.items():
            tree[path] = (hashlib.sha1(data).hexdigest(), int(self.place(path).stat().st_mtime))
        return Report(operations=dict(self.operations), ended=ended, tree=tree)


def main() -> None:
    root, supply, seed, pause = sys.argv[1:]
    writer = Writer(Path(root), Path(supply), int(seed))
    print("begun", flush=True)
    while not select.select([sys.stdin], [], [], writer.chance.uniform(0, float(pause)))[0]:
        writer.step()
    print(json.dumps(writer.report()))


if __name__ == "__main__":
    main()
