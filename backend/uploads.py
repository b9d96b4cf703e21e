"""Accepting uploads: accepted means kept. Bytes are stored durably, then the catalogue commits, then the
caller hears of it; only then is anybody woken to work.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import IO, Any, Protocol

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import NO_REQUEST, Added, Item, NewCaption, NewImage, Source, image_id
from backend.errors import InvalidRequest, NotFound, StorageFull, TooLarge, TwinspaceError, Unavailable
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import VectorStore
from encoders.images import ImageError, ImageInfo, inspect_image

LOG = logging.getLogger("twinspace.uploads")

CHUNK = 64
"""Pictures that become visible together: one transaction for each chunk, not for each picture."""


class File(Protocol):
    """One uploaded file: it can be read again."""

    @property
    def filename(self) -> str | None: ...

    @property
    def stream(self) -> IO[bytes]: ...


@dataclass(frozen=True)
class Refusal:
    """One input that was not accepted, and why."""

    index: int
    filename: str | None
    error: Exception


@dataclass
class Report:
    """What became of the inputs, in their order."""

    added: list[Added] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True)
class _Received:
    """A picture whose bytes are safe: stored just now, or known from before."""

    index: int
    file: File
    new: NewImage
    stored: bool


@dataclass(frozen=True)
class _Kept:
    key: str
    now: bool = False
    """They were written just now."""
    lost: str | None = None
    """The key before, whose bytes are gone."""


class Uploads:
    def __init__(
        self, catalogue: Catalogue, originals: Originals, store: VectorStore, settings: Settings
    ) -> None:
        self._catalogue = catalogue
        self._originals = originals
        self._store = store
        self._max_bytes = settings.max_image_bytes
        self._max_pixels = settings.max_image_pixels

    def images(
        self,
        tenant: str,
        files: Iterable[File],
        tags: Sequence[str],
        metadata: dict[str, Any],
        source: Source = NO_REQUEST,
    ) -> Report:
        """One picture is in memory at a time. A picture that cannot be accepted is reported and the
        others go on, except when there is no place to keep any: then the rest is refused as well."""
        report = Report()
        numbered = enumerate(files)
        while chunk := list(islice(numbered, CHUNK)):
            received = list(self._receive(tenant, chunk, tags, metadata, report))
            if received:
                self._add(tenant, received, source, report)
        report.refused.sort(key=lambda refusal: refusal.index)
        return report

    def captions(
        self, tenant: str, captions: Sequence[tuple[int, NewCaption]], source: Source = NO_REQUEST
    ) -> Report:
        """Captions with their places in the request. One of an image that is not there is reported; the
        others go on."""
        try:
            self._require_room()
        except StorageFull as error:
            return Report(refused=[Refusal(index, None, error) for index, _ in captions])
        try:
            return self._captions(tenant, captions, source)
        except NotFound:
            # An image was deleted between our look and our commit: now we know which.
            return self._captions(tenant, captions, source)

    def _captions(self, tenant: str, captions: Sequence[tuple[int, NewCaption]], source: Source) -> Report:
        report = Report()
        wanted = {caption.image_id for _, caption in captions if caption.image_id is not None}
        known = self._catalogue.get(tenant, list(wanted)) if wanted else {}
        fit = []
        for index, caption in captions:
            image = known.get(caption.image_id or "")
            if caption.image_id is not None and (image is None or image.kind != "image"):
                error = NotFound(f"There is no image {caption.image_id}.", f"captions.{index}.image_id")
                report.refused.append(Refusal(index, None, error))
            else:
                fit.append((index, caption))
        if fit:
            self._add_captions(tenant, fit, source, report)
        report.refused.sort(key=lambda refusal: refusal.index)
        return report

    def _add_captions(
        self, tenant: str, fit: Sequence[tuple[int, NewCaption]], source: Source, report: Report
    ) -> None:
        try:
            report.added += self._catalogue.add_captions(tenant, [caption for _, caption in fit], source)
        except InvalidRequest as error:
            if len(fit) > 1:
                # What is too much for one does not take its neighbours along.
                for one in fit:
                    self._add_captions(tenant, [one], source, report)
                return
            index = fit[0][0]
            fields = [{**each, "field": f"captions.{index}.{each['field']}"} for each in error.errors]
            report.refused.append(Refusal(index, None, InvalidRequest.of(fields)))

    def _add(self, tenant: str, received: Sequence[_Received], source: Source, report: Report) -> None:
        try:
            report.added += self._commit(tenant, received, source)
        except TwinspaceError as error:
            if isinstance(error, InvalidRequest) and len(received) > 1:
                for one in received:
                    self._add(tenant, [one], source, report)
                return
            self._discard(tenant, received)
            report.refused += [Refusal(one.index, one.new.filename, error) for one in received]

    # -- one chunk -------------------------------------------------------------------------
    def _receive(
        self,
        tenant: str,
        chunk: Sequence[tuple[int, File]],
        tags: Sequence[str],
        metadata: dict[str, Any],
        report: Report,
    ) -> Iterator[_Received]:
        seen: dict[str, str] = {}
        nowhere: TwinspaceError | None = None
        for index, file in chunk:
            name = clean_filename(file.filename)
            try:
                if nowhere is not None:
                    raise nowhere
                self._require_room()
                data = self._read(file)
                info = inspect_image(data, self._max_pixels)
                sha256 = hashlib.sha256(data).hexdigest()
                kept = self._keep(tenant, sha256, data, info, seen)
            except (ImageError, TooLarge) as error:
                report.refused.append(Refusal(index, name, error))
                continue
            except (StorageFull, Unavailable) as error:
                nowhere = error
                report.refused.append(Refusal(index, name, error))
                continue
            new = NewImage(
                sha256,
                kept.key,
                name,
                info.content_type,
                info.width,
                info.height,
                tuple(tags),
                metadata,
                kept.lost,
            )
            yield _Received(index, file, new, kept.now)

    def _require_room(self) -> None:
        """What is accepted is to be found one day. A store that is away is no reason to refuse anything."""
        with suppress(Unavailable):
            self._store.require_room()

    def _read(self, file: File) -> bytes:
        file.stream.seek(0)
        data = file.stream.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise TooLarge(f"The file is larger than {self._max_bytes:,} bytes.")
        return data

    def _keep(self, tenant: str, sha256: str, data: bytes, info: ImageInfo, seen: dict[str, str]) -> _Kept:
        """What is there already (before, or earlier in this chunk) is not written again, unless its bytes
        got lost."""
        id = image_id(tenant, sha256)
        if id in seen:
            return _Kept(seen[id])
        item = self._catalogue.get(tenant, [id]).get(id)
        before = item.original if item is not None else None
        if item is not None and before and self._has_bytes(item, before):
            return _Kept(before)
        seen[id] = self._originals.put(id, data, info.extension)
        return _Kept(seen[id], now=True, lost=before)

    def _has_bytes(self, item: Item, key: str) -> bool:
        return item.error_code != "original_missing" and self._originals.exists(key)

    def _commit(self, tenant: str, received: Sequence[_Received], source: Source) -> list[Added]:
        added = self._catalogue.add_images(tenant, [one.new for one in received], source)
        for one, result in zip(received, added, strict=True):
            if one.stored and result.item.original != one.new.original:
                # Somebody uploaded the same picture at the same moment, and was first.
                self._originals.delete_original(one.new.original)
        fresh = {one.new.original for one in received if one.stored}
        return [
            result
            if result.duplicate or one.new.original in fresh
            else self._store_again(tenant, one, source)
            for one, result in zip(received, added, strict=True)
        ]

    def _store_again(self, tenant: str, one: _Received, source: Source) -> Added:
        """The item was deleted between our look and our commit: it came back with a key whose bytes are
        about to go, and takes new ones. Others may hold that item already, or delete it once more."""
        id = image_id(tenant, one.new.sha256)
        try:
            data = self._read(one.file)
            key = self._originals.put(id, data, inspect_image(data, self._max_pixels).extension)
        except TwinspaceError:
            with suppress(NotFound):
                self._catalogue.delete(tenant, id)
            raise
        new = replace(one.new, original=key, lost=one.new.original)
        added = self._catalogue.add_images(tenant, [new], source)[0]
        if added.item.original != key:
            self._originals.delete_original(key)
        return replace(added, duplicate=False)

    def _discard(self, tenant: str, received: Sequence[_Received]) -> None:
        """After a failed commit: removes the bytes that nothing refers to. Where even that cannot be
        told, they stay: bytes too many do no harm."""
        stored = {image_id(tenant, one.new.sha256): one.new.original for one in received if one.stored}
        try:
            items = self._catalogue.get(tenant, list(stored))
            for id, key in stored.items():
                if id not in items or items[id].original != key:
                    self._originals.delete_original(key)
        except TwinspaceError as error:
            LOG.warning("Originals of a failed upload were left behind: %s", error)


def clean_filename(name: str | None) -> str:
    """The last part of a path of any system, without control characters, at most 255 characters."""
    last = (name or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
    visible = "".join(char for char in last if char.isprintable() or char == "\u200d").strip()
    if visible in ("", ".", ".."):
        return "unnamed"
    stem, dot, extension = visible.rpartition(".")
    if len(visible) <= 255 or not dot or len(extension) > 10:
        return visible[:255]
    return f"{stem[: 254 - len(extension)]}.{extension}"
