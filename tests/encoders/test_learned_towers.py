from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from encoders.base import EncoderError
from encoders.towers.registry import build_image_tower, build_text_tower
from encoders.towers.tf_idf import TfIdf
from encoders.towers.torchvision_cnn import TorchvisionCnn
from encoders.towers.vocabulary import Vocabulary, read_vocabulary, words, words_and_parts
from encoders.towers.word_vectors import WordVectors
from tests.support.pictures import picture

TEXTS = ("a red dog", "a red car", "a dog runs", "一只红狗")


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.of(TEXTS, words, min_count=1, max_terms=100)


def test_chinese_is_read_by_characters_and_their_pairs():
    assert words("一只狗, a DOG") == ["a", "dog", "一", "只", "狗", "一只", "只狗"]


def test_words_are_also_read_by_their_parts():
    assert words_and_parts("dog") == ["dog", "#do", "dog", "og#", "#dog", "dog#", "#dog#"]
    assert set(words_and_parts("dogs")) & set(words_and_parts("dog")) >= {"#do", "dog"}


def test_a_vocabulary_keeps_the_commonest_terms():
    kept = Vocabulary.of(TEXTS, words, min_count=2, max_terms=2)
    assert kept.counts == {"a": 3, "dog": 2}
    assert kept.ids(["dog", "cat", "dog"]) == [1, 1]
    assert kept.documents == 4


def test_a_vocabulary_survives_its_file(vocabulary, tmp_path):
    file = tmp_path / "vocabulary.json"
    file.write_text(vocabulary.to_json())
    assert read_vocabulary(file).fingerprint == vocabulary.fingerprint


@pytest.mark.parametrize("content", ["", "[]", '{"terms": {"a": "x"}, "documents": 1}', '{"terms": 1}'])
def test_a_file_that_is_no_vocabulary_is_refused(tmp_path, content):
    file = tmp_path / "vocabulary.json"
    file.write_text(content)
    with pytest.raises(EncoderError, match="cannot be read as a vocabulary"):
        read_vocabulary(file)


def test_tf_idf_weighs_rare_words_more_and_repeated_ones_a_little(vocabulary):
    tower = TfIdf(vocabulary)
    once, twice, unknown = tower.features(["a car", "a a car", "zebra"])
    a, car = vocabulary.ids(["a", "car"])
    assert once[car] > once[a] > 0
    idf = [math.log(5 / (1 + vocabulary.counts[term])) + 1 for term in ("a", "car")]
    assert (once[a] / once[car]).item() == pytest.approx(idf[0] / idf[1], abs=1e-5)
    assert (twice[a] / twice[car]).item() == pytest.approx((1 + math.log(2)) * idf[0] / idf[1], abs=1e-5)
    assert once.norm().item() == pytest.approx(1)
    assert unknown.abs().sum() == 0


def test_word_vectors_are_summed_and_scaled_by_their_number(vocabulary):
    tower = WordVectors(vocabulary)
    terms = tower.terms("red dog")
    expected = tower.vectors.weight[terms].sum(0) / math.sqrt(len(terms) + 1)
    alone = tower.features(["red dog"])[0]
    torch.testing.assert_close(alone, expected)
    among = tower.features(["zebra", "red dog", ""])
    torch.testing.assert_close(among[1], expected)
    assert among[[0, 2]].abs().sum() == 0


def test_learned_towers_with_other_terms_have_other_fingerprints(vocabulary):
    other = Vocabulary.of(TEXTS[:2], words, min_count=1, max_terms=100)
    for tower in (WordVectors, TfIdf):
        assert tower(vocabulary).fingerprint == tower(vocabulary).fingerprint != tower(other).fingerprint


def test_unknown_towers_are_refused_with_the_known_ones():
    with pytest.raises(EncoderError, match="choose one of minilm, word-vectors, tf-idf"):
        build_text_tower("bert")
    with pytest.raises(EncoderError, match="choose one of efficientnet-lite2, torchvision:resnet50"):
        build_image_tower("resnet50")
    with pytest.raises(EncoderError, match="needs the file of its weights"):
        build_image_tower("torchvision:resnet50")


class TestTorchvision:
    def weights_of(self, name: str, folder: Path) -> Path:
        from torchvision.models import get_model

        file = folder / f"{name}.pth"
        torch.save(get_model(name, weights=None).state_dict(), file)
        return file

    @pytest.mark.parametrize(
        ("name", "channels"), [("resnet18", 512), ("mobilenet_v3_small", 576), ("shufflenet_v2_x0_5", 1024)]
    )
    def test_any_of_its_networks_with_a_grid_is_a_tower(self, tmp_path, name, channels):
        tower = TorchvisionCnn(f"torchvision:{name}", self.weights_of(name, tmp_path))
        features = tower.features([picture(), picture(size=(9, 200))])
        assert features.shape == (2, 2 * channels) == (2, tower.dim)
        assert features.isfinite().all()

    @pytest.mark.parametrize("name", ["swin_t", "vit_b_32"])
    def test_a_network_without_a_grid_is_refused(self, tmp_path, name):
        with pytest.raises(EncoderError, match="no grid of features"):
            TorchvisionCnn(f"torchvision:{name}", self.weights_of(name, tmp_path))

    def test_weights_of_another_network_are_refused(self, tmp_path):
        weights = self.weights_of("shufflenet_v2_x0_5", tmp_path)
        with pytest.raises(
            EncoderError, match=r"of torchvision's resnet18: its layers have other names or sizes\.$"
        ):
            TorchvisionCnn("torchvision:resnet18", weights)

    def test_what_is_no_weights_file_or_no_network_is_refused(self, tmp_path):
        (tmp_path / "no.pth").write_bytes(b"no weights")
        with pytest.raises(EncoderError, match=r"holds no weights .*: it is no state dict of tensors, .*\.$"):
            TorchvisionCnn("torchvision:resnet18", tmp_path / "no.pth")
        with pytest.raises(EncoderError, match=r"holds no weights .*: No such file or directory$"):
            TorchvisionCnn("torchvision:resnet18", tmp_path / "missing.pth")
        (tmp_path / "empty.pth").touch()
        with pytest.raises(EncoderError, match=r"holds no weights .*: it ends too early"):
            TorchvisionCnn("torchvision:resnet18", tmp_path / "empty.pth")
        for name in ("resnet19", "fcn_resnet50"):
            with pytest.raises(EncoderError, match=f"knows no network called '{name}' that classifies"):
                TorchvisionCnn(f"torchvision:{name}", tmp_path / "no.pth")

    def test_weights_go_to_the_device_that_is_asked_for(self, tmp_path):
        tower = TorchvisionCnn("torchvision:resnet18", self.weights_of("resnet18", tmp_path))
        tower.to(torch.device("meta"))
        assert {weights.device.type for weights in tower.parameters()} == {"meta"}
        assert tower.features([picture()]).device.type == "meta"
