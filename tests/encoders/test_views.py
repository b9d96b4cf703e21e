from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from PIL import Image, ImageOps

from backend.adapters import open_adapters
from backend.settings import Settings
from encoders.base import EncoderError
from encoders.views import MAX_VIEWS, views_of, with_views
from tests.support.encoders import ColourEncoder
from tests.support.pictures import picture


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (300, 200)])
@pytest.mark.parametrize("count", range(1, MAX_VIEWS + 1))
def test_views_are_the_picture_its_mirror_image_and_crops_of_it(size, count):
    image = picture(size=size, seed=3)
    views = views_of(image, count)
    assert len(views) == count
    assert views[0] is image
    assert all(view.width <= image.width and view.height <= image.height for view in views)
    assert all(view.width >= 0.8 * image.width - 1 and min(view.size) >= 1 for view in views)


def test_a_picture_is_the_mean_of_its_views():
    encoder = ColourEncoder()
    photos = [picture((20, 90, 160), (60, 40), seed=5), picture(seed=6)]
    vectors = with_views(encoder, 2).encode_images(photos)
    looks = encoder.encode_images([photos[0], ImageOps.mirror(photos[0])])
    np.testing.assert_allclose(vectors[0], looks.mean(0) / np.linalg.norm(looks.mean(0)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert with_views(encoder, 7).encode_images([]).shape == (0, encoder.space.dim)


def test_texts_are_encoded_as_ever():
    encoder = ColourEncoder()
    np.testing.assert_array_equal(with_views(encoder, 3).encode_texts(["red"]), encoder.encode_texts(["red"]))


def test_every_number_of_views_is_a_space_of_its_own():
    encoder = ColourEncoder()
    assert with_views(encoder, 1) is encoder
    spaces = [with_views(encoder, views).space for views in range(1, MAX_VIEWS + 1)]
    assert len({space.name for space in spaces}) == len({space.fingerprint for space in spaces}) == MAX_VIEWS
    assert all(space.name == f"colour-{space.fingerprint[:8]}" for space in spaces)


@pytest.mark.parametrize("views", [0, -1, 8])
def test_a_number_that_makes_no_sense_is_refused(views):
    with pytest.raises(EncoderError, match="choose 1 to 7"):
        with_views(ColourEncoder(), views)


def test_a_batch_stays_as_large_as_it_was_chosen():
    class Counting(ColourEncoder):
        batches: ClassVar[list[int]] = []

        def encode_images(self, images: list[Image.Image]):
            self.batches.append(len(images))
            return super().encode_images(images)

    encoder = Counting()
    with_views(encoder, 4).encode_images([picture(seed=1), picture(seed=2)])
    assert encoder.batches == [2] * 4


def test_the_setting_reaches_the_encoder_of_every_profile(tmp_path):
    adapters = open_adapters(Settings(data=tmp_path, encoder_views=3), lambda _: ColourEncoder())
    try:
        assert adapters.encoder().space == with_views(ColourEncoder(), 3).space
    finally:
        adapters.close()
