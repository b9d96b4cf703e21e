"""The client proper: one method for each thing that people do with the API."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, Unpack

from backend.client.answers import Facet, Found, Item, Label, Uploaded, build, found, uploaded
from backend.client.options import ClassifyOptions, SearchOptions
from backend.client.transport import Transport

IDS_PER_REQUEST = 100
Picture = Path | tuple[str, bytes]
Query = str | Sequence[Mapping[str, Any]]


class Client:
    """Talks to one server. Safe to call from several threads.

    Raises `ApiError` for what the server refuses, `Unreachable` when there is no answer, and
    `InvalidRequest` for what cannot even be sent. A busy server (429, 503) and, with `await_server`, a
    missing one or a lost connection are tried again until `patience` seconds have passed: uploads are
    known by their content, so sending one twice changes nothing.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        patience: float = 10,
        timeout: float = 60,
        await_server: bool = True,
    ) -> None:
        self._server = Transport(url, key, patience, timeout, await_server)
        self.url = self._server.url

    def close(self) -> None:
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- uploads -----------------------------------------------------------------------------
    def upload(
        self,
        pictures: Sequence[Picture],
        captions: Sequence[str] = (),
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        priority: int | None = None,
    ) -> Uploaded:
        """Sends pictures (files, or names with bytes); captions only together with a single one.
        What comes back is `pending`: `wait` says when it can be found. `priority` is the urgency of RFC 9218,
        0 to 7: from 5 on an upload waits for those that somebody waits for, as imports should."""
        files = [("file", _named_bytes(picture)) for picture in pictures]
        form: dict[str, Any] = {"caption": list(captions), "tags": list(tags)}
        if metadata is not None:
            form["metadata"] = json.dumps(metadata)
        return uploaded(
            self._server.json("POST", "/v1/images", files=files, data=form, headers=_urgency(priority))
        )

    def add_captions(self, captions: Sequence[Mapping[str, Any]], priority: int | None = None) -> Uploaded:
        """Each is `{"text", "image_id", "tags", "metadata"}`; only `text` has to be there. `priority` as in
        `upload`."""
        document = {"captions": [dict(caption) for caption in captions]}
        return uploaded(self._server.json("POST", "/v1/captions", json=document, headers=_urgency(priority)))

    def wait(
        self,
        ids: Sequence[str],
        seconds: float | None = None,
        on_done: Callable[[Item], object] | None = None,
    ) -> list[Item]:
        """Waits until none of these is pending and returns them in that order of ending, without those
        that do not exist (any more). Raises `TimeoutError`."""
        deadline = None if seconds is None else time.monotonic() + seconds
        waiting, done, pause = list(dict.fromkeys(ids)), [], 0.05
        while waiting:
            there = self.items(waiting[:IDS_PER_REQUEST])
            ended = [item for item in there if item.status != "pending"]
            pending = [item.id for item in there if item.status == "pending"]
            for item in ended:
                done.append(item)
                if on_done:
                    on_done(item)
            # As the server spells them; whoever it does not name is gone.
            waiting = pending + waiting[IDS_PER_REQUEST:]
            pause = 0.05 if ended else min(pause * 1.5, 1.0)
            if pending:
                if deadline is not None and time.monotonic() + pause > deadline:
                    raise TimeoutError(f"{len(waiting)} items are still pending.")
                time.sleep(pause)
        return done

    # -- items -------------------------------------------------------------------------------
    def items(self, ids: Sequence[str]) -> list[Item]:
        """Those of these items that exist."""
        found: list[Item] = []
        for start in range(0, len(ids), IDS_PER_REQUEST):
            batch = ids[start : start + IDS_PER_REQUEST]
            answer = self._server.json(
                "GET", "/v1/items", params={"ids": ",".join(batch), "limit": len(batch)}
            )
            found += [build(Item, values) for values in answer["items"]]
        return found

    def list_items(self, **conditions: str) -> Iterator[Item]:
        """All items, newest first; conditions are `kind`, `status`, `tag` and `image_id`."""
        cursor: str | None = None
        while True:
            params = {**conditions, "limit": "1000", **({"cursor": cursor} if cursor else {})}
            answer = self._server.json("GET", "/v1/items", params=params)
            yield from (build(Item, values) for values in answer["items"])
            cursor = answer["next_cursor"]
            if cursor is None:
                return

    def patch(
        self, id: str, tags: Sequence[str] | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Item:
        changes: dict[str, Any] = {}
        if tags is not None:
            changes["tags"] = list(tags)
        if metadata is not None:
            changes["metadata"] = dict(metadata)
        return build(Item, self._server.json("PATCH", f"/v1/items/{id}", json=changes))

    def delete(self, id: str) -> None:
        self._server.send("DELETE", f"/v1/items/{id}")

    def retry(self, id: str) -> Item:
        return build(Item, self._server.json("POST", f"/v1/items/{id}/retry"))

    # -- search ------------------------------------------------------------------------------
    def search(
        self, query: Query, pictures: Sequence[Picture] = (), **options: Unpack[SearchOptions]
    ) -> Found:
        """`query` is words, or parts (`{"text"}`, `{"item"}`, `{"file"}`: an index into `pictures`), each
        with a `weight` if it likes."""
        return found(self.search_json(query, pictures, **options))

    def search_json(
        self, query: Query, pictures: Sequence[Picture] = (), **options: Unpack[SearchOptions]
    ) -> dict[str, Any]:
        """The answer as the server gave it."""
        request = {"query": query if isinstance(query, str) else [dict(part) for part in query], **options}
        return self._ask("/v1/search", request, pictures)

    def pages(
        self, query: Query, pictures: Sequence[Picture] = (), **options: Unpack[SearchOptions]
    ) -> Iterator[Found]:
        """One answer after the other, until there is no more."""
        while True:
            page = self.search(query, pictures, **options)
            yield page
            if page.next_cursor is None:
                return
            options["cursor"] = page.next_cursor

    def facets(self, field: str = "tags", limit: int = 100) -> list[Facet]:
        """The most frequent values of `tags` or of `metadata.KEY`, with how many items have them."""
        answer = self._server.json("GET", "/v1/facets", params={"field": field, "limit": str(limit)})
        return [build(Facet, value) for value in answer["values"]]

    def classify(
        self, picture: str | Picture, labels: Sequence[str], **options: Unpack[ClassifyOptions]
    ) -> list[Label]:
        """Which of `labels` fits best, best first. `picture` is an item's id, or a file."""
        pictures = [] if isinstance(picture, str) else [picture]
        of = {"file": 0} if pictures else {"item": picture}
        answer = self._ask("/v1/classify", {**of, "labels": list(labels), **options}, pictures)
        return [build(Label, label) for label in answer["labels"]]

    def _ask(self, path: str, request: Mapping[str, Any], pictures: Sequence[Picture]) -> dict[str, Any]:
        if not pictures:
            return self._server.json("POST", path, json=request)
        files = [("file", _named_bytes(picture)) for picture in pictures]
        return self._server.json("POST", path, files=files, data={"request": json.dumps(request)})

    # -- the server --------------------------------------------------------------------------
    def stats(self) -> dict[str, Any]:
        return self._server.json("GET", "/v1/stats")

    def ready(self) -> bool:
        """Whether the server can encode and search now; asks once."""
        return self._server.status("/readyz") == 200


def _named_bytes(picture: Picture) -> tuple[str, bytes]:
    if not isinstance(picture, Path | tuple):
        raise TypeError(f"A picture is a Path, or a name with its bytes, not `{type(picture).__name__}`.")
    name, data = (picture.name, picture.read_bytes()) if isinstance(picture, Path) else picture
    return name.encode("utf-8", "replace").decode(), data  # A file's name may hold bytes that are no text.


def _urgency(priority: int | None) -> dict[str, str]:
    return {} if priority is None else {"Priority": f"u={priority}"}
