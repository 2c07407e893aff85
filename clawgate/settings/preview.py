"""Settings of previews."""

from __future__ import annotations

import attrs

from .rule import setting


@attrs.frozen
class Preview:
    """[preview]: small pictures of images and texts; only where the extra ``preview`` is installed"""

    enabled: bool = setting(True, "show previews")
    processes: int = setting(2, "processes that make them, one picture at a time each", low=1)
    queue: int = setting(200, "pictures that may wait for a process; more: 429, and clients come again", low=0)
    input_bytes: int = setting(
        67108864, "largest image of which there is a preview; of a text only the beginning is read", size=True
    )
    pixels: int = setting(60000000, "most pixels of an image; JPEG counts as it is decoded, up to eight times smaller", low=1)
    side: int = setting(4096, "longest side of a preview, in pixels; of larger ones this size is made", low=16)
    result_bytes: int = setting(8388608, "largest preview", low=65536, size=True)
    answer_bytes: int = setting(
        67108864, "bytes of previews that are on their way to clients at once; more: 429", low=1048576, size=True
    )
    memory_bytes: int = setting(
        1073741824, "address space for making one; a process that wants more ends", low=268435456, size=True
    )
    cpu_seconds: int = setting(10, "seconds of computing for one", low=1)
    seconds: float = setting(30.0, "seconds that reading and making one may take, waiting not counted", low=1)
    idle_seconds: float = setting(300.0, "seconds after which a process without work ends", low=1)
    cache: str = setting("disk", "where previews are kept: in the data directory, or in memory", choices=("disk", "memory"))
    cache_bytes: int = setting(268435456, "bytes kept there; 0: nothing is kept", size=True)
