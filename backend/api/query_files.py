"""Pictures that come along with a query: read once, with the field to blame, within the server's limit."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.datastructures import FileStorage

from backend.api.state import Api
from backend.errors import InvalidRequest, TooLarge


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
