"""Gathers single requests of many threads into one forward pass.

SKELETON: signatures that other parts are written against; bodies follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class QueueFull(Exception):
    """The bounded queue is full; try again in a moment."""


class Batcher(Generic[Request, Answer]):
    """`run` takes up to `max_batch` requests and returns as many answers, in order."""

    def __init__(
        self, run: Callable[[Sequence[Request]], Sequence[Answer]], max_batch: int, max_waiting: int, name: str
    ) -> None: ...

    def submit(self, request: Request) -> Answer:
        """Waits for the answer. Raises `QueueFull` at once, or what `run` raised for this request."""
        raise NotImplementedError

    def close(self) -> None:
        """Answers what waits, then stops."""
