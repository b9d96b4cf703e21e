"""Tower features, computed once and kept in shards: a pass streams, and an interrupted one resumes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from encoders.images import ImageError, read_image
from encoders.towers.base import ImageTower, TextTower
from encoders.training.augment import view_of
from encoders.training.progress import Listener, TrainingError

Features = NDArray[np.float16]

SHARD = 128
BATCH = 8
LARGEST = float(np.finfo(np.float16).max)
MAX_PIXELS = 200_000_000
SHORTEST = 520
"""Pictures are reduced to no less than this shorter side, twice what the towers look at, before they wait."""


@dataclass(frozen=True)
class Stored:
    """Features that a finished pass left on disk: `float16[count, dim]`, in the order they were asked for."""

    shards: tuple[Path, ...]
    shape: tuple[int, int]

    def parts(self) -> Iterator[Features]:
        """Shard by shard."""
        return (np.load(shard) for shard in self.shards)

    def read(self) -> Features:
        features: Features = np.empty(self.shape, np.float16)
        for number, part in enumerate(self.parts()):
            features[number * SHARD : number * SHARD + len(part)] = part
        return features

    def unreadable(self) -> NDArray[np.bool_]:
        """`bool[count]`: which rows are NaN."""
        return np.concatenate([np.isnan(part).any(axis=1) for part in self.parts()])


class FeatureCache:
    """Shards of features under one folder; a shard that exists is complete. A pass keeps none in memory."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self._folder = folder
        self._listener = listener

    def images(self, tower: ImageTower, files: Sequence[Path], view: int, seed: int) -> Stored:
        """A row for each file, `tower.dim` wide; a row of NaN for each picture that cannot be read.

        Views are those of `encoders.training.augment.view_of`; 0 is the picture as it will be searched.
        """
        stamps = [_stamp(file) for file in files]
        key = _key("images", tower.fingerprint, str(view), str(seed if view else 0), *stamps)
        with ThreadPoolExecutor(2) as readers:

            def read(indices: Sequence[int]) -> Iterator[Image.Image | ImageError | OSError]:
                return readers.map(lambda index: _read_view(files[index], view, (seed, view, index)), indices)

            def compute(start: int, stop: int) -> tuple[Features, bool]:
                """Decodes one batch while the tower works on the one before, and never more than that."""
                batches = [range(i, min(i + BATCH, stop)) for i in range(start, stop, BATCH)]
                rows, lasting, ahead = [], True, read(batches[0])
                for following in [*batches[1:], range(0)]:
                    current, ahead = list(ahead), read(following)
                    rows.append(_image_rows(tower, current))
                    lasting = lasting and not any(isinstance(each, OSError) for each in current)
                return np.concatenate(rows), lasting

            stage = ("pictures", "mirrored")[view] if view < 2 else f"crops {view - 1}"
            return self._sharded(key, stage, (len(files), tower.dim), compute)

    def texts(self, tower: TextTower, texts: Sequence[str], stage: str) -> Stored:
        """A row for each text, `tower.dim` wide."""
        key = _key("texts", tower.fingerprint, *texts)

        def compute(start: int, stop: int) -> tuple[Features, bool]:
            return tower.features(texts[start:stop]).cpu().numpy().astype(np.float16), True

        return self._sharded(key, stage, (len(texts), tower.dim), compute)

    def _sharded(
        self,
        key: str,
        stage: str,
        shape: tuple[int, int],
        compute: Callable[[int, int], tuple[Features, bool]],
    ) -> Stored:
        """`compute` gives the features from one number to another, and whether they will last: a disk that
        failed to be read today may be well tomorrow, so those shards serve this pass alone."""
        count = shape[0]
        folder = self._folder / key
        folder.mkdir(parents=True, exist_ok=True)
        shards = []
        for start in range(0, count, SHARD):
            stop = min(start + SHARD, count)
            shards.append(folder / f"{start:08d}.npy")
            if not shards[-1].exists():
                features, lasting = compute(start, stop)
                if not lasting:
                    shards[-1] = shards[-1].with_suffix(".passing")
                _write_whole(shards[-1], features)
            self._listener.advance(stage, stop, count)
        return Stored(tuple(shards), shape)


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _stamp(file: Path) -> str:
    """What changes with a file's content. A file that is gone will not be read, either."""
    try:
        found = file.stat()
    except OSError:
        return file.name
    return f"{file.name} {found.st_size} {found.st_mtime_ns}"


def problem_of(file: Path) -> str:
    """Why a picture's features are a row of NaN."""
    found = _read(file)
    if isinstance(found, ImageError):
        return str(found)
    if isinstance(found, OSError):
        return found.strerror or str(found)
    return "it could not be read a moment ago, though now it can"


def _read(file: Path) -> Image.Image | ImageError | OSError:
    try:
        return read_image(file.read_bytes(), MAX_PIXELS, SHORTEST)
    except (ImageError, OSError) as error:
        return error  # Becomes a row of NaN; the caller names and counts the file.


def _read_view(file: Path, view: int, seed: tuple[int, int, int]) -> Image.Image | ImageError | OSError:
    found = _read(file)
    if not isinstance(found, Image.Image):
        return found
    image = view_of(found, view, np.random.default_rng(seed))
    factor = min(image.size) // SHORTEST
    return image.reduce(factor) if factor > 1 else image


def _image_rows(tower: ImageTower, batch: Sequence[Image.Image | ImageError | OSError]) -> Features:
    rows = np.full((len(batch), tower.dim), np.nan, np.float16)
    readable = [(row, image) for row, image in enumerate(batch) if isinstance(image, Image.Image)]
    if readable:
        features = tower.features([image for _, image in readable])
        if not (features.abs() <= LARGEST).all():
            raise TrainingError(
                f"{tower.name} gives features that are no numbers, or numbers above {LARGEST:.0f}: "
                "are its weights those of a trained network?"
            )
        rows[[row for row, _ in readable]] = features.cpu().numpy().astype(np.float16)
    return rows


def _write_whole(file: Path, shard: Features) -> None:
    """Never leaves half a shard under its final name."""
    partial = file.with_suffix(".partial")
    with partial.open("wb") as stream:
        np.save(stream, shard)
    partial.replace(file)
