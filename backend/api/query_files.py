"""Queries and the pictures that come along with them: read once, with the field to blame, within the server's
limits."""

from __future__ import annotations

from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage

from backend.api.forms import form_json, is_multipart, need_multipart
from backend.api.parsing import json_body, validated
from backend.api.state import Api
from backend.errors import InvalidRequest, TooLarge

Document = TypeVar("Document", bound=BaseModel)


def query_document(model: type[Document], most: int) -> tuple[Document, list[FileStorage]]:
    """The JSON that is the whole body, or the field `request` of a form, and at most so many pictures. Raises
    `InvalidRequest`, `MalformedBody`, `TooLarge` and `UnsupportedMediaType`."""
    if not is_multipart():
        return validated(model, json_body()), []
    need_multipart({"request"}, {"file", "request"})
    return validated(model, required(form_json("request"), "request")), query_files(most)


def query_files(most: int) -> list[FileStorage]:
    """Raises `InvalidRequest`."""
    files = request.files.getlist("file")
    if len(files) > most:
        raise InvalidRequest(f"At most {most} files fit into this request.", "file")
    return files


def required(value: Any, field: str) -> Any:
    if value is None:
        raise InvalidRequest("This is needed.", field)
    return value


def read_file(state: Api, files: list[FileStorage], index: int) -> tuple[str, bytes]:
    """The name of the field, and its bytes. Raises `TooLarge`."""
    limit, field = state.services.settings.max_image_bytes, f"file.{index}"
    data = files[index].stream.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"The file is larger than {limit:,} bytes.", field)
    return field, data
