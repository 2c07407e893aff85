"""Images for tests, sound and hostile."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image


def image(
    size: tuple[int, int] = (300, 200), form: str = "PNG", mode: str = "RGB", colour: Any = (200, 30, 30), **how: Any
) -> bytes:
    """A picture of one colour."""
    file = BytesIO()
    Image.new(mode, size, colour).save(file, form, **how)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    """What was got."""
    found = Image.open(BytesIO(data))
    found.load()
    return found


def png(width: int, height: int, content: bytes = b"") -> bytes:
    """A PNG whose header says what it likes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", content or zlib.compress(b"\0")) + chunk(b"IEND", b"")


def bomb(side: int) -> bytes:
    """Some thousand bytes that become side * side * 3."""
    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * side)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return png(side, side, packed)
