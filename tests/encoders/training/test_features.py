from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders.training.features import SHARD, FeatureCache, problem_of
from encoders.training.progress import Silence, TrainingError
from tests.encoders.training.conftest import Notes
from tests.support.pictures import picture


class MeanColour:
    """The smallest image tower: counts the pictures that it is asked for."""

    name, fingerprint, dim, class_dim = "mean-colour", "f" * 64, 3, 0

    def __init__(self) -> None:
        self.seen = 0

    def features(self, images):
        self.seen += len(images)
        return torch.tensor(np.array([np.asarray(image).mean((0, 1)) for image in images])).float()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"{number}.png" for number in range(SHARD + 40)]
    for number, file in enumerate(files):
        picture((number % 250, 50, 100), (8, 8), seed=number).save(file)
    return files


def test_a_second_pass_computes_nothing(files, tmp_path):
    tower, cache = MeanColour(), FeatureCache(tmp_path / "cache", Silence())
    first = cache.images(tower, files, 0, 0).read()
    assert first.shape == (len(files), 3)
    assert first.dtype == np.float16
    again = cache.images(tower, files, 0, 0).read()
    np.testing.assert_array_equal(again, first)
    assert tower.seen == len(files)


def test_an_interrupted_pass_resumes_where_it_was(files, tmp_path):
    tower = MeanColour()
    with pytest.raises(KeyboardInterrupt):
        FeatureCache(tmp_path / "cache", Notes(("pictures", SHARD))).images(tower, files, 0, 0)
    assert tower.seen == SHARD
    FeatureCache(tmp_path / "cache", Silence()).images(tower, files, 0, 0)
    assert tower.seen == len(files)


def test_a_broken_picture_is_a_row_of_nan(files, tmp_path):
    files[5].write_bytes(b"no picture")
    stored = FeatureCache(tmp_path / "cache", Silence()).images(MeanColour(), files, 0, 0)
    assert np.flatnonzero(stored.unreadable()).tolist() == [5]
    assert np.flatnonzero(np.isnan(stored.read()).any(axis=1)).tolist() == [5]


def test_a_picture_that_the_disk_did_not_give_is_read_again_by_the_next_pass(files, tmp_path, monkeypatch):
    tower, cache = MeanColour(), FeatureCache(tmp_path / "cache", Silence())
    read_bytes = Path.read_bytes

    def fail(file: Path) -> bytes:
        if file == files[5]:
            raise OSError(errno.EIO, "Input/output error")
        return read_bytes(file)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", fail)
        stored = cache.images(tower, files, 0, 0)
        assert problem_of(files[5]) == "Input/output error"
    assert np.flatnonzero(stored.unreadable()).tolist() == [5]
    seen = tower.seen
    assert not cache.images(tower, files, 0, 0).unreadable().any()
    assert tower.seen == seen + SHARD, "only that shard was computed again"


def test_why_a_picture_has_no_features_is_told(files):
    files[0].write_bytes(b"no picture")
    files[1].unlink()
    assert "no picture of a known format" in problem_of(files[0])
    assert problem_of(files[1]) == "No such file or directory"


def test_a_changed_picture_a_view_and_a_seed_have_features_of_their_own(files, tmp_path):
    tower, cache = MeanColour(), FeatureCache(tmp_path / "cache", Silence())
    cache.images(tower, files[:4], 0, 0)
    picture((9, 9, 9), (9, 9)).save(files[0])
    for view, seed in ((0, 0), (2, 0), (2, 1)):
        cache.images(tower, files[:4], view, seed)
    assert tower.seen == 16
    cache.images(tower, files[:4], 0, 1)
    assert tower.seen == 16, "the whole picture does not depend on the seed"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e5])
def test_features_that_no_head_can_learn_from_are_refused_and_not_kept(files, tmp_path, monkeypatch, value):
    cache = FeatureCache(tmp_path / "cache", Silence())
    monkeypatch.setattr(MeanColour, "features", lambda self, images: torch.full((len(images), 3), value))
    with pytest.raises(
        TrainingError, match=r"mean-colour gives features that are no numbers, or .* above 65504"
    ):
        cache.images(MeanColour(), files, 0, 0)
    monkeypatch.undo()
    assert np.isfinite(cache.images(MeanColour(), files, 0, 0).read()).all()
