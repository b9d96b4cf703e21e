"""Two-tower checkpoints of transformers as encoders: CLIP, SigLIP, SigLIP 2, Chinese-CLIP, AltCLIP.

What differs between the families is how their text towers were trained, and it matters: SigLIP saw every
text padded to its full length, without a mask and in lower case; CLIP and its relatives ignore padding, so
they get no more of it than a batch needs.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

import encoders.torchvision_operators  # noqa: F401 - before transformers imports torchvision
from encoders.base import EncoderError, Space, Vectors
from encoders.checkpoints import Checkpoint, find_checkpoint
from encoders.images import crop_to_aspect
from encoders.precision import halve_where_faithful, multiplies_in_bf16

_CODE_VERSION = "transformer-1"
"""Part of every fingerprint: raise it when a change here changes vectors."""

_MULTILINGUAL_VOCABULARY = 100_000
"""SigLIP's English vocabulary has 32,000 pieces, its multilingual ones 250,000 and more."""


@dataclass(frozen=True)
class _Family:
    languages: tuple[str, ...]
    padded_text: bool = False
    """Trained on lower-case text padded to the full length, without an attention mask (Zhai et al. 2023)."""


_FAMILIES = {
    "clip": _Family(("en",)),  # Radford et al. 2021
    "siglip": _Family(("en",), padded_text=True),  # Zhai et al. 2023
    "siglip2": _Family(("en", "mul"), padded_text=True),  # Tschannen et al. 2025
    "chinese_clip": _Family(("zh",)),  # Yang et al. 2022
    "altclip": _Family(("en", "zh")),  # Chen et al. 2022
}

_PROBE_TEXTS = ("a dog runs across the grass", "two people on a red bicycle", "海边的日落", "")


def load_transformer(name: str, dtype: torch.dtype | None = None) -> TransformerEncoder:
    """The checkpoint in a folder or of a hub name, on the GPU where there is one.

    `dtype` None: bfloat16 for each tower where that is faster and faithful (`encoders.precision`), else
    float32. Raises `EncoderError` for what is no two-tower checkpoint, damaged, or not to be had.
    """
    checkpoint = find_checkpoint(name)
    try:
        return _load(checkpoint, dtype)
    except EncoderError:
        raise
    except Exception as error:  # Damaged files surface as whatever their reader raises.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EncoderError(
            f"The checkpoint {name} cannot be loaded ({reason}). Its files are damaged or of another kind; "
            "fetch it again."
        ) from error


def _load(checkpoint: Checkpoint, dtype: torch.dtype | None) -> TransformerEncoder:
    from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # A server's log is no terminal.
    offline = {"local_files_only": True, "trust_remote_code": False}
    config = AutoConfig.from_pretrained(checkpoint.folder, **offline)
    if config.model_type not in _FAMILIES:
        raise EncoderError(
            f"{checkpoint.name} is a {config.model_type} model. Needed is one with a text and an image "
            "tower: CLIP, SigLIP, SigLIP 2, Chinese-CLIP or AltCLIP."
        )
    # Safetensors are preferred; where there are only pickles, transformers reads them as bare weights.
    model, report = AutoModel.from_pretrained(
        checkpoint.folder, config=config, dtype=torch.float32, output_loading_info=True, **offline
    )
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise EncoderError(f"{checkpoint.name} lacks {len(missing)} of its weights, {missing[0]} among them.")
    return TransformerEncoder(
        checkpoint,
        model.eval(),
        AutoTokenizer.from_pretrained(checkpoint.folder, **offline),
        AutoImageProcessor.from_pretrained(checkpoint.folder, **offline),
        dtype,
    )


class TransformerEncoder:
    """Implements `encoders.base.Encoder`."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        model: Any,
        tokenizer: Any,
        image_processor: Any,
        dtype: torch.dtype | None,
    ) -> None:
        self._family = _FAMILIES[model.config.model_type]
        self._tokenizer = tokenizer
        self._tokenizing = threading.Lock()
        self._longest_text = _longest_text(model.config, tokenizer)
        self._image_processor = image_processor
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.to(self._device)
        self._set_precision(dtype)
        self.space = _space(checkpoint, model.config, self._probed_dim())

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.space.dim), np.float32)
        return _unit_vectors(self._text_features(texts))

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        if not images:
            return np.empty((0, self.space.dim), np.float32)
        return _unit_vectors(self._image_features(images))

    @torch.inference_mode()
    def _text_features(self, texts: Sequence[str]) -> Tensor:
        features: Tensor = self._model.get_text_features(**self._tokenize(texts)).pooler_output
        return features

    @torch.inference_mode()
    def _image_features(self, images: Sequence[Image.Image]) -> Tensor:
        features: Tensor = self._model.get_image_features(**self._preprocess(images)).pooler_output
        return features

    def _tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        padded = self._family.padded_text
        with self._tokenizing:  # Padding and truncation are state of the tokenizer.
            tokens = self._tokenizer(
                [text.lower() for text in texts] if padded else list(texts),
                padding="max_length" if padded else "longest",
                truncation=True,
                max_length=self._longest_text,
                return_tensors="pt",
            )
        wanted = ["input_ids"] if padded else list(tokens)
        return {name: tokens[name].to(self._device) for name in wanted}

    def _preprocess(self, images: Sequence[Image.Image]) -> dict[str, Tensor]:
        if getattr(getattr(self._image_processor, "size", None), "shortest_edge", None):
            images = [crop_to_aspect(image) for image in images]
        inputs = self._image_processor(list(images), return_tensors="pt").to(self._device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self._image_dtype)
        return dict(inputs)

    @property
    def _image_dtype(self) -> torch.dtype:
        dtype: torch.dtype = next(self._model.vision_model.parameters()).dtype
        return dtype

    def _set_precision(self, dtype: torch.dtype | None) -> None:
        if dtype is not None:
            self._model.to(dtype)
        elif multiplies_in_bf16(self._device):
            for tower, probe in self._towers():
                halve_where_faithful(tower, probe)

    def _towers(self) -> list[tuple[list[nn.Module], Callable[[], Tensor]]]:
        """The modules of the text and of the image tower, each with a run over a few samples."""
        images = _probe_images()
        return [
            (
                _present(self._model, "text_model", "text_projection"),
                lambda: self._text_features(_PROBE_TEXTS),
            ),
            (
                _present(self._model, "vision_model", "visual_projection"),
                lambda: self._image_features(images),
            ),
        ]

    def _probed_dim(self) -> int:
        """Both towers must end in one space, and in numbers."""
        text, image = (probe() for _, probe in self._towers())
        if text.shape[1] != image.shape[1]:
            raise EncoderError(
                f"Texts become {text.shape[1]} numbers and images {image.shape[1]}: no one space."
            )
        if not (text.isfinite().all() and image.isfinite().all()):
            raise EncoderError("The model's vectors are not numbers; its weights are damaged.")
        return text.shape[1]


def _present(model: nn.Module, *names: str) -> list[nn.Module]:
    """SigLIP has no projections: its towers end in the common space by themselves."""
    return [getattr(model, name) for name in names if hasattr(model, name)]


def _longest_text(config: Any, tokenizer: Any) -> int:
    """In tokens. RoBERTa's positions (AltCLIP) start behind that of padding."""
    positions = config.text_config.max_position_embeddings
    if config.model_type == "altclip":
        positions -= config.text_config.pad_token_id + 1
    return int(min(positions, tokenizer.model_max_length))


def _space(checkpoint: Checkpoint, config: Any, dim: int) -> Space:
    fingerprint = checkpoint.fingerprint(_CODE_VERSION)
    slug = re.sub(r"[^a-z0-9]+", "-", checkpoint.name.rsplit("/", 1)[-1].lower()).strip("-") or "encoder"
    languages = _FAMILIES[config.model_type].languages
    if config.model_type == "siglip" and config.text_config.vocab_size > _MULTILINGUAL_VOCABULARY:
        languages = _FAMILIES["siglip2"].languages
    return Space(f"{slug}-{fingerprint[:8]}", dim, fingerprint, languages, checkpoint.licence())


def _probe_images() -> list[Image.Image]:
    """Noise and a gradient: the two ends of what pictures are made of."""
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    gradient = np.linspace(0, 255, 320 * 240 * 3).astype(np.uint8).reshape(240, 320, 3)
    return [Image.fromarray(noise), Image.fromarray(gradient)]


def _unit_vectors(features: Tensor) -> Vectors:
    vectors: Vectors = functional.normalize(features.float(), dim=1).cpu().numpy()
    return vectors
