"""Somebody else who works on a tree: makes random changes of every kind, as many as asked for, the same ones for a seed."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sys


def main(root, seed, count):
    dice = random.Random(seed)
    os.chdir(root)
    for number in range(count):
        folders, files = ["."], []
        for path, names, others in os.walk("."):
            folders += [os.path.join(path, name) for name in names]
            files += [os.path.join(path, name) for name in others]
        with contextlib.suppress(OSError, shutil.Error):
            change(dice, number, folders, files or ["none"])


def change(dice, number, folders, files):
    folder, file = dice.choice(folders), dice.choice(files)
    target = os.path.join(dice.choice(folders), f"n{dice.randrange(12)}")
    what = dice.randrange(16)
    if what < 3:
        os.makedirs(os.path.join(target, f"m{number % 4}"), exist_ok=True)
    elif what < 6:
        with open(target, "a") as stream:
            stream.write("x")
    elif what < 10:
        os.rename(folder, target)
    elif what == 10:
        os.rename(file, target)
    elif what == 11:
        os.unlink(file)
    elif what == 12 and len(folders) > 12 and folder != ".":
        shutil.rmtree(folder)
    elif what == 13:
        os.utime(dice.choice((file, folder)), (number, number))
    elif what == 14:
        # Out of the tree, changed there, and back.
        away = f"../away{os.getpid()}"
        os.rename(folder, away)
        with open(os.path.join(away, f"f{number}"), "w") as stream:
            stream.write("x")
        os.rename(away, folder)
    elif len(folders) < 60 and not os.path.abspath(target).startswith(os.path.abspath(folder) + "/"):
        shutil.copytree(folder, target, symlinks=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
