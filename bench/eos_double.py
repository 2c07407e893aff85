"""``python -m clawgate.testing.eos``, whose manager sends people to another disk server once a file names one.

python bench/eos_double.py FILE OPTION...
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.internet.task import react

from clawgate.testing.eos import __main__ as program
from clawgate.testing.eos.double import EosDouble
from clawgate.testing.eos.mgm import Mgm

ELSEWHERE = Path(sys.argv[1])


class Sending(EosDouble):
    def _mgm(self, name: str, *, mhd: bool) -> Mgm:
        def data_host() -> str:
            return ELSEWHERE.read_text() if ELSEWHERE.exists() else self.fst.host

        return Mgm(name, self.namespace, self.openings, self.record, self.faults, mhd=mhd, data_host=data_host)


if __name__ == "__main__":
    setattr(program, "EosDouble", Sending)  # noqa: B010
    main: Any = program.main
    react(main, sys.argv[2:])
