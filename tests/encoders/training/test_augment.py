from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from encoders.training.augment import some_words, view_of, without_some_words
from tests.support.pictures import picture


@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 9), st.integers(0, 2**32))
def test_a_crop_is_a_stretch_of_real_pixels(width, height, view, seed):
    image = picture(size=(width, height), seed=3)
    crop = view_of(image, view, np.random.default_rng(seed))
    assert crop.width <= width
    assert crop.height <= height
    colours = {tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3)}
    assert {tuple(pixel) for pixel in np.asarray(crop).reshape(-1, 3)} <= colours


def test_the_first_views_are_the_picture_and_its_mirror_image():
    image = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    rng = np.random.default_rng(0)
    assert view_of(image, 0, rng) is image
    np.testing.assert_array_equal(np.asarray(view_of(image, 1, rng)), np.asarray(image)[:, ::-1])


@given(st.text(min_size=1).filter(str.strip), st.integers(0, 2**32))
def test_varied_captions_have_only_words_of_the_caption(text, seed):
    for vary in (without_some_words, some_words):
        varied = vary(text, random.Random(seed))
        assert varied.strip()
        assert set(varied.rstrip(" .").split()) <= {word.rstrip(".") for word in text.split()} | set(
            text.split()
        )
