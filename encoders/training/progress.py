"""How training tells what it does, without knowing whether a terminal, a log or nobody listens."""

from __future__ import annotations

from typing import Protocol

from encoders.base import EncoderError


class TrainingError(EncoderError):
    """Training cannot start or go on; the message is one sentence that says what to do."""


class Listener(Protocol):
    def advance(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps of `stage` are finished."""
        ...

    def say(self, message: str) -> None: ...


class Silence:
    """Nobody listens."""

    def advance(self, stage: str, done: int, total: int) -> None:
        pass

    def say(self, message: str) -> None:
        pass
