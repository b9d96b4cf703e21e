"""Captions files as people have them: csv (`image,caption`) or json, also with splits and languages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from backend.errors import InvalidRequest

LANGUAGES = ("en", "zh")
ANY = ""


@dataclass(frozen=True)
class Entry:
    """One picture and what is said of it."""

    image: str
    captions: dict[str, tuple[str, ...]]
    """By language; under `ANY` where the file does not name one."""
    split: str | None = None

    def all_captions(self) -> tuple[str, ...]:
        return tuple(text for texts in self.captions.values() for text in texts)


def read_captions(path: Path) -> list[Entry]:
    """One entry a picture, in the order of the file; one that is named several times gets the captions of
    all. Raises `InvalidRequest` naming the line, entry or picture."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path}: not UTF-8 text.") from error
    entries = _from_json(path, text) if path.suffix.lower() == ".json" else _from_csv(path, text)
    if not entries:
        raise InvalidRequest(f"{path}: no captions in it.")
    by_image: dict[PurePath, list[Entry]] = {}
    for entry in entries:
        by_image.setdefault(PurePath(entry.image), []).append(entry)
    return [_merged(path, same) for same in by_image.values()]


def without_blanks(entries: Iterable[Entry]) -> list[Entry]:
    """Blank captions say nothing of a picture: as queries they would count against any encoder. Pictures
    that have no others are left out. Raises `InvalidRequest` where none is left."""
    written = [replace(entry, captions=_written(entry.captions)) for entry in entries]
    captioned = [entry for entry in written if entry.captions]
    if not captioned:
        raise InvalidRequest("All captions are blank.")
    return captioned


def _written(captions: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    kept = {language: tuple(filter(str.strip, texts)) for language, texts in captions.items()}
    return {language: texts for language, texts in kept.items() if texts}


def of_split(entries: Sequence[Entry], split: str | None) -> list[Entry]:
    """Those of one split. Without one, `val` is taken where the file has it, else everything."""
    splits = {entry.split for entry in entries if entry.split is not None}
    if split is None and "val" in splits:
        split = "val"
    if split is not None and split not in splits:
        raise InvalidRequest(f"No split `{split}`; the file has {_listed(splits)}.")
    return [entry for entry in entries if split is None or entry.split == split]


def choose(
    entries: Iterable[Entry], split: str | None, language: str | None
) -> list[tuple[str, tuple[str, ...]]]:
    """Pictures with captions of one split and language. Without a split `val` is taken where the file
    has one, else everything; without a language English where the file names languages."""
    entries = list(entries)
    of_this_split = of_split(entries, split)
    languages = {name for entry in entries for name in entry.captions}
    wanted = language or ("en" if "en" in languages else ANY)
    if wanted not in languages:
        raise InvalidRequest(f"No captions in `{wanted}`; the file has {_listed(languages - {ANY})}.")
    chosen = [(entry.image, entry.captions.get(wanted, ())) for entry in of_this_split]
    return [(image, captions) for image, captions in chosen if captions]


def _listed(names: Iterable[str | None]) -> str:
    return ", ".join(sorted(f"`{name}`" for name in names)) or "none"


def _merged(path: Path, entries: Sequence[Entry]) -> Entry:
    """A picture is on one side of a split, or what is measured on it has been learned by heart."""
    image = entries[0].image
    splits = {entry.split for entry in entries if entry.split is not None}
    if len(splits) > 1:
        raise InvalidRequest(f"{path}: {image} is in several splits: {_listed(splits)}.")
    captions: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        for language, texts in entry.captions.items():
            captions[language] = captions.get(language, ()) + texts
    return Entry(image, captions, next(iter(splits), None))


def _require_whole(path: Path, where: str, text: str) -> None:
    """JSON can write down half of a character (a lone surrogate); no tokenizer or file system takes it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{path}: {where} holds half a character: {text!a}.") from error


def _from_csv(path: Path, text: str) -> list[Entry]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    if not {"image", "caption"} <= set(reader.fieldnames or ()):
        raise InvalidRequest(
            f"{path}: the first line must name the columns `image` and `caption`, with a comma between."
        )
    entries = []
    try:
        for row in reader:
            if not row["image"] or row["caption"] is None:
                raise InvalidRequest(f"{path}: line {reader.line_num} lacks an image or a caption.")
            entries.append(Entry(row["image"], {ANY: (row["caption"],)}))
    except csv.Error as error:
        raise InvalidRequest(f"{path}: line {reader.line_num}: {error}.") from error
    return entries


def _from_json(path: Path, text: str) -> list[Entry]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{path}: not JSON ({error}).") from error
    if not isinstance(document, list):
        raise InvalidRequest(f"{path}: not a list of pictures with captions.")
    return [_entry(path, number, values) for number, values in enumerate(document, start=1)]


def _entry(path: Path, number: int, values: Any) -> Entry:
    image = values.get("image") if isinstance(values, dict) else None
    if not isinstance(image, str) or not image:
        raise InvalidRequest(f"{path}: entry {number} lacks the name of its `image`.")
    _require_whole(path, f"the name of entry {number}", image)
    captions = {}
    for field, language in (("captions", ANY), *((name, name) for name in LANGUAGES)):
        texts = values.get(field, [])
        if not isinstance(texts, list) or not all(isinstance(item, str) for item in texts):
            raise InvalidRequest(f"{path}: entry {number} ({image}): `{field}` is not a list of texts.")
        for item in texts:
            _require_whole(path, f"a caption of {image}", item)
        if texts:
            captions[language] = tuple(texts)
    if not captions:
        raise InvalidRequest(f"{path}: entry {number} ({image}) has no captions.")
    split = values.get("split")
    if split is not None and not isinstance(split, str):
        raise InvalidRequest(f"{path}: entry {number} ({image}): `split` is no text.")
    return Entry(image, captions, split)
