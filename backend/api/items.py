"""Routes that list, show, change and delete items."""

from __future__ import annotations

import logging

from flask import Blueprint, Response

from backend.api.answers import ItemDocument, ItemsAnswer, answer, item_document
from backend.api.document import Operation, describe
from backend.api.models import Changes, ListParameters, read_id
from backend.api.parsing import check_metadata_size, json_body, query_model, validated
from backend.api.state import Api, api, tenant
from backend.catalogue.items import Item, Listing
from backend.catalogue.projection import payload
from backend.errors import NotFound, StorageFull, Unavailable

LOG = logging.getLogger("twinspace.api")

blueprint = Blueprint("items", __name__)

REPAIRS = 3


@blueprint.get("/v1/items")
@describe(
    Operation(
        "List items",
        "Newest first. `next_cursor` is null on the last page.",
        answers={200: ItemsAnswer},
        query=ListParameters,
        problems=(422, 503),
    )
)
def list_items() -> Response:
    state = api()
    wanted = query_model(ListParameters)
    listing = Listing(
        kind=wanted.kind,
        status=wanted.status,
        tag=wanted.tag,
        image_id=wanted.image_id,
        ids=None if wanted.ids is None else tuple(wanted.ids),
    )
    found, cursor = state.services.catalogue.list(tenant(), listing, wanted.limit, wanted.cursor)
    return answer({"items": [item_document(item, state.signer) for item in found], "next_cursor": cursor})


@blueprint.get("/v1/items/<id>")
@describe(Operation("Show an item", answers={200: ItemDocument}, problems=(404, 503)))
def show_item(id: str) -> Response:
    state = api()
    return answer(item_document(require_item(state, id), state.signer))


@blueprint.patch("/v1/items/<id>")
@describe(
    Operation(
        "Replace tags or metadata",
        "What is left out stays as it is.",
        answers={200: ItemDocument},
        json=Changes,
        problems=(400, 404, 413, 415, 422, 503, 507),
    )
)
def change_item(id: str) -> Response:
    state = api()
    changes = validated(Changes, json_body())
    if changes.metadata is not None:
        check_metadata_size(changes.metadata, "metadata", state.services.settings.max_metadata_bytes)
    item = state.services.catalogue.patch(tenant(), known_id(id), changes.tags, changes.metadata)
    _project(state, item)
    return answer(item_document(item, state.signer))


@blueprint.delete("/v1/items/<id>")
@describe(
    Operation(
        "Delete an item",
        "An image takes its captions along.",
        answers={204: None},
        problems=(404, 503, 507),
    )
)
def delete_item(id: str) -> Response:
    state = api()
    deleted = state.services.catalogue.delete(tenant(), known_id(id))
    _remove_points(state, deleted)
    state.services.wake()
    return Response(status=204)


@blueprint.post("/v1/items/<id>/retry")
@describe(
    Operation(
        "Try a failed item again",
        "Items in other states stay as they are.",
        answers={202: ItemDocument},
        problems=(404, 503, 507),
    )
)
def retry_item(id: str) -> Response:
    state = api()
    item = state.services.catalogue.retry(tenant(), known_id(id))
    state.services.wake()
    return answer(item_document(item, state.signer), 202)


def known_id(id: str) -> str:
    """What is no id names nothing that exists."""
    try:
        return read_id(id)
    except ValueError:
        raise NotFound("There is no such item.") from None


def require_item(state: Api, id: str) -> Item:
    wanted = known_id(id)
    item = state.services.catalogue.get(tenant(), [wanted]).get(wanted)
    if item is None:
        raise NotFound(f"There is no item {wanted}.")
    return item


def _project(state: Api, item: Item) -> None:
    """Lets filters see the change at once. Another change may overtake us on the way to the store, so we
    look again after writing; if the store is away, the reconciler writes later."""
    services = state.services
    for _ in range(REPAIRS):
        if item.space is None or item.indexed_at is None:
            return
        try:
            fresh = payload(item, item.indexed_at, services.settings.ranges())
            services.store.set_payload(item.space, item.kind, item.id, fresh)
        except (StorageFull, Unavailable) as error:
            LOG.warning("Item %s is changed, its point follows later: %s", item.id, error)
            return
        latest = services.catalogue.get(item.tenant, [item.id]).get(item.id)
        if latest is None or latest == item:
            return
        item = latest


def _remove_points(state: Api, deleted: list[Item]) -> None:
    """Lets searches forget the items at once; if the store is away, the reconciler finishes."""
    places: dict[tuple[str, str], list[Item]] = {}
    for item in deleted:
        if item.space is not None:
            places.setdefault((item.space, item.kind), []).append(item)
    for (space, _), items in places.items():
        try:
            state.services.store.delete(space, items[0].kind, [item.id for item in items])
        except (StorageFull, Unavailable) as error:
            LOG.warning("%d items are deleted, their points follow later: %s", len(items), error)
