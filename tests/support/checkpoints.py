"""Small checkpoints of every family that the `transformer` encoder loads: random weights, real tokenizers.

Each is what the family's published checkpoints are: the same classes, files and tokenizer kinds, 32 pixels
and a few thousand weights.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import encoders.torchvision_operators  # noqa: F401 - before transformers imports torchvision

# isort: split
import sentencepiece
import torch
from tokenizers import pre_tokenizers
from transformers import (
    AltCLIPConfig,
    AltCLIPModel,
    AltCLIPProcessor,
    BertTokenizer,
    ChineseCLIPConfig,
    ChineseCLIPImageProcessor,
    ChineseCLIPModel,
    ChineseCLIPProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    Siglip2Config,
    Siglip2ImageProcessor,
    Siglip2Model,
    Siglip2Processor,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
    SiglipTokenizer,
    XLMRobertaTokenizer,
)

WORDS = ["a", "the", "dog", "cat", "runs", "on", "grass", "red", "bicycle", "two", "people", "at", "sunset"]
HAN = "一只狗在草地上奔跑两个人骑红色自行车海边的日落猫"
TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = {**TOWER, "image_size": 32, "patch_size": 8}


def _save(folder: Path, model: Any, processor: Any) -> None:
    # Published weights give vectors that spread out; the default initialisation gives nearly parallel ones.
    for name, weight in model.named_parameters():
        if weight.dim() > 1 and not name.startswith("logit"):
            torch.nn.init.normal_(weight, std=0.15)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def clip(folder: Path) -> None:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        "do",
        "dog</w>",
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[("d", "o"), ("do", "g</w>")], model_max_length=20)
    ends = {"bos_token_id": len(pieces) - 2, "eos_token_id": len(pieces) - 1, "pad_token_id": len(pieces) - 1}
    text = {**TOWER, **ends, "vocab_size": len(pieces), "max_position_embeddings": 20}
    config = CLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    _save(folder, CLIPModel(config), CLIPProcessor(images, tokenizer))


def _sentencepiece(**options: Any) -> bytes:
    corpus = [" ".join(WORDS[start:] + WORDS[:start]) for start in range(len(WORDS))] + [HAN] * 3
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus * 4),
        model_writer=model,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    return model.getvalue()


def siglip(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    spm = folder / "spiece.model"
    spm.write_bytes(_sentencepiece(vocab_size=90, pad_id=-1, bos_id=-1, eos_id=1, unk_id=2))
    tokenizer = SiglipTokenizer(str(spm), model_max_length=16, model_input_names=["input_ids"])
    text = {**TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": 16, "projection_size": 32}
    text |= {"eos_token_id": 1, "pad_token_id": 1, "bos_token_id": 1}
    config = SiglipConfig(text_config=text, vision_config=VISION)
    images = SiglipImageProcessor(size={"height": 32, "width": 32})
    _save(folder, SiglipModel(config), SiglipProcessor(images, tokenizer))


def siglip2(folder: Path) -> None:
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += ["▁", *sorted({letter for word in WORDS for letter in word} | set(HAN)), "do", "dog"]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Siglip2Tokenizer(
        vocab=vocabulary,
        merges=[("d", "o"), ("do", "g")],
        padding_side="right",
        add_eos_token=True,
        add_bos_token=False,
        model_input_names=["input_ids"],
    )
    text = {**TOWER, "vocab_size": len(pieces), "max_position_embeddings": 64, "projection_size": 32}
    vision = {**TOWER, "patch_size": 8, "num_patches": 16}
    images = Siglip2ImageProcessor(patch_size=8, max_num_patches=16)
    config = Siglip2Config(text_config=text, vision_config=vision)
    _save(folder, Siglip2Model(config), Siglip2Processor(images, tokenizer))


def chinese_clip(folder: Path) -> None:
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *HAN,
        *WORDS,
        *letters,
        *(f"##{x}" for x in letters),
    ]
    pieces = list(dict.fromkeys(pieces))
    tokenizer = BertTokenizer(
        vocab={piece: index for index, piece in enumerate(pieces)}, model_max_length=512
    )
    text = {**TOWER, "vocab_size": len(pieces), "max_position_embeddings": 32, "pad_token_id": 0}
    config = ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)
    size = {"height": 32, "width": 32}
    images = ChineseCLIPImageProcessor(size=size, crop_size=size, do_center_crop=False)
    _save(folder, ChineseCLIPModel(config), ChineseCLIPProcessor(images, tokenizer))


def altclip(folder: Path) -> None:
    proto = sentencepiece.SentencePieceProcessor(model_proto=_sentencepiece(vocab_size=90))
    learned = [(proto.id_to_piece(i), proto.get_score(i)) for i in range(3, proto.vocab_size())]
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *learned, ("<mask>", 0.0)]
    tokenizer = XLMRobertaTokenizer(vocab=vocabulary, model_max_length=512)
    text = {**TOWER, "vocab_size": len(vocabulary), "max_position_embeddings": 34, "project_dim": 24}
    text |= {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    config = AltCLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    _save(folder, AltCLIPModel(config), AltCLIPProcessor(images, tokenizer))


FAMILIES: dict[str, Callable[[Path], None]] = {
    "clip": clip,
    "siglip": siglip,
    "siglip2": siglip2,
    "chinese_clip": chinese_clip,
    "altclip": altclip,
}


def make_checkpoint(family: str, folder: Path) -> Path:
    """The same weights for the same family, whenever it is made."""
    torch.manual_seed(7)
    FAMILIES[family](folder)
    return folder
