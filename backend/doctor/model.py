"""The model and its space: does it encode, and are as many points in its space as the catalogue says?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image
from sqlalchemy import exc, func, select

from backend.catalogue import target
from backend.catalogue.schema import items
from backend.doctor.database import installation_of, schema
from backend.doctor.findings import Finding, ok, problem, warning
from backend.errors import TwinspaceError
from backend.observing import catalogue_url, observe
from backend.settings import Settings
from backend.store.base import KINDS, VectorStore
from encoders.base import EncoderError, Space
from encoders.loading import load_encoder
from encoders.views import with_views

PROBE = Image.new("RGB", (64, 64), (120, 90, 60))


def check(settings: Settings) -> Iterator[Finding]:
    started = time.monotonic()
    try:
        encoder = with_views(load_encoder(settings.encoder), settings.encoder_views)
        encoder.encode_texts(["a test"])
        encoder.encode_images([PROBE])
    except EncoderError as error:
        yield problem("model", str(error), "Correct TWINSPACE_ENCODER, or mend the files it names.")
        return
    space = encoder.space
    seconds = time.monotonic() - started
    yield ok("model", f"{space.name} encodes text and pictures (loaded in {seconds:.1f} seconds).")
    yield from _space(settings, space)


def _space(settings: Settings, space: Space) -> Iterator[Finding]:
    if settings.qdrant_url is None:
        # Only one process may open Edge's folders, and that may be a server.
        yield from _embedded(settings, space)
        return
    from backend.store.ownership import ForeignSpace
    from backend.store.server import ServerStore

    store: ServerStore | None = None
    try:
        store = ServerStore.connect(settings, installation_of(settings))
        yield from _points(settings, space, store)
    except ForeignSpace as error:
        yield problem("space", error.detail, "Set TWINSPACE_QDRANT_PREFIX, or give it a Qdrant of its own.")
    except (TwinspaceError, exc.SQLAlchemyError) as error:
        yield problem(
            "space", f"Cannot be compared: {str(error).splitlines()[0]}", "Mend what is wrong above."
        )
    finally:
        if store is not None:
            store.close()


def _embedded(settings: Settings, space: Space) -> Iterator[Finding]:
    try:
        made = _is_made(settings)
        moving = list(_moving(settings, space, _catalogued(settings, space.name))) if made else []
    except exc.SQLAlchemyError:
        return  # The look at the database says why.
    yield from moving
    if not moving:
        yield ok("space", "Its points are counted by the server that has them open (`twinspace status`).")


def _is_made(settings: Settings) -> bool:
    """Whether there is a catalogue, of a version that named the space that is filled."""
    current = schema(catalogue_url(settings)).current
    return current is not None and current >= "0002"


def _moving(settings: Settings, space: Space, catalogued: _Catalogued) -> Iterator[Finding]:
    if catalogued.target not in (None, space.name):
        yield warning(
            "space",
            f"Workers encode into {catalogued.target}, and this process searches {space.name}.",
            "An upgrade is under way, or TWINSPACE_ENCODER is not the same everywhere.",
        )
    if number := catalogued.elsewhere:
        workers = "Workers do it in the background, more of them do it sooner"
        who = workers if settings.distributed else "The server does it in the background"
        yield warning(
            "space",
            f"{number} items wait to be encoded into {space.name}; search does not find them yet.",
            f"{who}; nothing is lost.",
        )


def _points(settings: Settings, space: Space, store: VectorStore) -> Iterator[Finding]:
    catalogued = _catalogued(settings, space.name)
    yield from _moving(settings, space, catalogued)
    points = sum(store.count(space.name, kind) for kind in KINDS)
    others = [name for name in store.spaces() if name != space.name]
    if points < catalogued.inside:
        yield problem(
            "space",
            f"{space.name} holds {points} points for {catalogued.inside} indexed items.",
            "The reconciler finds them within a minute and encodes them again; is `twinspace beat` running?",
        )
    else:
        yield ok("space", f"{space.name} holds {points} points for {catalogued.inside} indexed items.")
    if others and not catalogued.elsewhere:
        yield ok("space", f"Also there until the reconciler drops them: {', '.join(others)}.")


@dataclass(frozen=True)
class _Catalogued:
    inside: int
    """Indexed items whose point is in the space."""
    elsewhere: int
    """Those whose point is not."""
    target: str | None
    """The space that is filled."""


def _catalogued(settings: Settings, space: str) -> _Catalogued:
    engine = observe(catalogue_url(settings))
    alive = (items.c.deleted_at.is_(None)) & (items.c.status == "indexed")
    try:
        with engine.connect() as connection:
            total = connection.scalar(select(func.count()).select_from(items).where(alive)) or 0
            inside = (
                connection.scalar(
                    select(func.count()).select_from(items).where(alive, items.c.space == space)
                )
                or 0
            )
            return _Catalogued(inside, total - inside, target.current(connection))
    finally:
        engine.dispose()
