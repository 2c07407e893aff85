"""Makes a picture of the beginning of a text. Runs in the process of its own."""

from __future__ import annotations

import codecs
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from .drawing import Unshowable, saved
from .sizes import Size

COLUMNS = 44
"""Letters in a line, about."""
LEAST = 320
"""Pixels of a side below which letters cannot be read: smaller pictures are made smaller from one of this size."""
_LINES = 400
_INK, _PAPER = (40, 40, 40), (255, 255, 255)
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def load() -> None:
    """Load what will be needed: later no file can be opened any more."""
    for name in ("utf-8", "latin-1", *_BOMS.values()):
        codecs.lookup(name)
    write(b"x", (64, 64), 65536)


def write(data: Any, frame: Size, most: int) -> tuple[str, bytes]:
    """The media type and the bytes of a picture of the text in `data`, as large as `frame`, of at most `most` bytes. Raises
    `Unshowable`."""
    scale = max(1.0, LEAST / max(frame))
    size = (round(frame[0] * scale), round(frame[1] * scale))
    letter = max(6, round(max(size) / COLUMNS * 1.7))
    font = ImageFont.load_default(letter)
    image = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(image)
    margin, step = letter, round(letter * 1.35)
    for number, line in enumerate(lines(bytes(data), size[1] // step + 1)):
        # What does not fit is not looked at: a line may be as long as the file.
        pen.text((margin, margin // 2 + number * step), line[: size[0] // 2], _INK, font)
    if image.size != frame:
        image = image.resize(frame, Image.Resampling.LANCZOS)
    return saved(image, most)


def lines(data: bytes, most: int) -> list[str]:
    """The first lines of a text that is UTF-8, UTF-16 with a mark, or Latin-1 where it is neither. Raises `Unshowable` for what
    is no text."""
    if not data.strip():
        raise Unshowable("the text is empty")
    encoding = next((name for mark, name in _BOMS.items() if data.startswith(mark)), "")
    if not encoding and b"\0" in data:
        raise Unshowable("this is no text")
    try:
        # A letter may be cut off at the end of what was read.
        text = codecs.getincrementaldecoder(encoding or "utf-8")().decode(data)
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    found = text.splitlines()[: min(most, _LINES)]
    return ["".join(c if c.isprintable() else " " for c in line.expandtabs(4)) for line in found]
