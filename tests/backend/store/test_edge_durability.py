"""`kill -9` at any moment: what was acknowledged is there, and the folder opens."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from backend.store.base import Filter, Query
from backend.store.edge import EdgeStore
from encoders.base import Space

REPOSITORY = Path(__file__).parents[3]
SPACE = Space("durable-1", 64, "f", ("en",), "Apache-2.0")

WRITER = """
import sys, uuid
from pathlib import Path
import numpy as np
from backend.store.base import Point
from backend.store.edge import EdgeStore
from tests.backend.store.test_edge_durability import SPACE, vector

store = EdgeStore(Path(sys.argv[1]))
store.ensure_space(SPACE)
n = int(sys.argv[2])
while True:
    payload = {"tenant": "t", "tags": [f"batch-{n}"]}
    batch = [Point(str(uuid.UUID(int=k)), vector(k), payload) for k in range(n, n + 20)]
    store.upsert(SPACE.name, "image", batch)
    store.delete(SPACE.name, "image", [batch[-1].id])
    n += 20
    print(n, flush=True)
"""

MAKER = """
import sys
from pathlib import Path
from backend.store.edge import EdgeStore
from tests.backend.store.test_edge_durability import SPACE

store = EdgeStore(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    store.ensure_space(SPACE)
    store.drop_space(SPACE.name)
"""


def vector(n: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal(SPACE.dim).astype(np.float32)


def run_and_kill(code: str, arguments: list[str], pause: float) -> list[str]:
    """What the process had printed when it was killed, `pause` seconds after its first line."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(pause)
    process.kill()
    lines = [first, *process.stdout]
    assert process.wait() == -signal.SIGKILL
    return [line.strip() for line in lines]


def check_rounds(folder: Path, rounds: int) -> None:
    n = 0
    for _ in range(rounds):
        pause = random.uniform(0, 0.3)
        acknowledged = int(run_and_kill(WRITER, [str(folder), str(n)], pause)[-1])
        store = EdgeStore(folder)
        store.ensure_space(SPACE)
        there = set(store.scroll(SPACE.name, "image", limit=1_000_000)[0])
        kept = [f"{k:032x}" for k in range(acknowledged) if k % 20 != 19]
        deleted = {f"{k:032x}" for k in range(19, acknowledged, 20)}
        there = {id.replace("-", "") for id in there}
        assert set(kept) <= there
        assert not deleted & there
        for k in random.sample(range(0, acknowledged, 20), 3) if acknowledged > 60 else [0]:
            (hit,) = store.query(
                SPACE.name, "image", Query(vector(k), 1, Filter("t", tags_all=(f"batch-{k}",)))
            )
            assert int(hit.id.replace("-", ""), 16) == k
            assert hit.score == pytest.approx(1, abs=1e-5)
        store.close()
        n = acknowledged


def test_acknowledged_writes_survive_kill_9(tmp_path: Path) -> None:
    check_rounds(tmp_path / "vectors", rounds=3)


@pytest.mark.slow
def test_acknowledged_writes_survive_kill_9_many_times(tmp_path: Path) -> None:
    check_rounds(tmp_path / "vectors", rounds=20)


@pytest.mark.parametrize("pause", [0.0, 0.03, 0.11])
def test_a_space_whose_making_was_killed_can_be_made(tmp_path: Path, pause: float) -> None:
    run_and_kill(MAKER, [str(tmp_path)], pause)
    store = EdgeStore(tmp_path)
    store.ensure_space(SPACE)
    assert store.count(SPACE.name, "image") == 0
    assert store.spaces() == [SPACE.name]
    store.close()
