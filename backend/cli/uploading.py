"""Uploads many pictures and sends nothing that the server has: ids follow from content, so one can ask."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from backend.catalogue.items import caption_id, image_id
from backend.client import ApiError, Client, Item, Uploaded
from backend.client.transport import BUSY

BATCH_FILES = 32
BATCH_BYTES = 16 * 1024 * 1024
BATCH_CAPTIONS = 500
PRIORITY = 5
"""Whoever uploads a single picture meanwhile waits for it; nobody waits for a file of a folder."""
THREADS = 4


@dataclass
class Report:
    """What became of a batch, or of all of them."""

    sent: int = 0
    known: int = 0
    """Were there already."""
    captions: int = 0
    """Sent now."""
    pending: list[str] = field(default_factory=list)
    """Ids that the server has accepted and not finished yet."""
    names: dict[str, str] = field(default_factory=dict)
    """What to call an id when it fails later."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    """File (or caption) and reason."""

    def add(self, other: Report) -> None:
        self.sent += other.sent
        self.known += other.known
        self.captions += other.captions
        self.pending += other.pending
        self.names |= other.names
        self.failures += other.failures


@dataclass(frozen=True)
class Local:
    """A picture in memory on its way to the server."""

    path: Path
    data: bytes
    id: str


Caption = tuple[Local, str]
T = TypeVar("T", Local, Caption)


class Uploader:
    def __init__(
        self, client: Client, tenant: str, tags: Sequence[str], captions: Mapping[Path, Sequence[str]]
    ) -> None:
        self._client = client
        self._tenant = tenant
        self._tags = list(tags)
        self._captions = captions

    def upload(self, paths: Sequence[Path], on_files: Callable[[int], object]) -> Report:
        """Uploads from several threads; `on_files` hears how many files have been dealt with.
        When it ends early, by Ctrl-C or because the server is gone, so do the threads."""
        report = Report()
        batches = _batches(paths)
        pool = ThreadPoolExecutor(THREADS)
        running: set[Future[tuple[int, Report]]] = set()
        try:
            while True:
                for batch in islice(batches, 2 * THREADS - len(running)):
                    running.add(pool.submit(self._upload_batch, batch))
                if not running:
                    return report
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    files, outcome = future.result()
                    report.add(outcome)
                    on_files(files)
        except BaseException:
            self._client.close()  # Ends the pauses and repetitions of what still runs.
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _upload_batch(self, paths: Sequence[Path]) -> tuple[int, Report]:
        report = Report()
        pictures = [picture for path in paths if (picture := self._read(path, report))]
        names = {picture.id: str(picture.path) for picture in pictures}
        stored = {item.id: item for item in self._client.items(list(names))}
        for item in stored.values():
            self._refresh(item, names[item.id], report)
        self._send([picture for picture in pictures if picture.id not in stored], report)
        report.known += sum(picture.id in stored for picture in pictures)
        report.names |= names
        self._send_captions(pictures, report)
        return len(paths), report

    def _read(self, path: Path, report: Report) -> Local | None:
        try:
            data = path.read_bytes()
        except OSError as error:
            report.failures.append((str(path), error.strerror or str(error)))
            return None
        return Local(path, data, image_id(self._tenant, hashlib.sha256(data).hexdigest()))

    def _refresh(self, item: Item, name: str, report: Report) -> None:
        """Brings what is stored to where a fresh upload would be."""
        try:
            if missing := [tag for tag in self._tags if tag not in item.tags]:
                self._client.patch(item.id, tags=[*item.tags, *missing])
            if item.status == "failed":
                self._client.retry(item.id)
        except ApiError as error:
            if not _refused(error):
                raise
            report.failures.append((name, error.detail))
            return
        if item.status != "indexed":
            report.pending.append(item.id)

    def _send(self, pictures: Sequence[Local], report: Report) -> None:
        def send(some: Sequence[Local]) -> Uploaded:
            files = [(picture.path.name, picture.data) for picture in some]
            return self._client.upload(files, tags=self._tags, priority=PRIORITY)

        report.sent += _deliver(send, pictures, lambda picture: str(picture.path), report)

    def _send_captions(self, pictures: Sequence[Local], report: Report) -> None:
        refused = {path for path, _ in report.failures}
        wanted = {
            caption_id(self._tenant, picture.id, text): (picture, text)
            for picture in pictures
            if str(picture.path) not in refused
            for text in self._captions.get(picture.path, ())
        }
        stored = {item.id: item for item in self._client.items(list(wanted))}
        for item in stored.values():
            self._refresh(item, _caption_of(wanted[item.id]), report)
        missing = [value for id, value in wanted.items() if id not in stored]
        for start in range(0, len(missing), BATCH_CAPTIONS):
            batch = missing[start : start + BATCH_CAPTIONS]
            report.captions += _deliver(self._add_captions, batch, _caption_of, report)

    def _add_captions(self, captions: Sequence[Caption]) -> Uploaded:
        documents = [{"text": text, "image_id": p.id, "tags": self._tags} for p, text in captions]
        return self._client.add_captions(documents, priority=PRIORITY)


def _deliver(
    send: Callable[[Sequence[T]], Uploaded],
    things: Sequence[T],
    name: Callable[[T], str],
    report: Report,
) -> int:
    """How many were accepted. One that spoils the request does not take its neighbours along."""
    if not things:
        return 0
    try:
        answer = send(things)
    except ApiError as error:
        if not _refused(error):
            raise
        if len(things) == 1:
            report.failures.append((name(things[0]), error.detail))
            return 0
        return sum(_deliver(send, [thing], name, report) for thing in things)
    report.failures += [(name(things[error.index]), error.detail) for error in answer.errors]
    report.pending += [item.id for item in answer.items if item.status == "pending"]
    return len(answer.items)


def _refused(error: ApiError) -> bool:
    """Whether it was this request's fault: others can still succeed."""
    return error.status < 500 and error.status not in BUSY


def _caption_of(caption: Caption) -> str:
    return f"a caption of {caption[0].path}"


def _batches(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Few enough files and bytes for one request."""
    batch: list[Path] = []
    size = 0
    for path in paths:
        length = path.stat().st_size if path.exists() else 0
        if batch and (len(batch) == BATCH_FILES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += length
    if batch:
        yield batch
