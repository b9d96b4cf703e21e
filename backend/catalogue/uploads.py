"""How items come in: new, there already, or back from deletion, however many arrive at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from backend.catalogue.attached import mark_images
from backend.catalogue.items import (
    MAX_TAGS,
    Added,
    NewCaption,
    NewImage,
    Source,
    caption_id,
    image_id,
    metadata_bytes,
)
from backend.catalogue.rows import (
    COLUMNS,
    check_tags,
    check_text,
    chunks,
    insert_tags,
    locked,
    replace_tags,
    to_item,
)
from backend.catalogue.schema import items
from backend.errors import InvalidRequest, NotFound


@dataclass
class _Upload:
    """One item as it should be; several of one request may mean the same item."""

    id: str
    values: dict[str, Any]
    tags: list[str]
    metadata: dict[str, Any]
    lost: str | None = None


def add_images(
    connection: Connection, tenant: str, new: Sequence[NewImage], source: Source, now: datetime
) -> list[Added]:
    return _add(connection, tenant, [_image(tenant, image) for image in new], source, now)


def add_captions(
    connection: Connection, tenant: str, new: Sequence[NewCaption], source: Source, now: datetime
) -> list[Added]:
    _require_images(connection, tenant, {caption.image_id for caption in new if caption.image_id is not None})
    added = _add(connection, tenant, [_caption(tenant, caption) for caption in new], source, now)
    described = [each.item.image_id for each in added if not each.duplicate]
    mark_images(connection, [id for id in described if id is not None])
    return added


def _image(tenant: str, new: NewImage) -> _Upload:
    values = {
        "kind": "image",
        "sha256": new.sha256,
        "original": new.original,
        "filename": check_text(new.filename, "filename"),
        "content_type": new.content_type,
        "width": new.width,
        "height": new.height,
        "text": None,
        "image_id": None,
    }
    return _Upload(image_id(tenant, new.sha256), values, check_tags(new.tags), new.metadata, new.lost)


def _caption(tenant: str, new: NewCaption) -> _Upload:
    values = dict.fromkeys(("sha256", "original", "filename", "content_type", "width", "height"))
    values |= {"kind": "caption", "text": check_text(new.text, "text"), "image_id": new.image_id}
    return _Upload(caption_id(tenant, new.image_id, new.text), values, check_tags(new.tags), new.metadata)


def _require_images(connection: Connection, tenant: str, ids: set[str]) -> None:
    """Holds the images until the captions are in: a deletion that comes now waits, and finds them. Not for
    reading alone: two that share it could both not go on to mark it."""
    found = set()
    for some in chunks(sorted(ids)):
        query = select(items.c.id).where(
            items.c.id.in_(some),
            items.c.tenant == tenant,
            items.c.kind == "image",
            items.c.deleted_at.is_(None),
        )
        found |= {row["id"] for row in locked(connection, query.order_by(items.c.id))}
    if missing := ids - found:
        raise NotFound(f"There is no image {min(missing)}.")


def _add(
    connection: Connection, tenant: str, uploads: list[_Upload], source: Source, now: datetime
) -> list[Added]:
    by_id: dict[str, _Upload] = {}
    for upload in uploads:
        by_id.setdefault(upload.id, upload)
    new = _ensure(connection, tenant, by_id, source, now)
    if not source.bulk:
        _hurry(connection, [id for id in by_id if id not in new])
    # Whoever named the item first in this request made it; the others add to it.
    _merge(connection, tenant, [u for u in uploads if u.id not in new or by_id[u.id] is not u], source)
    rows = _read(connection, list(by_id))
    return [Added(to_item(rows[u.id]), duplicate=u.id not in new or by_id[u.id] is not u) for u in uploads]


def _ensure(
    connection: Connection, tenant: str, uploads: dict[str, _Upload], source: Source, now: datetime
) -> set[str]:
    """Sees to it that every item is there and alive, and holds it; returns the ids of those it made.

    Others may insert, delete or clear away the same items meanwhile, hence the loop: an insert that
    meets a row waits for it, a row that turns out to be a tombstone makes room for a new one.
    """
    made: set[str] = set()
    generations: dict[str, int] = {}
    missing = list(uploads)
    while missing:
        made |= _insert(connection, tenant, [uploads[id] for id in missing], generations, source, now)
        held = _read(connection, missing, hold=True)
        deleted = [id for id, row in held.items() if row["deleted_at"] is not None]
        generations |= {id: held[id]["generation"] for id in deleted}
        for some in chunks(deleted):
            connection.execute(delete(items).where(items.c.id.in_(some)))
        missing = [id for id in missing if id in deleted or id not in held]
    return made


def _insert(
    connection: Connection,
    tenant: str,
    uploads: list[_Upload],
    generations: dict[str, int],
    source: Source,
    now: datetime,
) -> set[str]:
    """The ids of those that were not there. What comes back is a new row, newest of all."""
    rows = [
        upload.values
        | {
            "id": upload.id,
            "tenant": tenant,
            "status": "pending",
            "generation": generations.get(upload.id, 0) + 1,
            "created_at": now,
            "request_id": source.request_id,
            "bulk": source.bulk,
            "tags": upload.tags,
            "metadata": upload.metadata,
            "payload_version": 0,
            "payload_stale": False,
            "attempts": 0,
            "attempts_alone": 0,
            "postponed": 0,
        }
        for upload in uploads
    ]
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(items).on_conflict_do_nothing(index_elements=["id"])
    returning = statement.returning(items.c.id, items.c.sequence)
    sequences = dict(connection.execute(returning, rows).all())
    insert_tags(
        connection,
        tenant,
        {sequences[upload.id]: upload.tags for upload in uploads if upload.id in sequences},
    )
    return set(sequences)


def _hurry(connection: Connection, ids: list[str]) -> None:
    """Somebody waits for these, which came with many others before."""
    for some in chunks(ids):
        waiting = update(items).where(items.c.id.in_(some), items.c.status == "pending", items.c.bulk)
        connection.execute(waiting.values(bulk=False))


def _merge(connection: Connection, tenant: str, uploads: list[_Upload], source: Source) -> None:
    """What is there already gains tags and metadata, and the bytes if its own were lost. Raises
    `InvalidRequest` when that is more than an item may have."""
    rows = _read(connection, list(dict.fromkeys(upload.id for upload in uploads)), hold=True)
    merged: dict[str, tuple[list[str], dict[str, Any]]] = {
        id: (list(row["tags"]), dict(row["metadata"])) for id, row in rows.items()
    }
    for upload in uploads:
        tags, metadata = merged[upload.id]
        tags += [tag for tag in upload.tags if tag not in tags]
        metadata.update(upload.metadata)
        if upload.lost is not None and rows[upload.id]["original"] == upload.lost:
            _restore(connection, rows[upload.id], upload)
    for id, (tags, metadata) in merged.items():
        if tags != rows[id]["tags"] or metadata != rows[id]["metadata"]:
            _check_limits(rows[id], tags, metadata, source)
            write_payload(connection, tenant, rows[id], tags, metadata)


def _check_limits(row: RowMapping, tags: list[str], metadata: dict[str, Any], source: Source) -> None:
    """What an item has too much of already is no reason to refuse it anything else."""
    if len(tags) > max(MAX_TAGS, len(row["tags"])):
        raise InvalidRequest(
            f"With those that it has already, the item would have {len(tags)} tags; {MAX_TAGS} are allowed.",
            "tags",
        )
    limit = source.max_metadata_bytes
    if limit is None or metadata == row["metadata"]:
        return
    size = metadata_bytes(metadata)
    if size > max(limit, metadata_bytes(row["metadata"])):
        raise InvalidRequest(
            f"Merged with what the item has already, metadata would have {size:,} bytes as JSON; {limit:,} "
            "are allowed.",
            "metadata",
        )


def _restore(connection: Connection, row: RowMapping, upload: _Upload) -> None:
    """Whoever has the item in work looks for bytes that are gone: its generation makes that obsolete."""
    values = {"original": upload.values["original"], "generation": row["generation"] + 1}
    if row["error_code"] == "original_missing":
        values |= {"status": "pending", "error_code": None, "error_detail": None}
    connection.execute(update(items).where(items.c.id == upload.id).values(values))


def write_payload(
    connection: Connection, tenant: str, row: RowMapping, tags: Sequence[str], metadata: dict[str, Any]
) -> None:
    """New tags and metadata of one row; its point, if it has one, is now behind."""
    connection.execute(
        update(items)
        .where(items.c.sequence == row["sequence"])
        .values(
            tags=list(tags),
            metadata=metadata,
            payload_version=items.c.payload_version + 1,
            payload_stale=row["status"] == "indexed",
        )
    )
    replace_tags(connection, tenant, {row["sequence"]: tags})


def _read(connection: Connection, ids: list[str], *, hold: bool = False) -> dict[str, RowMapping]:
    rows: list[RowMapping] = []
    for some in chunks(ids):
        query = (
            select(items.c.sequence, items.c.deleted_at, *COLUMNS)
            .where(items.c.id.in_(some))
            .order_by(items.c.id)
        )
        rows += locked(connection, query) if hold else connection.execute(query).mappings()
    return {row["id"]: row for row in rows}
