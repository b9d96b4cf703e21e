"""Zero-shot classification: which of some labels, never seen in training, fits a picture, and how surely."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from backend.errors import InvalidRequest
from backend.store.base import Vector
from encoders.base import Vectors
from encoders.calibration import Calibration
from encoders.script import CHINESE, ENGLISH, language_of

TEMPLATES = {
    ENGLISH: ("{}", "a photo of a {}", "a picture of {}", "a close-up of a {}"),
    CHINESE: ("{}", "{}的照片", "一张{}的照片"),
}
"""By the language of a label. Several, averaged, are right more often than the best of them alone (Radford
and others, "Learning Transferable Visual Models From Natural Language Supervision", 2021)."""
UNCALIBRATED = 0.01
"""The temperature that CLIP and most models after it were trained with."""


@dataclass(frozen=True)
class Classified:
    label: str
    score: float
    """Cosine between the picture and the label, averaged over its templates."""
    probability: float
    """Over all labels that were asked for they add up to 1."""


def classify(
    vector: Vector,
    labels: Sequence[str],
    templates: Sequence[str] | None,
    top: int,
    encode_texts: Callable[[Sequence[str]], Vectors],
    calibration: Calibration | None,
) -> list[Classified]:
    """The best `top` labels of a picture (`vector`, `float32[d]`, unit length), best first.

    `templates` hold `{}` where the label goes; None chooses by the language of each label. Raises
    `InvalidRequest` for a template without a place, and what `encode_texts` raises.
    """
    label_vectors = _label_vectors(labels, templates, encode_texts)
    scores = label_vectors @ vector
    temperature = calibration.temperature(label_vectors) if calibration else None
    probabilities = _softmax(scores.astype(np.float64) / (temperature or UNCALIBRATED))
    best = np.argsort(-scores, kind="stable")[:top]
    return [Classified(labels[i], float(scores[i]), float(probabilities[i])) for i in best]


def _label_vectors(
    labels: Sequence[str],
    templates: Sequence[str] | None,
    encode_texts: Callable[[Sequence[str]], Vectors],
) -> Vectors:
    """`float32[len(labels), d]`, unit length."""
    for i, template in enumerate(templates or ()):
        if "{}" not in template:
            raise InvalidRequest("A template needs {} where the label goes.", f"templates.{i}")
    texts = [_filled(label, templates or TEMPLATES[language_of(label)]) for label in labels]
    flat = encode_texts([text for some in texts for text in some])
    starts = np.cumsum([0, *(len(some) for some in texts[:-1])])
    total = np.add.reduceat(flat, starts, axis=0)
    unit: Vectors = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    return unit


def _filled(label: str, templates: Sequence[str]) -> list[str]:
    # Not `format`: a label or template may hold other braces.
    return [template.replace("{}", label) for template in templates]


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    shares: np.ndarray = powers / powers.sum()
    return shares
