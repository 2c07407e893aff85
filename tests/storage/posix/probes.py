"""Small trees with all sorts of rights, and what is tried on them; as a program: tries it on disk and prints what succeeded.

The program is run by setpriv(1) as somebody, in the directory that holds the trees, with a list of [name of a tree, operation].
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys

FILE = ("read", "overwrite", "rename", "move", "delete")
FOLDER = ("rename_folder", "move_folder", "rmdir", "copy", "make_in")
WHOLE = ("list", "write", "mkdir")


def attempt(tree: str, operation: str, scratch: str) -> None:
    """Do on disk what the gateway is to do. Raises `OSError`."""
    file, folder = f"{tree}/f", f"{tree}/s"
    if operation == "read":
        with open(file, "rb") as stream:
            stream.read()
    elif operation == "overwrite":
        # Both what writing in place and what replacing it needs.
        os.close(os.open(file, os.O_WRONLY))
        with open(f"{scratch}/new", "wb") as stream:
            stream.write(b"new")
        os.rename(f"{scratch}/new", file)
    elif operation == "rename":
        os.rename(file, f"{tree}/g")
    elif operation == "move":
        os.rename(file, f"{scratch}/{tree}")
    elif operation == "delete":
        os.unlink(file)
    elif operation == "rename_folder":
        os.rename(folder, f"{tree}/t")
    elif operation == "move_folder":
        os.rename(folder, f"{scratch}/{tree}")
    elif operation == "rmdir":
        with contextlib.suppress(OSError):
            os.rmdir(folder)
            return
        shutil.rmtree(folder)
    elif operation == "copy":
        for path, _, files in os.walk(folder, onerror=_raise):
            for name in files:
                with open(os.path.join(path, name), "rb") as stream:
                    stream.read()
    elif operation == "make_in":
        os.mkdir(f"{folder}/made")
    elif operation == "list":
        for name in os.listdir(tree):
            os.lstat(f"{tree}/{name}")
    elif operation == "write":
        with open(f"{tree}/new", "xb") as stream:
            stream.write(b"new")
    elif operation == "mkdir":
        os.mkdir(f"{tree}/made")


def _raise(error: OSError) -> None:
    raise error


def main() -> None:
    scratch, tried = json.load(sys.stdin)
    os.umask(0o022)
    outcomes = []
    for tree, operation in tried:
        try:
            attempt(tree, operation, scratch)
            outcomes.append("")
        except OSError as error:
            outcomes.append(error.strerror)
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
