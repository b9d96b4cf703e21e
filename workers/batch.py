"""One batch of claims, worked off: encode, store, commit, and for each item the right end.

A service that is down raises out of here and no item suffers; everything else ends with its item.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from PIL import Image

from backend.catalogue.attached import AttachedCaptions
from backend.catalogue.claims import Claim, Claims
from backend.catalogue.database import utc_now
from backend.catalogue.projection import Projection
from backend.errors import NotFound
from backend.settings import Settings
from backend.store.base import KINDS, Kind, MissingSpace, Point, Vector, VectorStore
from encoders.base import Encoder
from encoders.images import ImageError, ImageTooLarge
from workers.encoding import encode_images, encode_texts
from workers.isolation import OUTAGES, isolate
from workers.metrics import IngestMetrics

LOG = logging.getLogger("twinspace.ingest")


@dataclass
class Batch:
    claims: list[Claim]
    pictures: dict[str, Future[Image.Image]]
    finished: set[str] = field(default_factory=set)
    """Ids of the items that are committed, failed or postponed."""

    def left(self) -> list[Claim]:
        return [claim for claim in self.claims if claim.item.id not in self.finished]

    def request_ids(self) -> list[str]:
        """Of the uploads that brought what is finished now."""
        finished = [claim for claim in self.claims if claim.item.id in self.finished]
        return sorted({claim.request_id for claim in finished if claim.request_id})


class BatchWorker:
    def __init__(
        self,
        claims: Claims,
        captions: AttachedCaptions,
        store: VectorStore,
        encoder: Encoder,
        settings: Settings,
        name: str,
        stopping: threading.Event,
        metrics: IngestMetrics,
    ) -> None:
        self._metrics = metrics
        self._claims = claims
        self._projection = Projection(captions, settings.ranges())
        self._store = store
        self._encoder = encoder
        self._space = encoder.space
        self._sizes = {"image": settings.image_batch, "caption": settings.text_batch}
        self._name = name
        self._stopping = stopping

    def process(self, batch: Batch) -> None:
        """Finishes what it can. Encoded in small batches, which are the fastest, and stored in one go, since
        every write waits for the disk."""
        started = time.monotonic()
        for kind in KINDS:
            claims = [claim for claim in batch.claims if claim.item.kind == kind]
            encoded: list[tuple[Claim, Vector]] = []
            for start in range(0, len(claims), self._sizes[kind]):
                if self._stopping.is_set():
                    break
                encoded += self._encode(batch, kind, claims[start : start + self._sizes[kind]])
            self._store_points(batch, kind, encoded)
        milliseconds = 1000 * (time.monotonic() - started)
        LOG.info(
            "Finished %d of %d items in %.0f ms",
            len(batch.finished),
            len(batch.claims),
            milliseconds,
            extra={"fields": {"request_ids": batch.request_ids()}},
        )

    def _store_points(self, batch: Batch, kind: Kind, encoded: Sequence[tuple[Claim, Vector]]) -> None:
        indexed_at = utc_now()
        made = self._projection.points([(claim.item, vector) for claim, vector in encoded], indexed_at)
        points = [(claim, point) for (claim, _), point in zip(encoded, made, strict=True)]
        started = time.perf_counter()
        stored = isolate(lambda some: self._upsert(kind, [point for _, point in some]), points)
        if points:
            self._metrics.store_seconds.labels(kind).observe(time.perf_counter() - started)
        for (claim, _), error in stored.failed:
            self._fail(batch, claim, "store_refused", f"The vector store refuses it: {error}")
        done = [claim for (claim, _), _ in stored.done]
        deleted = self._claims.indexed(self._space.name, indexed_at, done)
        batch.finished.update(claim.item.id for claim in done)
        self._measure(kind, done, indexed_at)
        if deleted:
            self._store.delete(self._space.name, kind, [item.id for item in deleted])

    def _measure(self, kind: Kind, done: Sequence[Claim], indexed_at: datetime) -> None:
        self._metrics.items.labels("indexed").inc(len(done))
        for claim in done:
            if claim.item.status == "pending":
                seconds = (indexed_at - claim.item.created_at).total_seconds()
                self._metrics.wait_seconds.labels(kind).observe(max(0.0, seconds))

    def _encode(self, batch: Batch, kind: Kind, claims: Sequence[Claim]) -> list[tuple[Claim, Vector]]:
        if kind == "image":
            pictures = self._pictures(batch, claims)
            started = time.perf_counter()
            outcome = encode_images(self._encoder, pictures)
        else:
            started = time.perf_counter()
            outcome = encode_texts(self._encoder, [(claim, claim.item.text or "") for claim in claims])
        if number := len(outcome.done) + len(outcome.failed):
            self._metrics.encode_seconds.labels(kind).observe(time.perf_counter() - started)
            self._metrics.batch_size.labels(kind).observe(number)
        for claim, error in outcome.failed:
            self._fail(batch, claim, "encoder_failed", f"The encoder cannot encode it: {error}")
        return outcome.done

    def _pictures(self, batch: Batch, claims: Sequence[Claim]) -> list[tuple[Claim, Image.Image]]:
        pictures: list[tuple[Claim, Image.Image]] = []
        outage: Exception | None = None
        for claim in claims:
            try:
                pictures.append((claim, batch.pictures.pop(claim.item.id).result()))
            except OUTAGES as error:
                outage = error
                self._claims.postpone(self._name, [claim])
                batch.finished.add(claim.item.id)
            except (NotFound, ImageError) as error:
                self._fail(batch, claim, *_reason(error))
            except Exception as error:
                LOG.exception("Nobody foresaw how reading %s failed", claim.item.id)
                self._fail(batch, claim, "corrupt_image", f"The picture cannot be read: {error!r}")
        if outage is not None:
            if not pictures:
                # One unreadable file is postponed; storage that gives nothing at all is an outage.
                raise outage
            LOG.warning("Some originals cannot be read yet: %s", outage)
        return pictures

    def _upsert(self, kind: Kind, points: Sequence[Point]) -> Sequence[Point]:
        if points:
            try:
                self._store.upsert(self._space.name, kind, points)
            except MissingSpace:
                # Somebody removed the collections while we run.
                self._store.ensure_space(self._space)
                self._store.upsert(self._space.name, kind, points)
        return points

    def _fail(self, batch: Batch, claim: Claim, code: str, detail: str) -> None:
        about = {"item_id": claim.item.id, "code": code, "request_id": claim.request_id}
        LOG.warning("Item %s failed (%s): %s", claim.item.id, code, detail, extra={"fields": about})
        self._claims.failed(self._name, claim, code, detail)
        self._metrics.items.labels(code).inc()
        batch.finished.add(claim.item.id)


def _reason(error: NotFound | ImageError) -> tuple[str, str]:
    if isinstance(error, NotFound):
        return "original_missing", "The stored bytes are gone; upload the picture again."
    return ("too_large" if isinstance(error, ImageTooLarge) else "corrupt_image"), str(error)
