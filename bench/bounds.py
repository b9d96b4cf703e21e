"""Figures against their bounds, printed alike by all benchmarks."""

from __future__ import annotations

import sys


class Bounds:
    def __init__(self) -> None:
        self.missed = 0

    def at_least(self, what: str, value: float, bound: float) -> None:
        self._line(what, value, ">=", bound, value >= bound)

    def at_most(self, what: str, value: float, bound: float) -> None:
        self._line(what, value, "<=", bound, value <= bound)

    def _line(self, what: str, value: float, sign: str, bound: float, held: bool) -> None:
        self.missed += not held
        print(f"{'ok    ' if held else 'MISSED'} {what}: {value:.3f} {sign} {bound:.3f}", flush=True)

    def exit(self) -> None:
        sys.exit(1 if self.missed else 0)
