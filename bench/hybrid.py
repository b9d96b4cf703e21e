"""Words beside meaning: where hybrid search and fused captions beat vectors alone, and at what cost.

The val split's pictures with four of their five captions; the fifth is the query. Then with captions on every
other picture only: pictures that nobody has described may not lose to those that somebody has. Where no
picture has a caption, hybrid search is the search by meaning. Captions are to be found, too: any other one of
the same picture. At last names, numbers and rare words, for pictures and for captions.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.catalogue.search.queries import SearchQuery, TextPart
from backend.catalogue.search.searcher import Searcher
from backend.evaluation.encode import encode_captions, encode_image_files
from backend.settings import DEFAULT_TENANT, Settings
from backend.store.base import KINDS, Filter, Kind
from bench.bounds import Bounds
from bench.data import shared
from bench.library import Library, Remembered
from encoders.base import Encoder, Vectors
from encoders.loading import load_encoder

COST = 0.01
"""Of Recall@10, at most."""
COST_AMONG_FEW = 0.03
"""With 125 queries: each is 0.008."""
GAIN = 0.2
BEHIND = 0.02
"""Among captions meaning alone finds many rare words and words alone nearly all: hybrid search is as good."""
SMALL = 250
DEPTH = 10
RARE = 300
NAMES = ("Okonkwo", "Lindqvist", "Takahashi", "Marchetti", "Vasquez", "Pfeiffer", "Abernathy", "Zielinski")
LANGUAGES = ("en", "zh")
Entry = dict[str, Any]
Found = NDArray[np.bool_]


def main() -> None:
    bounds = Bounds()
    folder = shared("flickr8k")
    entries = [one for one in json.loads((folder / "captions.json").read_text()) if one["split"] == "val"]
    encoder = load_encoder(Settings().encoder)
    paths = [folder / "images" / entry["image"] for entry in entries]
    pictures = encode_image_files(encoder, paths, 8, Settings().max_image_pixels, lambda _: None).vectors
    for language in LANGUAGES:
        for every in (1, 2):
            leave_one_out(bounds, encoder, pictures, entries, language, every)
    print(f"Among {SMALL} pictures:")
    leave_one_out(bounds, encoder, pictures[:SMALL], entries[:SMALL], "en", 2, COST_AMONG_FEW)
    names_and_numbers(bounds, encoder, pictures)
    rare_words(bounds, encoder, pictures, entries)
    bounds.exit()


def leave_one_out(
    bounds: Bounds,
    encoder: Encoder,
    pictures: Vectors,
    entries: Sequence[Entry],
    language: str,
    every: int,
    cost: float = COST,
) -> None:
    """Recall@10 of pictures, for those with captions and for those without, and of captions."""
    told = np.arange(len(entries)) % every == 0
    queries = [entry[language][0] for entry in entries]
    captions = [(n, text) for n in np.flatnonzero(told) for text in entries[n][language][1:]]
    with filled(encoder, pictures, captions, queries) as (library, ids):
        fusing = library.open_searcher(library.settings.model_copy(update={"fuse_captions": True}))
        found = {
            "dense": in_the_first(library.searcher, queries, ids, "dense"),
            "hybrid": in_the_first(library.searcher, queries, ids, "hybrid"),
            "dense with fused captions": in_the_first(fusing, queries, ids, "dense"),
            "hybrid with fused captions": in_the_first(fusing, queries, ids, "hybrid"),
        }
        captioned = [(query, id) for query, id, has in zip(queries, ids, told, strict=True) if has]
        among_captions = {
            mode: in_the_first(library.searcher, *zip(*captioned, strict=True), mode, "caption")
            for mode in ("dense", "lexical", "hybrid")
        }
    what = f"{language}, {told.mean():.0%} of pictures have captions, which are looked for"
    dense = report(what, among_captions)
    bounds.at_least(f"{what}: hybrid - dense", float(among_captions["hybrid"].mean()) - dense, -cost)
    for of, some in (("with captions", told), ("without captions", ~told)):
        if some.any():
            what = f"{language}, {told.mean():.0%} of pictures have captions, those {of}"
            dense = report(what, {name: hits[some] for name, hits in found.items()})
            for name, hits in found.items():
                bounds.at_least(f"{what}: {name} - dense", float(hits[some].mean()) - dense, -cost)


def names_and_numbers(bounds: Bounds, encoder: Encoder, pictures: Vectors) -> None:
    """Every fifth picture says who took it, and has a number."""
    targets = range(0, len(pictures), 5)
    marks = [f"{NAMES[n % len(NAMES)]} {4000 + n}" for n in targets]
    captions = [(n, f"Taken by {mark}") for n, mark in zip(targets, marks, strict=True)]
    with filled(encoder, pictures, captions, marks) as (library, ids):
        wanted = [ids[n] for n in targets]
        gain(bounds, "names with numbers", library.searcher, marks, wanted)


def rare_words(bounds: Bounds, encoder: Encoder, pictures: Vectors, entries: Sequence[Entry]) -> None:
    """Words that are in the captions of one picture only."""
    owners: dict[str, int] = {}
    pictures_of: Counter[str] = Counter()
    for n, entry in enumerate(entries):
        words = {
            word.lower() for text in entry["en"] for word in text.split() if word.isalpha() and len(word) > 4
        }
        pictures_of.update(words)
        owners |= dict.fromkeys(words, n)
    rare = sorted(word for word, number in pictures_of.items() if number == 1)[::3][:RARE]
    captions = [(n, text) for n, entry in enumerate(entries) for text in entry["en"]]
    with filled(encoder, pictures, captions, rare) as (library, ids):
        gain(bounds, "rare words", library.searcher, rare, [ids[owners[word]] for word in rare])


def gain(
    bounds: Bounds, what: str, searcher: Searcher, queries: Sequence[str], wanted: Sequence[str]
) -> None:
    for kind in KINDS:
        modes = ("dense", "lexical", "hybrid")
        found = {mode: in_the_first(searcher, queries, wanted, mode, kind) for mode in modes}
        of = f"{what}, {kind}s"
        dense = report(of, found)
        hybrid = float(found["hybrid"].mean())
        if kind == "image":
            bounds.at_least(f"{of}: hybrid - dense", hybrid - dense, GAIN)
        else:
            bounds.at_least(f"{of}: hybrid - lexical", hybrid - float(found["lexical"].mean()), -BEHIND)


def report(what: str, found: dict[str, Found]) -> float:
    """Recall@10 by vectors alone."""
    shares = {name: float(hits.mean()) for name, hits in found.items()}
    print(f"{what}: " + ", ".join(f"{name} {share:.3f}" for name, share in shares.items()))
    return shares["dense"]


def in_the_first(
    searcher: Searcher, queries: Sequence[str], wanted: Sequence[str], mode: Any, kind: Kind = "image"
) -> Found:
    """Which queries find the picture that they want, or a caption of it, among the first ten."""
    found = []
    for text, id in zip(queries, wanted, strict=True):
        query = SearchQuery((TextPart(text),), Filter(DEFAULT_TENANT), (kind,), DEPTH, mode=mode)
        found.append(id in [hit.item.image_id or hit.item.id for hit in searcher.search(query).hits[kind]])
    return np.array(found)


@contextmanager
def filled(
    encoder: Encoder, pictures: Vectors, captions: Sequence[tuple[int, str]], queries: Sequence[str]
) -> Iterator[tuple[Library, list[str]]]:
    """These pictures, of which some have captions. With the pictures' ids."""
    texts = list(dict.fromkeys([*queries, *(text for _, text in captions)]))
    vectors = dict(zip(texts, encode_captions(encoder, texts, lambda _: None), strict=True))
    remembered = Remembered(encoder.space, vectors)
    with (
        tempfile.TemporaryDirectory(prefix="twinspace-bench-") as folder,
        Library(Path(folder), remembered) as library,
    ):
        ids = library.add_pictures(pictures)
        # A picture has a caption once, however often people wrote the same.
        attached = list(dict.fromkeys((ids[n], text) for n, text in captions))
        library.add_captions(attached, np.stack([vectors[text] for _, text in attached]))
        library.index()
        yield library, ids


if __name__ == "__main__":
    main()
