"""Reading multipart forms: which parts a call takes, and JSON inside of parts."""

from __future__ import annotations

from typing import Any

from flask import request

from backend.api.parsing import MAX_JSON_BYTES, parse_json
from backend.errors import InvalidRequest, MalformedBody, TooLarge, UnsupportedMediaType


def is_multipart() -> bool:
    return request.mimetype == "multipart/form-data"


def need_multipart(fields: set[str], files: set[str]) -> None:
    """Raises `UnsupportedMediaType`, `MalformedBody`, or `InvalidRequest` for parts that nobody reads."""
    if not is_multipart():
        raise UnsupportedMediaType("Send this as `multipart/form-data`.")
    if not request.mimetype_params.get("boundary"):
        raise MalformedBody("The header `Content-Type: multipart/form-data` names no boundary.")
    try:
        given_fields, given_files = list(request.form), list(request.files)
    except ValueError as error:
        raise MalformedBody(f"This is not valid multipart/form-data: {error}") from None
    wrong = [(name, name in files) for name in given_fields if name not in fields]
    wrong += [(name, False) for name in given_files if name not in files]
    if wrong:
        raise InvalidRequest.of(
            [{"field": str(name)[:200], "message": _why(name, is_file, fields)} for name, is_file in wrong]
        )


def _why(name: str | None, should_be_file: bool, fields: set[str]) -> str:
    if should_be_file:
        return "This is a file; send it with a file name."
    return "This is a plain field, without a file name." if name in fields else "There is no such field."


def form_json(name: str) -> Any:
    """The JSON of one part, which is not `null`, or None when it is not there. Browsers that give it a
    content type give it a file name as well, so either will do. Raises `TooLarge` or `InvalidRequest`."""
    texts: list[str | bytes] = [*request.form.getlist(name)]
    texts += [file.stream.read(MAX_JSON_BYTES + 1) for file in request.files.getlist(name)]
    if not texts:
        return None
    if len(texts) > 1:
        raise InvalidRequest("This can be given once only.", name)
    if len(texts[0]) > MAX_JSON_BYTES:
        raise TooLarge(f"A JSON document may have at most {MAX_JSON_BYTES:,} bytes.", name)
    try:
        value = parse_json(texts[0], name)
    except MalformedBody as error:
        raise InvalidRequest(error.detail, name) from None
    if value is None:
        raise InvalidRequest("This may be left out, but not be `null`.", name)
    return value
