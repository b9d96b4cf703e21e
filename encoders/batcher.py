"""Gathers single requests of many threads into one forward pass.

A model answers eight requests together in little more than the time of one, but only if somebody brings
them together. Nobody waits for company: an idle batcher runs a lone request at once, and what arrives
meanwhile becomes the next batch. Runs happen one after the other, on one thread of the batcher's own: torch
keeps a team of OpenMP threads for every thread that calls it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class QueueFull(Exception):
    """The bounded queue is full; try again in a moment."""


class BatcherClosed(Exception):
    """The batcher takes no more requests."""


class Batcher(Generic[Request, Answer]):
    """`run` takes up to `max_batch` requests and returns as many answers, in order.

    A failed batch is run again item by item, so that an item that fails never fails its neighbours.
    `on_batch` is told the size and the seconds of every run, for metrics. With `on_caller`, for what does
    not compute with torch, whoever comes while nothing runs is answered on the own thread: two
    changes of threads less, which cost as much as a search among 10,000 points.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Request]], Sequence[Answer]],
        max_batch: int,
        max_waiting: int,
        name: str,
        on_batch: Callable[[int, float], None] | None = None,
        on_caller: bool = False,
    ) -> None:
        if max_batch < 1 or max_waiting < 1:
            raise ValueError("max_batch and max_waiting must be at least 1")
        self._run = run
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._on_batch = on_batch
        self._queue: deque[tuple[Request, Future[Answer]]] = deque()
        self._changed = threading.Condition()
        self._on_caller = on_caller
        self._running = False
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests in the queue, without those that are being run."""
        return len(self._queue)

    def submit(self, request: Request) -> Answer:
        """Waits for the answer. Raises `QueueFull` or `BatcherClosed` at once, or what `run` raised
        for this request."""
        future: Future[Answer] = Future()
        with self._changed:
            if self._closed:
                raise BatcherClosed("The batcher is closed.")
            if len(self._queue) >= self._max_waiting:
                raise QueueFull(f"{self._max_waiting} requests are waiting already.")
            mine = self._on_caller and not self._running and not self._queue
            if mine:
                self._running = True
            else:
                self._queue.append((request, future))
                self._changed.notify()
        if mine:
            self._answer_all([(request, future)])
        return future.result()

    def close(self) -> None:
        """Answers what waits, then stops. Closing twice is harmless."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        try:
            while batch := self._next_batch():
                self._answer_all(batch)
                batch = []  # An idle batcher must not keep the last pictures in memory.
        finally:
            self._fail_what_waits()

    def _next_batch(self) -> list[tuple[Request, Future[Answer]]]:
        """Waits for requests; empty once closed and answered."""
        with self._changed:
            while self._running or not (self._queue or self._closed):
                self._changed.wait()
            batch = [self._queue.popleft() for _ in range(min(self._max_batch, len(self._queue)))]
            self._running = bool(batch)
            return batch

    def _answer_all(self, batch: list[tuple[Request, Future[Answer]]]) -> None:
        try:
            self._answer(batch)
        finally:
            with self._changed:
                self._running = False
                self._changed.notify()

    def _answer(self, batch: list[tuple[Request, Future[Answer]]]) -> None:
        try:
            answers = self._timed_run([request for request, _ in batch])
        except BaseException as error:  # noqa: BLE001 - whatever it is, the waiters hear of it
            if len(batch) == 1:
                batch[0][1].set_exception(_fit_for_waiters(error))
                return
            logger.warning("A batch of %d failed (%r); running its items one by one.", len(batch), error)
            for item in batch:
                self._answer([item])
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            future.set_result(answer)

    def _timed_run(self, requests: list[Request]) -> Sequence[Answer]:
        started = time.perf_counter()
        try:
            answers = self._run(requests)
        finally:
            self._report(len(requests), time.perf_counter() - started)
        if len(answers) != len(requests):
            raise RuntimeError(f"{len(requests)} requests were run, {len(answers)} answers came back.")
        return answers

    def _report(self, size: int, seconds: float) -> None:
        if self._on_batch is None:
            return
        try:
            self._on_batch(size, seconds)
        except Exception:  # A metric that cannot be written must not fail a request.
            logger.exception("The batcher's on_batch hook failed.")

    def _fail_what_waits(self) -> None:
        """The thread ends: after `close` nothing waits; after a fault of our own nobody may wait for ever."""
        with self._changed:
            self._closed = True
            while self._queue:
                self._queue.popleft()[1].set_exception(BatcherClosed("The batcher's thread has ended."))


def _fit_for_waiters(error: BaseException) -> Exception:
    """A `SystemExit` raised by a model must not end the thread of whoever asked."""
    if isinstance(error, Exception):
        return error
    stand_in = RuntimeError(f"The batch ended with {error!r}.")
    stand_in.__cause__ = error
    return stand_in
