"""Requests made up from the OpenAPI document: no 500s, and answers are what the document says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import hypothesis.strategies as st
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, CheckFunction, GenerationMode, Response
from schemathesis.checks import CHECKS

from tests.backend.api.conftest import Server, closing, open_server
from tests.support.pictures import encoded, jpeg, picture

POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
PICTURES = [
    jpeg((255, 0, 0)),
    jpeg((0, 0, 255), seed=1),
    encoded(picture((0, 255, 0)), "PNG"),
    b"",
    b"GIF89a",
]
RULES = (
    b'"invalid_cursor"',
    b"There is no file",
    b"needs a weight other than 0",
    b"cancel each other out",
    b"cannot be diversified as well",
    b'"not_calibrated"',
    b"Exactly one of `item` and `file`",
    b"Nothing refers to file 0",
    b"only pictures are classified",
    b"Labels times templates",
    b"` is compared with ",
    b"Ranges are for keys that",
    b"This number is too large",
    b"`hybrid` contradicts",
)
QUICK, THOROUGH = 5, 100

for media_type in ("image/png", "image/jpeg", "image/webp", "image/gif"):
    schemathesis.openapi.media_type(media_type, st.sampled_from(PICTURES))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = open_server(tmp_path_factory.mktemp("filled"))
    with closing([server]):
        server.pictures((255, 0, 0), (0, 255, 0))
        server.caption("red", "blue")
        server.ingest()
        yield server


def excluded(case: Case, answer: Response) -> list[CheckFunction]:
    """Rules that a schema cannot express, and requests that the tool cannot make."""
    names = []
    form = str(case.media_type).startswith("multipart")
    # In a form, files must be pictures and have names, captions need a single file, and whatever is sent as a
    # field arrives as text.
    if form or any(rule in answer.content for rule in RULES):
        names.append("positive_data_acceptance")
    # Each caption is checked by itself: one that is wrong does not refuse its neighbours.
    if form or case.path == "/v1/captions":
        names.append("negative_data_rejection")
    return CHECKS.get_by_names(names)


def check(case: Case) -> None:
    answer = case.call()
    case.validate_response(answer, excluded_checks=excluded(case, answer))


def run(server: Server, examples: int, check: Callable[[Case], None]) -> int:
    """Every operation, with requests that fit the document and with requests that do not."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", server.app)
    operations = [result.ok() for result in schema.get_all_operations()]
    limits = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    for operation in operations:
        for mode in (POSITIVE, NEGATIVE):
            try:
                limits(given(case=operation.as_strategy(generation_mode=mode))(check))()
            except Unsatisfiable:
                assert mode is NEGATIVE  # An operation without parameters cannot be called wrongly.
    return len(operations)


def test_made_up_requests_are_answered_as_documented(filled: Server) -> None:
    assert run(filled, QUICK, check) == 18


@pytest.mark.slow
def test_many_made_up_requests_are_answered_as_documented(filled: Server) -> None:
    assert run(filled, THOROUGH, check) == 18
