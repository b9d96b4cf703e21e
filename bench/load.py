"""Clients that are cheap enough to leave the processor to the server: one keep-alive connection each."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Load:
    """What a number of clients met."""

    seconds: float = 0.0
    """Wall clock, from the first request to the last answer."""
    latencies: list[float] = field(default_factory=list)
    """Seconds, of answers with status 200."""
    statuses: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0
    """Refusals (503) that do not say when to come back."""

    @property
    def median(self) -> float:
        return statistics.median(self.latencies)

    @property
    def per_second(self) -> float:
        return self.statuses[200] / self.seconds


class Searcher:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port)
        self._connection = http.client.HTTPConnection(*self._address, timeout=120)

    def search(self, text: str) -> tuple[int, str | None]:
        """The status, and the value of Retry-After."""
        body = json.dumps({"query": [{"text": text}], "limit": 20})
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/v1/search", body, headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Retry-After")


def run(url: str, texts: Sequence[str], clients: int, requests: int) -> Load:
    """`requests` searches, shared among `clients`, each with a text of its own."""
    load, lock = Load(), threading.Lock()
    numbers = iter(range(requests))
    ready = threading.Barrier(clients + 1)

    def work() -> None:
        searcher = Searcher(url)
        ready.wait()
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            started = time.perf_counter()
            status, retry_after = searcher.search(texts[number % len(texts)])
            spent = time.perf_counter() - started
            with lock:
                load.statuses[status] += 1
                if status == 200:
                    load.latencies.append(spent)
                load.without_retry_after += status == 503 and retry_after is None

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    ready.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - started
    return load
