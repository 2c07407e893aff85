"""What `/proc` writes: text of keys and values, turned into JSON line by line, with all that is lost on the way (section 4.4)."""

from __future__ import annotations

import json
import re
from typing import Any

import attrs

_PAIR = re.compile(r"([^\s=]+)=(\"[^\" ]*\"?|\S*)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@attrs.frozen
class Output:
    """What a command gave."""

    text: str = ""
    errno: int = 0
    error: str = ""
    native: dict[str, Any] | None = None
    """JSON that is not made from text."""


def encoded(output: Output, command: str, subcommand: str, form: str) -> bytes:
    """The answer in a format: "json", "http", "fuse" or empty."""
    if form == "json":
        text = json.dumps(output.native if output.native is not None else _generic(output, command, subcommand))
    elif form in ("http", "fuse"):
        text = output.text or output.error
    else:
        text = f"mgm.proc.stdout={_seal(output.text)}&mgm.proc.stderr={_seal(output.error)}&mgm.proc.retc={output.errno}"
    return text.encode("utf-8", "replace")


def _seal(text: str) -> str:
    return text.replace("&", "#and#")


def _generic(output: Output, command: str, subcommand: str) -> dict[str, Any]:
    rows = _rows(output.text)
    return {"errormsg": output.error, "retc": str(output.errno), command or "result": {subcommand: rows} if subcommand else rows}


def _rows(text: str) -> list[Any] | None:
    lines = [line for line in text.split("\n") if line]
    return [_row(line) for line in lines] or None


def _row(line: str) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for key, raw in _PAIR.findall(line):
        value = raw.strip('"')
        at = found
        *above, last = key.split(".")
        for part in above:
            inner = at.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = at[part] = {}
            at = inner
        at[last] = float(value) if _NUMBER.fullmatch(value) else value or "NULL"
    return found or None
