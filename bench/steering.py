"""What steering costs: relevance, diversity, hybrid search and grouping against a plain search, one client.

The collection has 50,000 pictures with a caption each, whose vectors lie around those of real captions, so
that cuts cut and words meet words. All kinds of searches take turns on the same queries: their ratio does not
depend on what else the machine does.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from copy import copy
from pathlib import Path

import numpy as np

from backend.catalogue.search.queries import SearchQuery, TextPart
from backend.catalogue.search.searcher import Searcher
from backend.settings import DEFAULT_TENANT
from backend.store.base import Filter
from bench.bounds import Bounds
from bench.data import captions
from bench.library import Library
from encoders.base import Encoder, Vectors
from encoders.calibration import SHARES, Calibration, Direction, Group
from encoders.familiarity import Gaussian
from encoders.loading import load_encoder

POINTS = 100_000
SEEDS = 1000
QUERIES = 150
WARM = 10
ALLOWED = 1.3
STEERED = {
    "relevance": {},
    "relevance, cut at 0.25": {"min_relevance": 0.25},
    "diversify": {"diversify": 0.5},
    "hybrid": {"mode": "hybrid"},
    "group_by": {"group_by": "image"},
}


def main() -> None:
    bounds = Bounds()
    encoder = load_encoder("twinspace-mini")
    texts = captions("val")[: SEEDS + WARM + QUERIES]
    with (
        tempfile.TemporaryDirectory(prefix="twinspace-bench-") as folder,
        Library(Path(folder), encoder) as library,
    ):
        fill(library, encoder, texts[:SEEDS])
        times = measure(library, texts[SEEDS:])
    plain = times.pop("plain")
    print(f"plain search of {POINTS} points: {1000 * plain:.1f} ms")
    for name, seconds in times.items():
        print(f"{name}: {1000 * seconds:.1f} ms")
        bounds.at_most(f"{name} / plain", seconds / plain, ALLOWED)
    bounds.exit()


def fill(library: Library, encoder: Encoder, seeds: list[str]) -> None:
    random = np.random.default_rng(0)
    vectors = encoder.encode_texts(seeds)
    owner = np.arange(POINTS // 2) % len(seeds)
    # Different ones, as captions are: of fifty equal ones, all would be as good as each other.
    texts = list(dict.fromkeys([*captions("train", "en"), *captions("train", "zh")]))[: POINTS // 2]
    pictures = library.add_pictures(_around(vectors[owner], random))
    library.add_captions(list(zip(pictures, texts, strict=True)), _around(vectors[owner], random))
    library.index()
    directions = {name: Direction(0.01, np.linspace(0.3, 0.8, len(SHARES))) for name in ("text", "image")}
    groups = {name: Group("text", Gaussian.of(vectors), directions) for name in ("text-en", "text-zh")}
    nothing = np.zeros((0, encoder.space.dim), np.float32)
    library.calibrate(Calibration(encoder.space.fingerprint, len(seeds), groups, nothing))


def _around(vectors: Vectors, random: np.random.Generator) -> Vectors:
    """At a cosine of about 0.6 to these."""
    moved = vectors + random.normal(0, 1.3 / np.sqrt(vectors.shape[1]), vectors.shape)
    unit: Vectors = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    return unit


def measure(library: Library, texts: list[str]) -> dict[str, float]:
    """Median seconds by kind of search. A plain one runs in a server without a calibration."""
    kinds: dict[str, Callable[[SearchQuery], object]] = {"plain": _uncalibrated(library).search}
    kinds |= dict.fromkeys(STEERED, library.searcher.search)
    spent: dict[str, list[float]] = {name: [] for name in kinds}
    gc.disable()
    for n, text in enumerate(texts):
        names = list(kinds)
        for name in names[n % len(names) :] + names[: n % len(names)]:
            query = SearchQuery((TextPart(text),), Filter(DEFAULT_TENANT), **STEERED.get(name, {}))
            started = time.perf_counter()
            kinds[name](query)
            spent[name].append(time.perf_counter() - started)
        gc.collect()
    return {name: statistics.median(seconds[WARM:]) for name, seconds in spent.items()}


def _uncalibrated(library: Library) -> Searcher:
    """Over the same items, in a space that nobody has calibrated: what a search costs without relevance."""
    catalogue = copy(library.catalogue)
    catalogue.calibrations = _Nothing()
    settings = library.settings.model_copy(update={"encoder": "uncalibrated"})
    return library.open_searcher(settings, catalogue)


class _Nothing:
    def version(self, _: str) -> None:
        return None


if __name__ == "__main__":
    main()
