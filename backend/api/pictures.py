"""Routes that hand out pictures: the bytes as they came, and thumbnails."""

from __future__ import annotations

import io
import logging
from contextlib import suppress

from flask import Blueprint, Response, request, send_file

from backend.api.document import Operation, describe
from backend.api.items import require_item
from backend.api.models import SignedParameters
from backend.api.state import Api, api
from backend.catalogue.items import Item
from backend.errors import NotFound, NotReady, StorageFull, Unavailable
from backend.thumbnails import is_whole
from backend.thumbnails import thumbnail as make_thumbnail
from encoders.images import ImageError, read_picture

LOG = logging.getLogger("twinspace.api")

blueprint = Blueprint("pictures", __name__)

YEAR = 365 * 24 * 3600


@blueprint.get("/v1/images/<id>/content")
@describe(
    Operation(
        "The picture as it was uploaded",
        "Never changes. Takes an API key, or the signature of a link.",
        answers={200: "image/*"},
        query=SignedParameters,
        problems=(404, 416, 503),
        conditional=True,
    )
)
def content(id: str) -> Response:
    state = api()
    item = _require_image(state, id)
    if item.original is None:
        raise NotFound("The bytes of this picture are not there.")
    etag = item.id
    if response := _unchanged(state, etag):
        return response
    data = state.services.originals.get(item.original)
    return _picture(state, data, item.content_type or "application/octet-stream", etag, item.filename)


@blueprint.get("/v1/images/<id>/thumbnail")
@describe(
    Operation(
        "A small version of the picture",
        "WebP, longest side 384. 404 with the code `not_ready` while the picture waits its turn.",
        answers={200: "image/webp"},
        query=SignedParameters,
        problems=(404, 416, 503),
        conditional=True,
    )
)
def thumbnail(id: str) -> Response:
    state = api()
    item = _require_image(state, id)
    etag = f"{item.id}-thumbnail"
    if response := _unchanged(state, etag):
        return response
    data = _kept_thumbnail(state, item) or _new_thumbnail(state, item)
    return _picture(state, data, "image/webp", etag, None)


def _kept_thumbnail(state: Api, item: Item) -> bytes | None:
    with suppress(NotFound):
        data = state.services.originals.get_thumbnail(item.id)
        if is_whole(data):
            return data
    return None


def _new_thumbnail(state: Api, item: Item) -> bytes:
    """Not of what failed: it may be what kills the process that reads it."""
    services = state.services
    if item.status == "pending":
        raise NotReady("The thumbnail is made when the picture is indexed.")
    if item.status == "failed" or item.original is None:
        raise NotFound("There is no thumbnail of this picture.")
    try:
        picture = read_picture(services.originals.get(item.original), services.settings.max_image_pixels)
    except ImageError as error:
        raise NotFound(f"No thumbnail of this picture can be made: {error}") from error
    data = make_thumbnail(picture)
    try:
        services.originals.put_thumbnail(item.id, data)
    except (StorageFull, Unavailable) as error:
        LOG.warning("The thumbnail of %s cannot be kept: %s", item.id, error)
    return data


def _require_image(state: Api, id: str) -> Item:
    item = require_item(state, id)
    if item.kind != "image":
        raise NotFound(f"{item.id} is no image.")
    return item


def _unchanged(state: Api, etag: str) -> Response | None:
    """304 before anything is read, when the browser has the picture already."""
    if not request.if_none_match.contains(etag):
        return None
    response = Response(status=304)
    response.set_etag(etag)
    return _kept_by_browsers(state, response)


def _picture(state: Api, data: bytes, content_type: str, etag: str, name: str | None) -> Response:
    response = send_file(
        io.BytesIO(data), content_type, etag=etag, conditional=True, download_name=name or "picture"
    )
    return _kept_by_browsers(state, response)


def _kept_by_browsers(state: Api, response: Response) -> Response:
    audience = "private" if state.services.settings.api_keys else "public"
    response.headers["Cache-Control"] = f"{audience}, max-age={YEAR}, immutable"
    # Whatever the bytes are, a browser shows them as a picture or not at all.
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response
