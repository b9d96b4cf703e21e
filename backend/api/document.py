"""The OpenAPI document, made once from the routes themselves: what it says is what they check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from backend.api import problems
from backend.api.answers import ProblemDocument
from backend.api.models import JSON_VALUE
from backend.api.version import VERSION

REFERENCE = "#/components/schemas/{model}"
INFO = {
    "title": "Twinspace",
    "version": VERSION,
    "description": "Search pictures with words and words with pictures.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
HEADERS = {
    "retry": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
    "challenge": {"WWW-Authenticate": {"schema": {"type": "string"}}},
}
PROBLEMS = {
    400: "The body cannot be read.",
    401: "A valid API key is needed.",
    403: "Not by that name of the server, or not from pages of that origin.",
    404: "There is no such thing.",
    413: "Too many bytes or pixels.",
    415: "No picture that we read, or a body of another type.",
    416: "There is no such range.",
    422: "Something in the request is wrong; `errors` names the fields.",
    503: "Busy, or a part we depend on does not answer: try again.",
    507: "There is no space left.",
}

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """How one route is described. An answer is a model, a media type, or None for no body."""

    summary: str
    description: str = ""
    answers: dict[int, type[BaseModel] | str | None] = field(default_factory=dict)
    query: type[BaseModel] | None = None
    json: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    examples: dict[str, Any] = field(default_factory=dict)
    """Of the JSON body, by name, as OpenAPI writes them: each a `summary` and a `value`."""
    example: dict[str, Any] | None = None
    """Of the answer when all went well."""
    problems: tuple[int, ...] = ()
    conditional: bool = False
    """Takes part in caching (`If-None-Match`) and ranges."""


def describe(operation: Operation) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        return view

    return mark


def openapi(app: Flask, keys_required: bool) -> dict[str, Any]:
    """The whole document (OpenAPI 3.1)."""
    routes = list(_routes(app))
    schemas = _Schemas([operation for _, _, operation in routes])
    paths: dict[str, Any] = {}
    for rule, method, operation in routes:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        paths.setdefault(path, {})[method.lower()] = _operation(rule, operation, schemas, keys_required)
    components: dict[str, Any] = {"schemas": schemas.definitions}
    if keys_required:
        components["securitySchemes"] = SECURITY
    return {"openapi": "3.1.0", "info": INFO, "paths": dict(sorted(paths.items())), "components": components}


def _routes(app: Flask) -> Iterator[tuple[Rule, str, Operation]]:
    for rule in app.url_map.iter_rules():
        operation = getattr(app.view_functions[rule.endpoint], "operation", None)
        for method in sorted(rule.methods or ()):
            if operation is not None and method not in ("HEAD", "OPTIONS"):
                yield rule, method, operation


class _Schemas:
    """All models in one set of definitions; requests as they are checked, answers as they are sent."""

    def __init__(self, operations: list[Operation]) -> None:
        wanted: dict[tuple[type[BaseModel], str], None] = {(ProblemDocument, "serialization"): None}
        for operation in operations:
            for model in (operation.query, operation.json, operation.form):
                if model is not None:
                    wanted[model, "validation"] = None
            for answer in operation.answers.values():
                if isinstance(answer, type):
                    wanted[answer, "serialization"] = None
        references, definitions = models_json_schema(list(wanted), ref_template=REFERENCE)  # type: ignore[arg-type]
        self._references = references
        self.definitions: dict[str, Any] = definitions["$defs"] | {"JsonValue": JSON_VALUE}

    def reference(self, model: type[BaseModel], mode: str) -> dict[str, Any]:
        return self._references[model, mode]  # type: ignore[index]

    def resolved(self, model: type[BaseModel]) -> dict[str, Any]:
        name = self.reference(model, "validation")["$ref"].rpartition("/")[2]
        schema: dict[str, Any] = self.definitions[name]
        return schema


def _operation(rule: Rule, operation: Operation, schemas: _Schemas, keys_required: bool) -> dict[str, Any]:
    guarded = rule.rule.startswith("/v1/")
    described: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": operation.summary,
        "responses": _responses(operation, schemas, _refusals(guarded, keys_required)),
    }
    if operation.description:
        described["description"] = operation.description
    if parameters := [*_path_parameters(rule), *_query_parameters(operation, schemas)]:
        described["parameters"] = parameters
    if content := _request_content(operation, schemas):
        described["requestBody"] = {"required": True, "content": content}
    if guarded and keys_required:
        described["security"] = [{name: []} for name in SECURITY]
    return described


def _path_parameters(rule: Rule) -> Iterator[dict[str, Any]]:
    for name in sorted(rule.arguments):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}


def _query_parameters(operation: Operation, schemas: _Schemas) -> Iterator[dict[str, Any]]:
    if operation.query is None:
        return
    schema = schemas.resolved(operation.query)
    for name, shape in schema.get("properties", {}).items():
        parameter: dict[str, Any] = {"name": name, "in": "query", "schema": _without_null(shape)}
        if name in schema.get("required", ()):
            parameter["required"] = True
        if "explode" in shape:
            parameter |= {"style": "form", "explode": shape["explode"]}
        yield parameter


def _without_null(shape: dict[str, Any]) -> dict[str, Any]:
    """A query parameter that is not there has no value; it cannot be null."""
    kept = {name: value for name, value in shape.items() if name not in ("explode", "title")}
    if kept.get("default", ...) is None:
        del kept["default"]
    variants = [variant for variant in kept.pop("anyOf", ()) if variant != {"type": "null"}]
    return kept | variants[0] if variants else kept


def _request_content(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.json is not None:
        content["application/json"] = {"schema": schemas.reference(operation.json, "validation")}
        if operation.examples:
            content["application/json"]["examples"] = operation.examples
    if operation.form is not None:
        form: dict[str, Any] = {"schema": schemas.reference(operation.form, "validation")}
        properties = schemas.resolved(operation.form)["properties"]
        encoding = {
            name: {"contentType": "application/json"}
            for name, shape in properties.items()
            if shape.get("type") == "object" or "$ref" in shape
        }
        if "file" in properties:
            encoding["file"] = {"contentType": "image/png, image/jpeg, image/webp, image/gif"}
        content["multipart/form-data"] = form | {"encoding": encoding}
    return content


def _refusals(guarded: bool, keys_required: bool) -> tuple[int, ...]:
    """With which a stranger is met, whatever they ask for."""
    if keys_required:
        return (401,) if guarded else ()
    return (403,)


def _responses(operation: Operation, schemas: _Schemas, refusals: tuple[int, ...]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, answer in operation.answers.items():
        response: dict[str, Any] = {"description": "Done."}
        if isinstance(answer, str):
            response["content"] = {answer: {"schema": {"type": "string", "format": "binary"}}}
        elif answer is not None:
            reference = schemas.reference(answer, "serialization")
            response["content"] = {"application/json": {"schema": reference}}
            if status == 200 and operation.example:
                response["content"]["application/json"]["example"] = operation.example
        responses[str(status)] = response
    if operation.conditional:
        responses["206"] = responses["200"] | {"description": "The part that was asked for."}
        responses["304"] = {"description": "You have it already."}
    for status in sorted({*operation.problems, *refusals}):
        responses[str(status)] = _problem(status, schemas)
    return responses


def _problem(status: int, schemas: _Schemas) -> dict[str, Any]:
    reference = schemas.reference(ProblemDocument, "serialization")
    response: dict[str, Any] = {
        "description": PROBLEMS[status],
        "content": {problems.MEDIA_TYPE: {"schema": reference}},
    }
    if status == 503:
        response["headers"] = HEADERS["retry"]
    if status == 401:
        response["headers"] = HEADERS["challenge"]
    return response
