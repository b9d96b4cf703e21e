"""Keeps a process of many threads from holding memory that none of them uses, and cores that others need."""

from __future__ import annotations

import ctypes
import os

MEBIBYTE = 1024**2
# Of glibc's malloc.h, each with the variable by which an operator sets it.
_TRIM_THRESHOLD = -1, "MALLOC_TRIM_THRESHOLD_"
_MMAP_THRESHOLD = -3, "MALLOC_MMAP_THRESHOLD_"
_ARENA_MAX = -8, "MALLOC_ARENA_MAX"

MALLOC = {
    # Threads get arenas of their own, and what one of them frees stays in its arena.
    _ARENA_MAX: 1,
    # What passes through a CNN is tens of megabytes a layer. Mapped anew, or given back and asked for again,
    # it costs a fault a page: four pictures together took 22 instead of 12 ms each. Batches are no larger
    # (`image_batch`) because eight pictures would keep 100 MB more, and be no faster.
    _MMAP_THRESHOLD: 64 * MEBIBYTE,
    _TRIM_THRESHOLD: 256 * MEBIBYTE,
}


def tune_malloc() -> None:
    """To be called before threads start. Other C libraries have nothing to tune, and what an operator sets
    is left alone."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    for (option, variable), value in MALLOC.items():
        if mallopt is not None and variable not in os.environ:
            mallopt(option, value)


def calm_blas() -> None:
    """To be called before NumPy is imported. OpenBLAS would share even our small products out to threads
    that go on spinning when they are done, beside the encoder's: after a diversified search the next ones
    took half as long again (`bench.steering`). Whoever sets OPENBLAS_NUM_THREADS is left alone; torch has
    its own."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
