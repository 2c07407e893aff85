"""People who work on trees as themselves. They need no accounts: numbers are all that the kernel knows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from clawgate.model.space import Persona
from clawgate.storage.posix import PosixOptions, PosixStorage
from clawgate.storage.posix.guise import Guise

ANN = Persona(3001, 3001, (3100,))
BOB = Persona(3002, 3002, (3100, 3200))
CAT = Persona(3003, 3003)
SYSTEM = "/usr/bin/python3"
PEOPLE = {"ann": ANN, "bob": BOB, "cat": CAT}


def storage_for(root: Path, persona: Persona, people, door, *, shared: bool = False, **options) -> PosixStorage:
    return PosixStorage(str(root), people, PosixOptions(**options), guise=Guise(persona, shared, door))


def run_as(persona: Persona, program: Path, where: Path, text: str) -> str:
    """Run a Python program as somebody, in `where`, which it need not be able to reach by its path."""
    groups = f"--groups={','.join(map(str, persona.groups))}" if persona.groups else "--clear-groups"
    # The one that runs the tests may lie where others cannot read.
    python = [SYSTEM if os.access(SYSTEM, os.X_OK) else os.path.realpath(sys.executable), "-I", "-S", "-c", program.read_text()]
    command = ["setpriv", f"--reuid={persona.uid}", f"--regid={persona.gid}", groups, "--inh-caps=-all", *python]
    done = subprocess.run(command, cwd=where, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def facl(spec: str, *paths: Path) -> None:
    subprocess.run(["setfacl", "-m", spec, *paths], check=True)
