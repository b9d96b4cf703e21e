"""Strict reading of requests: what parsers let pass is refused here, with the field named."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any, TypeVar, get_origin

from flask import request
from pydantic import BaseModel, ValidationError

from backend.api.problems import field_errors
from backend.catalogue.items import metadata_bytes
from backend.errors import InvalidRequest, MalformedBody, TooLarge, UnsupportedMediaType
from backend.settings import MEBIBYTE

MAX_JSON_BYTES = 32 * MEBIBYTE
MAX_CAPTIONS_BYTES = 128 * MEBIBYTE
"""A thousand captions of 10,000 characters each, of which JSON may write every one as `\\ud83d\\ude00`."""
MAX_DEPTH = 32
"""Of nested lists and objects: more than anyone needs, less than any recursion minds."""

Model = TypeVar("Model", bound=BaseModel)


def parse_json(data: bytes | str, field: str = "body") -> Any:
    """Raises `MalformedBody`. NaN and infinities become floats: `find_unfit` names where they are."""
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        return json.loads(text)
    except RecursionError:
        raise MalformedBody(f"The JSON in `{field}` is nested too deeply.", field) from None
    except ValueError as error:
        raise MalformedBody(f"This is not valid JSON: {error}", field) from None


def find_unfit(value: Any, path: str) -> tuple[str, str] | None:
    """The first field whose value no database or JSON document can carry, and why; None: all is well."""
    waiting: list[tuple[Any, str, int]] = [(value, path, 0)]
    while waiting:
        node, where, depth = waiting.pop()
        if isinstance(node, (dict, list)) and depth == MAX_DEPTH:
            return where, f"Nested more than {MAX_DEPTH} levels deep."
        if isinstance(node, dict):
            for key, child in node.items():
                if reason := _unfit_text(key):
                    return where or "body", f"In the name of a field: {reason}"
                waiting.append((child, f"{where}.{key}" if where else key, depth + 1))
        elif isinstance(node, list):
            inside = f"{where}." if where else ""
            waiting.extend((child, f"{inside}{i}", depth + 1) for i, child in enumerate(node))
        elif isinstance(node, str):
            if reason := _unfit_text(node):
                return where or "body", reason
        elif isinstance(node, float) and not math.isfinite(node):
            return where or "body", "NaN and infinity are no JSON numbers."
    return None


def _unfit_text(text: str) -> str | None:
    if text.isascii():
        return "The NUL character cannot be kept." if "\0" in text else None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "A lone surrogate is no character."
    return "The NUL character cannot be kept." if "\0" in text else None


def validated(model: type[Model], value: Any, prefix: str = "", *, deep: bool = True) -> Model:
    """Raises `InvalidRequest` naming every field that is wrong. `deep` false: what is nested is yet to be
    checked, entry by entry."""
    if deep and (unfit := find_unfit(value, prefix)):
        raise InvalidRequest.of([{"field": unfit[0][:200], "message": unfit[1]}])
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidRequest.of(field_errors(error, prefix)) from None


def check_metadata_size(metadata: dict[str, Any], field: str, limit: int) -> None:
    """Raises `InvalidRequest`."""
    if metadata_bytes(metadata) > limit:
        raise InvalidRequest(f"Metadata may have at most {limit:,} bytes as JSON.", field)


def json_body(most: int = MAX_JSON_BYTES) -> Any:
    """The request's JSON, of so many bytes. Raises `UnsupportedMediaType`, `TooLarge` or `MalformedBody`."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send JSON with the header `Content-Type: application/json`.")
    request.max_content_length = min(most, request.max_content_length or most)
    if (request.content_length or 0) > request.max_content_length:
        raise TooLarge(f"A JSON document may have at most {request.max_content_length} bytes.")
    return parse_json(request.get_data(cache=False))


@cache
def _repeatable(model: type[BaseModel]) -> frozenset[str]:
    fields = model.model_fields.items()
    return frozenset(field.alias or name for name, field in fields if get_origin(field.annotation) is list)


def query_model(model: type[Model]) -> Model:
    """Query parameters as a model whose lists may be repeated or have commas; all else may come once."""
    values: dict[str, Any] = {}
    for name, given in request.args.lists():
        if name in _repeatable(model):
            values[name] = [part for value in given for part in value.split(",")]
        elif len(given) > 1:
            raise InvalidRequest("This can be given once only.", name[:200])
        else:
            values[name] = given[0]
    return validated(model, values)
