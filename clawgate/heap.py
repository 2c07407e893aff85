"""How the C library and Python manage memory."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def uncollected() -> Iterator[None]:
    """Meanwhile nobody looks for cyclic garbage.

    While modules are imported there is hardly any, and what there is by then is looked at again and again: a fifth of the time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def spare_the_collector() -> None:
    """Keep the cyclic garbage collector from walking what never changes, and from running in the middle of every large listing.

    A listing of ten thousand entries makes that many tuples, none of them cyclic; with Python's defaults a fifth of its time goes
    into looking at them again and again. What is garbage by now stays: that is less than 1 MiB, and finding it takes longer than
    everything else between the import of the modules and the first answer.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
