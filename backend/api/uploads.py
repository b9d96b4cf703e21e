"""Routes that take pictures and captions in."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, g, request
from werkzeug.datastructures import FileStorage

from backend.api.answers import UploadAnswer, answer, upload_document
from backend.api.document import Operation, describe
from backend.api.forms import form_json, need_multipart
from backend.api.models import MAX_BATCH, AnyCaptions, ImageForm, NewCaption, NewCaptions, UploadFields
from backend.api.parsing import MAX_CAPTIONS_BYTES, check_metadata_size, json_body, validated
from backend.api.state import Api, api, tenant
from backend.catalogue import items
from backend.errors import InvalidRequest
from backend.uploads import Refusal, Report

blueprint = Blueprint("uploads", __name__)

ALONE = 8
"""More inputs than this in one request are an import, which waits for uploads that people wait for."""
URGENCY = re.compile(r"(?:^|,)\s*u=([0-7])\s*(?:,|$)")
"""In the header `Priority` (RFC 9218): 0 to 7, 3 unless it is said; higher numbers are less urgent."""
UNHURRIED = 5
"""Firefox gives whatever a script sends 4, also what somebody waits for."""


@blueprint.post("/v1/images")
@describe(
    Operation(
        "Upload pictures",
        "Accepted means kept: the answer comes once the bytes are stored. Each file is checked by itself; "
        "when none can be accepted, the answer is the problem of the first. With one file, the captions are "
        "of that picture, and share its tags and metadata. More than eight files, or any with a header such "
        "as `Priority: u=5`, wait until what was uploaded without is indexed.",
        answers={202: UploadAnswer},
        form=ImageForm,
        problems=(400, 413, 415, 422, 503, 507),
    )
)
def upload_images() -> Response:
    state = api()
    need_multipart({"caption", "tags", "metadata"}, {"file", "metadata"})
    files = _files()
    given: dict[str, Any] = {"caption": request.form.getlist("caption"), "tags": request.form.getlist("tags")}
    if (metadata := form_json("metadata")) is not None:
        given["metadata"] = metadata
    fields = validated(UploadFields, given)
    check_metadata_size(fields.metadata, "metadata", state.services.settings.max_metadata_bytes)
    if fields.caption and len(files) > 1:
        raise InvalidRequest("Captions can come with a single file only.", "caption")
    source = _source(max(len(files), len(fields.caption)))
    report = state.uploads.images(tenant(), files, fields.tags, fields.metadata, source)
    try:
        if report.added:
            attached = _attach(state, report.added[0].item.id, fields, source)
            report.added += attached.added
            report.refused += attached.refused
    finally:
        if report.added:
            state.services.wake()
    return _accepted(state, report)


@blueprint.post("/v1/captions")
@describe(
    Operation(
        "Add captions",
        "Each caption is checked by itself; when none can be accepted, the answer is the problem of the "
        "first.",
        answers={202: UploadAnswer},
        json=NewCaptions,
        problems=(400, 404, 413, 415, 422, 503, 507),
    )
)
def add_captions() -> Response:
    state = api()
    entries = validated(AnyCaptions, json_body(MAX_CAPTIONS_BYTES), deep=False).captions
    limit = state.services.settings.max_metadata_bytes
    refused, fit = [], []
    for index, entry in enumerate(entries):
        try:
            caption = validated(NewCaption, entry, f"captions.{index}")
            check_metadata_size(caption.metadata, f"captions.{index}.metadata", limit)
        except InvalidRequest as error:
            refused.append(Refusal(index, None, error))
            continue
        new = items.NewCaption(caption.text, caption.image_id, tuple(caption.tags), caption.metadata)
        fit.append((index, new))
    report = state.uploads.captions(tenant(), fit, _source(len(entries)))
    report.refused = sorted(report.refused + refused, key=lambda refusal: refusal.index)
    if report.added:
        state.services.wake()
    return _accepted(state, report)


def _source(number: int) -> items.Source:
    said = URGENCY.search(request.headers.get("Priority", ""))
    return items.Source(
        g.request_id,
        bulk=number > ALONE or (said is not None and int(said[1]) >= UNHURRIED),
        max_metadata_bytes=api().services.settings.max_metadata_bytes,
    )


def _attach(state: Api, image_id: str, fields: UploadFields, source: items.Source) -> Report:
    tags = tuple(fields.tags)
    captions = [items.NewCaption(text, image_id, tags, fields.metadata) for text in fields.caption]
    return state.uploads.captions(tenant(), list(enumerate(captions)), source)


def _files() -> list[FileStorage]:
    files = request.files.getlist("file")
    if not files:
        raise InvalidRequest("At least one file is needed.", "file")
    if len(files) > MAX_BATCH:
        raise InvalidRequest(f"At most {MAX_BATCH} files fit into one request.", "file")
    return files


def _accepted(state: Api, report: Report) -> Response:
    state.metrics.uploads.labels("accepted").inc(len(report.added))
    state.metrics.uploads.labels("refused").inc(len(report.refused))
    return answer(upload_document(report, state.signer), 202)
