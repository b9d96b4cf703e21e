"""The route that tells which of some labels fits a picture."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema
from werkzeug.datastructures import FileStorage

from backend.api.answers import Answer, answer
from backend.api.document import Operation, describe
from backend.api.models import TEXT_PATTERN, WHOLE, Id, Strict, Upload
from backend.api.query_files import query_document, read_file
from backend.api.state import api, tenant
from backend.catalogue.search.queries import ItemPart, PicturePart
from backend.errors import InvalidRequest

blueprint = Blueprint("classify", __name__)

MAX_LABELS = 1000
MAX_TEMPLATES = 20
MAX_LENGTH = 500
MAX_TEXTS = 5000
"""Labels times templates: each of them goes through the encoder."""
PLACE = "{}"


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("The same is given twice.")
    return values


def _has_one_place(template: str) -> str:
    if template.count(PLACE) != 1:
        raise ValueError("A template has `{}` exactly once, where the label goes.")
    return template


Label = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH, pattern=TEXT_PATTERN)]
Template = Annotated[
    Label,
    AfterValidator(_has_one_place),
    WithJsonSchema({"type": "string", "maxLength": MAX_LENGTH, "pattern": r"^[^{}\x00]*\{\}[^{}\x00]*$"}),
]
Once = Field(json_schema_extra={"uniqueItems": True})


class ClassifyRequest(Strict):
    item: Id | None = Field(
        default=None,
        description="A stored picture. Exactly one of `item` and `file` is given.",
        examples=["0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10"],
    )
    file: Annotated[int, Field(ge=0, le=0), WHOLE] | None = Field(
        default=None, description="0: the picture that came along.", examples=[0]
    )
    labels: Annotated[list[Label], AfterValidator(_distinct), Once] = Field(
        min_length=1, max_length=MAX_LABELS, examples=[["a cat", "a dog"]]
    )
    templates: Annotated[list[Template], AfterValidator(_distinct), Once] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_TEMPLATES,
        description="Sentences with `{}` where the label goes; a label's vector is the mean over all of "
        "them. Left out: some that fit the language of each label.",
        examples=[["a photo of {}", "{} in a picture"]],
    )
    top: Annotated[int, Field(ge=1, le=MAX_LABELS), WHOLE] = Field(
        default=5, description="How many labels to answer with.", examples=[5]
    )


class ClassifyForm(Strict):
    request: ClassifyRequest = Field(
        description="The same JSON that can be sent as the whole body.",
        examples=[{"file": 0, "labels": ["a cat", "a dog"]}],
    )
    file: list[Upload] = Field(default=[], max_length=1, description="The picture, for `file: 0`.")


class LabelDocument(Answer):
    label: str
    score: float = Field(description="Cosine between the picture and the label, over all templates.")
    probability: float = Field(description="Among all labels of the request, which sum to 1; calibrated.")


class ClassifyAnswer(Answer):
    labels: list[LabelDocument] = Field(description="Most probable first.")


EXAMPLES: dict[str, Any] = {
    "item": {
        "summary": "A stored picture",
        "value": {"item": "0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10", "labels": ["a cat", "a dog"], "top": 1},
    },
    "chinese": {
        "summary": "Chinese labels, and templates of one's own",
        "value": {
            "item": "0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10",
            "labels": ["猫", "狗"],
            "templates": ["一张{}的照片", "{}"],
        },
    },
}


@blueprint.post("/v1/classify")
@describe(
    Operation(
        "Classify a picture",
        "Zero-shot: which of some labels, never seen in training, fits, and how surely.",
        answers={200: ClassifyAnswer},
        json=ClassifyRequest,
        form=ClassifyForm,
        examples=EXAMPLES,
        example={"labels": [{"label": "a cat", "score": 0.318204, "probability": 0.972113}]},
        problems=(400, 404, 413, 415, 422, 503),
    )
)
def classify() -> Response:
    wanted, files = query_document(ClassifyRequest, 1)
    part = _picture(wanted, files)
    if len(wanted.labels) * len(wanted.templates or ()) > MAX_TEXTS:
        raise InvalidRequest(f"Labels times templates may be {MAX_TEXTS:,} at most.", "templates")
    found = api().searcher.classify(part, tenant(), wanted.labels, wanted.templates, wanted.top)
    labels = [
        {"label": one.label, "score": round(one.score, 6), "probability": round(one.probability, 6)}
        for one in found
    ]
    return answer({"labels": labels})


def _picture(wanted: ClassifyRequest, files: list[FileStorage]) -> ItemPart | PicturePart:
    if (wanted.item is None) == (wanted.file is None):
        raise InvalidRequest("Exactly one of `item` and `file` is needed.", "item")
    if wanted.item is not None:
        if files:
            raise InvalidRequest("Nothing refers to file 0.", "file")
        return ItemPart(wanted.item, field="item")
    if not files:
        raise InvalidRequest("There is no file 0: none came along.", "file")
    field, data = read_file(api(), files, 0)
    return PicturePart(data, field)
