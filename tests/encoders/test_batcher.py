"""The batcher answers every request exactly once, whoever fails beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.batcher import Batcher, BatcherClosed, QueueFull

Run = Callable[[Sequence[int]], Sequence[int]]


class Gate:
    """A `run` that stops inside each batch until it is let go, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def __call__(self, requests: Sequence[int]) -> list[int]:
        self.batches.append(list(requests))
        self.entered.release()
        assert self.go.acquire(timeout=30)
        return [-request for request in requests]


@contextmanager
def batcher(
    run: Callable[[Sequence[int]], Sequence[int]], max_batch: int = 4, **options: object
) -> Iterator[Batcher]:
    made = Batcher(run, max_batch, **{"max_waiting": 64, "name": "test", **options})
    try:
        yield made
    finally:
        made.close()


def submit_and_wait_until_queued(pool: ThreadPoolExecutor, to: Batcher, request: int) -> Future[int]:
    before = to.waiting
    future = pool.submit(to.submit, request)
    while to.waiting == before and not future.done():
        time.sleep(0.0005)
    return future


def test_lone_request_is_run_at_once() -> None:
    with batcher(lambda requests: [request * 2 for request in requests]) as doubling:
        assert doubling.submit(21) == 42


@pytest.mark.parametrize("on_caller", [False, True])
def test_an_idle_batcher_answers_on_its_own_thread_or_on_the_callers(on_caller: bool) -> None:
    with batcher(lambda requests: [threading.get_ident()] * len(requests), on_caller=on_caller) as idle:
        for _ in range(3):
            assert (idle.submit(0) == threading.get_ident()) is on_caller


def test_runs_on_callers_and_on_the_own_thread_never_overlap() -> None:
    running = threading.Lock()

    def run(requests: Sequence[int]) -> Sequence[int]:
        assert running.acquire(blocking=False)
        time.sleep(0.0002)
        running.release()
        return requests

    with batcher(run, on_caller=True) as alone, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(alone.submit, range(400), timeout=30)) == list(range(400))


@pytest.mark.parametrize("on_caller", [False, True])
def test_requests_that_arrive_during_a_run_form_the_next_batch(on_caller: bool) -> None:
    gate = Gate()
    with batcher(gate, on_caller=on_caller) as gated, ThreadPoolExecutor(8) as pool:
        first = pool.submit(gated.submit, 0)
        gate.entered.acquire()
        rest = [submit_and_wait_until_queued(pool, gated, request) for request in range(1, 7)]
        assert gated.waiting == 6
        gate.go.release(3)
        assert [first.result(10), *(future.result(10) for future in rest)] == [0, -1, -2, -3, -4, -5, -6]
    assert gate.batches == [[0], [1, 2, 3, 4], [5, 6]]


@pytest.mark.parametrize("on_caller", [False, True])
def test_full_queue_refuses_at_once_and_recovers(on_caller: bool) -> None:
    gate = Gate()
    with batcher(gate, max_waiting=2, on_caller=on_caller) as gated, ThreadPoolExecutor(8) as pool:
        running = pool.submit(gated.submit, 0)
        gate.entered.acquire()
        queued = [submit_and_wait_until_queued(pool, gated, request) for request in (1, 2)]
        with pytest.raises(QueueFull):
            gated.submit(3)
        gate.go.release(2)
        assert [running.result(10), *(future.result(10) for future in queued)] == [0, -1, -2]
        gate.go.release()
        assert gated.submit(4) == -4


@given(
    bad=st.sets(st.integers(0, 23)),
    max_batch=st.integers(1, 9),
    threads=st.integers(1, 12),
    error=st.sampled_from([ValueError, MemoryError, SystemExit, KeyboardInterrupt, GeneratorExit]),
    on_caller=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_failing_items_fail_alone(
    bad: set[int], max_batch: int, threads: int, error: type[BaseException], on_caller: bool
) -> None:
    def run(requests: Sequence[int]) -> list[int]:
        if bad & set(requests):
            raise error("bad item")
        return [request + 1 for request in requests]

    with batcher(run, max_batch, on_caller=on_caller) as adding, ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(adding.submit, request) for request in range(24)]
        for request, future in enumerate(futures):
            if request in bad:
                with pytest.raises(error if issubclass(error, Exception) else RuntimeError, match="bad item"):
                    future.result(30)
            else:
                assert future.result(30) == request + 1


@pytest.mark.parametrize("on_caller", [False, True])
def test_each_waiter_gets_the_error_of_its_own_item(on_caller: bool) -> None:
    gate = Gate()

    def run(requests: Sequence[int]) -> list[int]:
        if requests == [0]:
            return gate(requests)
        raise ValueError(f"cannot do {list(requests)}")

    with batcher(run, on_caller=on_caller) as failing, ThreadPoolExecutor(4) as pool:
        first = pool.submit(failing.submit, 0)
        gate.entered.acquire()
        rest = [submit_and_wait_until_queued(pool, failing, request) for request in (1, 2, 3)]
        gate.go.release()
        assert first.result(10) == 0
        assert [str(future.exception(10)) for future in rest] == [f"cannot do [{n}]" for n in (1, 2, 3)]


@pytest.mark.parametrize("answers", [[], [1, 2]])
def test_wrong_number_of_answers_is_an_error_and_not_a_mix_up(answers: list[int]) -> None:
    with batcher(lambda _: answers) as wrong, pytest.raises(RuntimeError, match="answers came back"):
        wrong.submit(0)


@pytest.mark.parametrize("on_caller", [False, True])
def test_close_answers_what_waits_and_refuses_what_follows(on_caller: bool) -> None:
    gate = Gate()
    with batcher(gate, on_caller=on_caller) as gated, ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(gated.submit, 0)]
        gate.entered.acquire()
        futures += [submit_and_wait_until_queued(pool, gated, request) for request in range(1, 7)]
        closing = pool.submit(gated.close)
        while not gated._closed:
            time.sleep(0.0005)
        with pytest.raises(BatcherClosed):
            gated.submit(7)
        gate.go.release(3)
        closing.result(10)
        assert sorted(future.result(10) for future in futures) == [-6, -5, -4, -3, -2, -1, 0]
        gated.close()


def test_nobody_waits_for_ever_when_the_thread_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with batcher(gate) as dying, ThreadPoolExecutor(4) as pool:
        pool.submit(dying.submit, 0)
        gate.entered.acquire()
        waiting = submit_and_wait_until_queued(pool, dying, 1)
        monkeypatch.setattr(dying, "_next_batch", lambda: 1 / 0)
        gate.go.release()
        with pytest.raises(BatcherClosed):
            waiting.result(10)
        with pytest.raises(BatcherClosed):
            dying.submit(2)


def test_hook_hears_of_every_run_and_its_failure_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[int] = []

    def hook(size: int, seconds: float) -> None:
        assert seconds >= 0
        heard.append(size)
        raise OSError("no metrics today")

    with batcher(list, on_batch=hook) as hooked:
        assert hooked.submit(1) == 1
    assert heard == [1]
    assert "hook failed" in caplog.text


def test_finished_requests_are_let_go() -> None:
    """An idle server must not keep the last uploaded pictures in memory."""
    import gc
    import weakref

    class Picture: ...

    holding: Batcher[Picture, int] = Batcher(lambda pictures: [0] * len(pictures), 4, 4, "test")
    picture = Picture()
    gone = weakref.ref(picture)
    holding.submit(picture)
    del picture
    holding.submit(Picture())
    gc.collect()
    assert gone() is None
    holding.close()


@pytest.mark.parametrize(("max_batch", "max_waiting"), [(0, 1), (1, 0)])
def test_sizes_that_cannot_work_are_refused(max_batch: int, max_waiting: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Batcher(list, max_batch, max_waiting, "test")
