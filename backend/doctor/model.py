"""The model and its space: does it encode, and are as many points in its space as the catalogue says?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from PIL import Image
from sqlalchemy import exc, func, inspect, select

from backend.catalogue import target
from backend.catalogue.schema import installation, items
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
        yield ok("space", "Its points are counted by the server that has them open (`twinspace status`).")
        return
    from backend.store.ownership import ForeignSpace
    from backend.store.server import ServerStore

    store: ServerStore | None = None
    try:
        store = ServerStore.connect(settings, _installation(settings))
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


def _installation(settings: Settings) -> str | None:
    """None where the schema is missing, or of before there was one: nothing is anybody's then."""
    engine = observe(catalogue_url(settings))
    try:
        with engine.connect() as connection:
            there = inspect(connection).has_table(installation.name)
            return connection.scalar(select(installation.c.id)) if there else None
    finally:
        engine.dispose()


def _points(settings: Settings, space: Space, store: VectorStore) -> Iterator[Finding]:
    indexed, elsewhere, chosen = _catalogued(settings, space.name)
    if chosen not in (None, space.name):
        yield warning(
            "space",
            f"Workers encode into {chosen}, and this process searches {space.name}.",
            "An upgrade is under way, or TWINSPACE_ENCODER is not the same everywhere.",
        )
    points = sum(store.count(space.name, kind) for kind in KINDS)
    others = [name for name in store.spaces() if name != space.name]
    if elsewhere:
        yield warning(
            "space",
            f"{elsewhere} items wait to be encoded into {space.name}; search does not find them yet.",
            "Workers do it in the background, more of them do it sooner; nothing is lost.",
        )
    if points < indexed:
        yield problem(
            "space",
            f"{space.name} holds {points} points for {indexed} indexed items.",
            "The reconciler finds them within a minute and encodes them again; is `twinspace beat` running?",
        )
    else:
        yield ok("space", f"{space.name} holds {points} points for {indexed} indexed items.")
    if others and not elsewhere:
        yield ok("space", f"Also there until the reconciler drops them: {', '.join(others)}.")


def _catalogued(settings: Settings, space: str) -> tuple[int, int, str | None]:
    """Indexed items whose point is in `space`, those whose point is not, and the space that is filled."""
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
            chosen = target.current(connection)
    finally:
        engine.dispose()
    return inside, total - inside, chosen
