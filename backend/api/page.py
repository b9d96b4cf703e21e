"""Serves the search page: files as they lie in `backend/page`, under a policy that runs no other script."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from backend.errors import NotFound

blueprint = Blueprint("page", __name__)

FOLDER = Path(__file__).parents[1] / "page"
# Said here and not left to the system's table of types, which a browser would not run scripts by.
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    # Text can never become markup: `innerHTML` and its like throw.
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@blueprint.get("/")
def index() -> Response:
    response = _file("index.html")
    response.headers["Content-Security-Policy"] = POLICY
    return response


@blueprint.get("/page/<path:name>")
def file(name: str) -> Response:
    if Path(name).suffix not in TYPES:
        raise NotFound("There is no such page.")
    return _file(name)


def _file(name: str) -> Response:
    """Asked for again at every visit, and answered with 304: a new version is seen at once."""
    response = send_from_directory(FOLDER, name, mimetype=TYPES[Path(name).suffix])
    response.headers["Cache-Control"] = "no-cache"
    return response
