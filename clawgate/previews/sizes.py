"""How large a picture becomes, and which part of the original it shows. Pure arithmetic."""

from __future__ import annotations

from typing import NamedTuple

Size = tuple[int, int]
Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge, in pixels of the original."""

WAYS = ("fit", "fill", "cover", "resize")
"""fit: the whole of it within the frame. fill: the middle of it, as much as has the frame's shape. cover: the whole of it, both
sides at least as long as the frame's. resize: the whole of it, squeezed into the frame's shape."""


class Cut(NamedTuple):
    """What is done with an image."""

    box: Box
    size: Size


def cut(way: str, original: Size, frame: Size, enlarge: bool) -> Cut:
    """How to get from an image of the size `original` to a picture for `frame`; not to one larger than it, unless `enlarge`."""
    width, height = original
    whole = (0.0, 0.0, float(width), float(height))
    across, down = frame[0] / width, frame[1] / height
    if way == "resize":
        if not enlarge:
            across, down = min(across, 1.0), min(down, 1.0)
        return Cut(whole, (_length(width * across), _length(height * down)))
    if way == "fill":
        scale = max(across, down)
        part = (min(float(width), frame[0] / scale), min(float(height), frame[1] / scale))
        left, upper = (width - part[0]) / 2, (height - part[1]) / 2
        box = (left, upper, left + part[0], upper + part[1])
        scale = scale if enlarge else min(scale, 1.0)
        return Cut(box, (_length(part[0] * scale), _length(part[1] * scale)))
    scale = max(across, down) if way == "cover" else min(across, down)
    scale = scale if enlarge else min(scale, 1.0)
    return Cut(whole, (_length(width * scale), _length(height * scale)))


def _length(pixels: float) -> int:
    return max(1, round(pixels))
