"""What the C library and BLAS keep to themselves, in processes of their own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from tests.support.server import REPOSITORY

CODE = """
import ctypes, os, sys, threading
from backend.memory import tune_malloc
if sys.argv[1] == "share":
    tune_malloc()
start = threading.Barrier(16)
def allocate():
    start.wait()
    held = [bytearray(10_000) for _ in range(200)]
    start.wait()
threads = [threading.Thread(target=allocate) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def arenas(argument: str, **environment: str) -> int:
    command = [sys.executable, "-c", CODE, argument]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="Only glibc has arenas.")
def test_many_threads_share_one_arena() -> None:
    assert arenas("leave") > 1, "Else this test would see no difference."
    assert arenas("share") == 1
    assert arenas("share", MALLOC_ARENA_MAX="4") == 4, "What an operator sets is left alone."


FAULTS = """
import ctypes, resource, sys
from backend.memory import tune_malloc
if sys.argv[1] == "tune":
    tune_malloc()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
def pass_through():
    buffer = libc.malloc(50_000_000)
    ctypes.memset(buffer, 1, 50_000_000)
    libc.free(buffer)
pass_through()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
pass_through()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="Only glibc is tuned.")
def test_large_buffers_are_used_again() -> None:
    def faults(argument: str) -> int:
        command = [sys.executable, "-c", FAULTS, argument]
        return int(subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout)

    assert faults("leave") > 1000, "Else this test would see no difference."
    assert faults("tune") < 100


def test_a_server_s_blas_starts_no_threads() -> None:
    pytest.importorskip("threadpoolctl", reason="Counts BLAS threads: pip install threadpoolctl.")
    code = (
        "from backend.memory import calm_blas; calm_blas(); import numpy, threadpoolctl; "
        "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info()})"
    )
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "{1}", done.stderr
