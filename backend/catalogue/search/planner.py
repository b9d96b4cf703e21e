"""Makes the plan of a search: encodes what the query is made of, or reads it from the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.search.parts import PartVectors
from backend.catalogue.search.plan import Plan, Source, fingerprint
from backend.catalogue.search.queries import ItemPart, SearchQuery, TextPart
from backend.catalogue.search.query_vectors import QueryEncoder, combine
from backend.catalogue.search.relevance import QueryPart, Relevances, Scale
from backend.catalogue.search.search_cursor import decode_cursor, half, single
from backend.catalogue.search.words import Words, words_of
from backend.errors import NotCalibrated
from backend.settings import Settings
from backend.store.base import Kind
from encoders.base import Space

UNCALIBRATED = (
    "Nothing tells how relevant a cosine is in this space: fit a scale to your own captioned pictures with "
    "`twinspace calibrate`, or cut by `min_score`."
)


class Planner:
    def __init__(
        self,
        catalogue: Catalogue,
        parts: PartVectors,
        encoder: QueryEncoder,
        settings: Settings,
        cursor_key: bytes | None,
    ) -> None:
        self._catalogue = catalogue
        self._parts = parts
        self._encoder = encoder
        self._settings = settings
        self._cursor_key = cursor_key
        self._relevances: tuple[Space, Relevances] | None = None

    def plan(self, query: SearchQuery) -> Plan:
        """Raises `InvalidRequest`, `InvalidCursor`, `NotCalibrated`, `NotFound` (an item of the query),
        `QueueFull` and `Unavailable`."""
        space = self._encoder.space
        made_for = fingerprint(query, space.name, self._settings.fuse_captions)
        used = tuple(part.id for part in query.parts if isinstance(part, ItemPart))
        filter = replace(query.filter, not_ids=query.filter.not_ids + used) if used else query.filter
        words = words_of(query, self._catalogue)
        sources = _sources(query, words, self._settings.fuse_captions)
        if query.cursor is not None:
            cursor = decode_cursor(query.cursor, made_for, space.dim, self._cursor_key)
            filter = replace(filter, indexed_before=cursor.as_of)
            vector, as_of, marks, scales = cursor.vector, cursor.as_of, cursor.marks, cursor.scales
        else:
            parts = self._parts.of(query.parts, query.filter.tenant)
            weights = self.relevances(space).weigh(parts).tolist()
            vector = half(combine([part.vector for part in parts], weights))
            as_of, marks, scales = datetime.now(UTC), {}, self._scales(parts, query.kinds, space)
        if query.min_relevance and scales.keys() < set(query.kinds):
            raise NotCalibrated(UNCALIBRATED, "min_relevance")
        return Plan(query, vector, words, sources, filter, as_of, made_for, marks, scales)

    def relevances(self, space: Space) -> Relevances:
        """Of the space in use. Two threads that need it first may both make it, which harms nobody."""
        if self._relevances is None or self._relevances[0] != space:
            made = Relevances(self._catalogue.calibrations, self._settings.encoder, space)
            self._relevances = space, made
        return self._relevances[1]

    def _scales(
        self, parts: Sequence[QueryPart], kinds: Sequence[Kind], space: Space
    ) -> Mapping[Kind, Scale]:
        found = self.relevances(space).for_parts(parts)
        return {kind: single(scale) for kind, scale in found.items() if kind in kinds}


def _sources(query: SearchQuery, words: Words, fuse_captions: bool) -> tuple[Source, ...]:
    if query.mode == "lexical":
        return ("lexical",)
    sources: list[Source] = ["dense"]
    if query.mode == "hybrid" and words.wanted.indices:
        sources.append("lexical")
    if fuse_captions and all(isinstance(part, TextPart) for part in query.parts if part.weight > 0):
        sources.append("captions")
    return tuple(sources)
