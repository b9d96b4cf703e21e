"""Keeps a process of many threads from holding memory that none of them uses, and cores that others need."""

from __future__ import annotations

import ctypes
import os

ARENAS = 2
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def share_arenas() -> None:
    """To be called before threads start. glibc gives threads arenas of their own, and what one of them frees
    stays in its arena: with two for all, ingest peaks at 1.16 instead of 1.25 GB. Other C libraries have no
    such arenas; whoever sets MALLOC_ARENA_MAX is left alone."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_M_ARENA_MAX, ARENAS)


def calm_blas() -> None:
    """To be called before NumPy is imported. OpenBLAS would share even our small products out to threads
    that go on spinning when they are done, beside the encoder's: after a diversified search the next ones
    took half as long again (`bench.steering`). Whoever sets OPENBLAS_NUM_THREADS is left alone; torch has
    its own."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
