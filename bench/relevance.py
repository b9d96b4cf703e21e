"""One threshold for all directions: what it keeps of true matches and of queries from another world.

Fitted to one half of the val split and reported on the other, with texts and pictures from other worlds that
played no part in the fit. The plain cosine is the baseline; `bench/out/relevance.svg` has the curves of both.
`--write` fits to the whole split instead and writes what ships beside the weights.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backend.catalogue.search.relevance import Scale
from backend.cli.captions import Entry, read_captions
from backend.evaluation.calibrate import IMAGE, Captions, Pairs, agreeing, fit
from backend.evaluation.calibration_pairs import BATCH, by_group, encode_pairs, known_strangers
from backend.evaluation.encode import encode_image_files
from backend.settings import Settings
from bench.bounds import Bounds
from bench.data import shared
from encoders.base import Encoder, Vectors
from encoders.calibration import FILE, Calibration, Modality
from encoders.familiarity import Floats
from encoders.loading import SHIPPED, load_encoder

THRESHOLD = 0.25
KEPT = 0.72
REJECTED = 0.75
HITS = 3
RARE = 5
DOGS = range(2085620, 2116739)
"""WordNet numbers of ImageNet's dogs, wolves and foxes: Flickr8k has thousands of pictures like them."""
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Measured:
    """One direction: for matches, and for other worlds' best hit after the `HITS` that are allowed, both
    the relevance and the cosine."""

    name: str
    matches: tuple[Floats, Floats]
    strangers: tuple[Floats, Floats]

    def curve(self, which: int) -> tuple[Floats, Floats]:
        """At every threshold: the share of matches kept, and of strangers that get `HITS` or fewer."""
        cuts = np.sort(np.concatenate([self.matches[which], self.strangers[which]]))
        kept = np.array([np.mean(self.matches[which] >= cut) for cut in cuts])
        return kept, np.array([np.mean(self.strangers[which] < cut) for cut in cuts])

    def at(self, which: int, cut: float) -> tuple[float, float]:
        kept, rejected = self.matches[which] >= cut, self.strangers[which] < cut
        return float(np.mean(kept)), float(np.mean(rejected))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="fit to the whole split and ship it")
    parser.add_argument("--plot", type=Path, default=Path(__file__).parent / "out" / "relevance.svg")
    options = parser.parse_args()
    settings = Settings()
    encoder = load_encoder(settings.encoder)
    folder = shared("flickr8k")
    entries = read_captions(folder / "captions.json")
    val = [entry for entry in entries if entry.split == "val"]
    captioned = [(folder / "images" / entry.image, entry.all_captions()) for entry in val]
    pairs, _ = encode_pairs(encoder, captioned, settings.max_image_pixels, lambda _: None)
    pictures = _strange_pictures(encoder, entries)
    tuned = {**known_strangers(encoder), IMAGE: pictures[::2]}
    if options.write:
        file = SHIPPED["twinspace-mini"] / FILE
        file.write_bytes(fit(encoder.space, pairs, tuned).to_bytes())
        print(f"wrote {file}")
        return
    texts = json.loads((Path(__file__).parent / "other_worlds.json").read_text())
    unseen = {**by_group(encoder, [text for some in texts.values() for text in some]), IMAGE: pictures[1::2]}
    calibration = fit(encoder.space, _half(pairs, 0), tuned)
    measured = list(_measure(calibration, pairs, unseen))
    _report(measured)
    _draw(measured, options.plot)
    bounds = Bounds()
    for some in measured:
        kept, rejected = some.at(0, THRESHOLD)
        bounds.at_least(f"{some.name}: matches kept at {THRESHOLD}", kept, KEPT)
        bounds.at_least(f"{some.name}: other worlds with {HITS} hits or fewer", rejected, REJECTED)
    bounds.exit()


def _strange_pictures(encoder: Encoder, entries: Sequence[Entry]) -> Vectors:
    """Pictures of classes that Flickr8k lacks: of all its English captions at most `RARE` hold the last word
    of the class's name, and it is no kind of dog."""
    words = [re.findall("[a-z]+", text.lower()) for entry in entries for text in entry.captions["en"]]
    captions_with = Counter(word for found in words for word in set(found))
    chosen = []
    for path in sorted(shared("imagenet_dev").glob("*.jpg")):
        number, _, name = path.stem.partition("_")
        word = re.split("[_ ]", name.lower())[-1]
        if captions_with[word] + captions_with[f"{word}s"] <= RARE and int(number[1:]) not in DOGS:
            chosen.append(path)
    return encode_image_files(encoder, chosen, BATCH, Settings().max_image_pixels, lambda _: None).vectors


def _half(pairs: Pairs, odd: int) -> Pairs:
    """Every second picture, with all that belongs to it."""

    def captions(some: Captions) -> Captions:
        mine = some.image_of % 2 == odd
        return Captions(some.vectors[mine], some.image_of[mine] // 2)

    by_language = {group: captions(some) for group, some in pairs.captions.items()}
    return Pairs(pairs.images[odd::2], by_language, captions(pairs.changed))


def _measure(calibration: Calibration, pairs: Pairs, unseen: dict[str, Vectors]) -> Iterator[Measured]:
    """Queries are of the odd half; what is searched are all 1,000 pictures, or one caption of each."""
    n = len(pairs.images)
    odd = np.arange(1, n, 2)
    for language in LANGUAGES:
        group = f"text-{language}"
        captions = pairs.captions[group].vectors.reshape(n, -1, pairs.images.shape[1])
        first, second = captions[:, 0], captions[:, 1]
        yield _direction(
            f"{language} text to image", calibration, ("text", "image"),
            (second[odd], pairs.images[odd]), unseen[group], pairs.images,
        )  # fmt: skip
        yield _direction(
            f"{language} text to text", calibration, ("text", "text"),
            (second[odd], first[odd]), unseen[group], first,
        )  # fmt: skip
        yield _direction(
            f"image to {language} text", calibration, ("image", "text"),
            (pairs.images[odd], first[odd]), unseen[IMAGE], first,
        )  # fmt: skip
    changed = pairs.changed
    mine = changed.image_of % 2 == 1
    yield _direction(
        "picture, changed", calibration, ("image", "image"),
        (changed.vectors[mine], pairs.images[changed.image_of[mine]]), unseen[IMAGE], pairs.images,
    )  # fmt: skip
    alike = agreeing(_half(pairs, 1)) * 2 + 1
    yield _direction(
        "pictures alike", calibration, ("image", "image"),
        (pairs.images[alike[:, 0]], pairs.images[alike[:, 1]]), unseen[IMAGE], pairs.images,
    )  # fmt: skip


def _direction(
    name: str,
    calibration: Calibration,
    direction: tuple[Modality, Modality],
    matches: tuple[Vectors, Vectors],
    strangers: Vectors,
    searched: Vectors,
) -> Measured:
    cosines = (matches[0] * matches[1]).sum(axis=1).astype(np.float64)
    beyond = np.sort(strangers @ searched.T, axis=1)[:, -HITS - 1].astype(np.float64)
    return Measured(
        name,
        (_relevances(calibration, direction, matches[0], cosines), cosines),
        (_relevances(calibration, direction, strangers, beyond), beyond),
    )


def _relevances(
    calibration: Calibration, direction: tuple[Modality, Modality], queries: Vectors, cosines: Floats
) -> Floats:
    scales = (calibration.cosines(query, direction[0]).get(direction[1]) for query in queries)
    return np.array([Scale(s).relevance(c) for s, c in zip(scales, cosines, strict=True) if s is not None])


def _report(measured: Sequence[Measured]) -> None:
    """At one relevance, at one cosine for all directions, and at a cosine for each direction."""
    matches = np.concatenate([some.matches[1] for some in measured])
    everywhere = float(np.quantile(matches, THRESHOLD))
    print(f"{'kept / other worlds rejected':24}{'relevance':>16}{'one cosine':>16}{'its own cosine':>16}")
    for some in measured:
        own = float(np.quantile(some.matches[1], THRESHOLD))
        cells = [some.at(0, THRESHOLD), some.at(1, everywhere), some.at(1, own)]
        print(f"{some.name:24}" + "".join(f"{f'{k:.2f} / {r:.2f}':>16}" for k, r in cells))


def _draw(measured: Sequence[Measured], file: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 4, figsize=(14, 7), sharex=True, sharey=True)
    for axis, some in zip(axes.flat, measured, strict=False):
        for which, label in enumerate(("relevance", "cosine")):
            kept, rejected = some.curve(which)
            axis.plot(kept, rejected, label=label)
        kept_at, rejected_at = some.at(0, THRESHOLD)
        axis.plot([kept_at], [rejected_at], "o", color="C0", label=f"relevance {THRESHOLD}")
        axis.axvline(KEPT, color="lightgrey", zorder=0)
        axis.axhline(REJECTED, color="lightgrey", zorder=0)
        axis.set_title(some.name)
    axes.flat[0].legend(loc="lower left")
    figure.supxlabel("matches kept")
    figure.supylabel(f"queries from another world with {HITS} hits or fewer of 1,000")
    figure.tight_layout()
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file)
    print(f"wrote {file}")


if __name__ == "__main__":
    main()
