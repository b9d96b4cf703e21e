"""The one place where errors become HTTP answers (RFC 9457), by one ordered table."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from backend import errors
from encoders import images
from encoders.base import EncoderError
from encoders.batcher import BatcherClosed, QueueFull

LOG = logging.getLogger("twinspace.api")

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class _Rule:
    exception: type[Exception]
    status: int
    code: str | None = None
    """None: the exception's own."""
    detail: str | None = None
    """None: what the exception says."""
    retry_after: int | None = None


# The first row that matches decides: special cases stand above their base classes.
TABLE: tuple[_Rule, ...] = (
    _Rule(errors.InvalidRequest, 422),
    _Rule(errors.MalformedBody, 400),
    _Rule(errors.UnsupportedMediaType, 415),
    _Rule(errors.NotFound, 404),
    _Rule(errors.UnsupportedImage, 415),
    _Rule(errors.TooLarge, 413),
    _Rule(errors.CorruptImage, 422),
    _Rule(errors.Unauthorized, 401),
    _Rule(errors.Forbidden, 403),
    _Rule(errors.Overloaded, 503),
    _Rule(errors.Unavailable, 503),
    _Rule(errors.StorageFull, 507),
    _Rule(images.UnsupportedImage, 415, "unsupported_image"),
    _Rule(images.ImageTooLarge, 413, "too_large"),
    _Rule(images.CorruptImage, 422, "corrupt_image"),
    _Rule(QueueFull, 503, "overloaded", "Too many queries are waiting; try again in a moment.", 1),
    _Rule(BatcherClosed, 503, "unavailable", "The server is stopping.", 5),
    _Rule(EncoderError, 503, "unavailable", None, 5),
)

HTTP_CODES = {
    400: "malformed_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
}
MESSAGES = {
    "dict_type": "This must be a JSON object",
    "extra_forbidden": "There is no such field",
    "missing": "This is needed",
    "model_type": "This must be a JSON object",
    "string_pattern_mismatch": "It must hold something visible, and no control characters",
}
INTERNAL = "Something went wrong on our side; the log tells more under this request's id."
TOO_MANY_BYTES = "The request is larger than this server accepts."


@dataclass(frozen=True)
class Problem:
    status: int
    code: str
    detail: str
    errors: Sequence[errors.FieldError] = ()
    retry_after: int | None = None

    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors or self.status == 422:
            document["errors"] = list(self.errors)
        return document

    def response(self) -> Response:
        response = Response(json.dumps(self.document()), self.status, content_type=MEDIA_TYPE)
        response.headers["Cache-Control"] = "no-store"
        if self.retry_after is not None:
            response.headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="twinspace"'
        return response


def problem_of(error: Exception) -> Problem:
    """What an error is in HTTP terms; anything unforeseen is a 500 without particulars."""
    if isinstance(error, ValidationError):
        error = errors.InvalidRequest.of(field_errors(error))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        error = errors.StorageFull("The server has no space left to keep this.")
    rule = next((rule for rule in TABLE if isinstance(error, rule.exception)), None)
    if rule is None:
        return Problem(500, "internal_error", INTERNAL)
    return Problem(
        rule.status,
        str(rule.code or getattr(error, "code", "internal_error")),
        rule.detail or str(error),
        getattr(error, "errors", ()),
        rule.retry_after or getattr(error, "retry_after", None),
    )


def _http_problem(error: HTTPException) -> Problem:
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        return Problem(413, "too_large", TOO_MANY_BYTES)
    return Problem(
        status, HTTP_CODES.get(status, "http_error"), error.description or HTTPStatus(status).phrase
    )


def _answer_http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]  # redirects to the canonical URL
    response = _http_problem(error).response()
    for name, value in error.get_headers():
        if name in ("Allow", "Content-Range"):
            response.headers[name] = value
    g.problem = HTTP_CODES.get(error.code, "http_error")
    return response


def _answer_any(error: Exception) -> Response:
    problem = problem_of(error)
    if problem.status >= 500:
        unforeseen = problem.code == "internal_error"
        LOG.error("%s: %s", problem.code, error, exc_info=error if unforeseen else None)
    g.problem = problem.code
    return problem.response()


def field_errors(error: ValidationError, prefix: str = "") -> list[errors.FieldError]:
    """pydantic's findings as `field` (dotted path) and `message`, without its union tags (`<...>`)."""
    found = []
    for finding in error.errors(include_url=False, include_input=False):
        path = [str(step) for step in finding["loc"] if not str(step).startswith("<")]
        field = ".".join([prefix, *path] if prefix else path) or "body"
        found.append({"field": _printable(field), "message": _message(finding)})
    return found


def _message(finding: Any) -> str:
    context = finding.get("ctx") or {}
    if finding["type"] == "value_error":
        return str(context["error"])
    message: str = MESSAGES.get(finding["type"], finding["msg"])
    return message if message.endswith(".") else f"{message}."


def _printable(field: str) -> str:
    """Names of fields come from the sender: short, and nothing in them that cannot be encoded."""
    return field[:200].encode("utf-8", "replace").decode("utf-8")


def register(app: Flask) -> None:
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_any)
