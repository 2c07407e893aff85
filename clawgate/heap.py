"""How the C library manages memory."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_KEPT = 16 * 1024 * 1024
_LARGE = 4 * 1024 * 1024


def keep_blocks() -> None:
    """Let blocks of content be used again instead of going back to the kernel one by one; at most 16 MiB lie idle at the end.

    With glibc's defaults each block that a socket is read into may be fresh memory, which the kernel has to clear and to map page
    by page: that doubles the cost of a large upload, or does not, as chance has it. And each thread has a heap of its own, with
    free blocks that no other one can use; here memory is taken under Python's lock anyway, so one heap will do. With another C
    library this does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
