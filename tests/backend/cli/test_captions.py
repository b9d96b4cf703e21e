from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backend.cli.captions import ANY, Entry, choose, read_captions, without_blanks
from backend.errors import InvalidRequest


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    data = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else None
    path.write_bytes(json.dumps(content).encode() if data is None else data)
    return path


def test_csv_has_a_line_for_each_caption(tmp_path: Path) -> None:
    file = written(tmp_path, "c.csv", 'image,caption\na.jpg,one\n"b, b.jpg","two ""quoted"""\na.jpg,三\n')
    assert read_captions(file) == [
        Entry("a.jpg", {ANY: ("one", "三")}),
        Entry("b, b.jpg", {ANY: ('two "quoted"',)}),
    ]


def test_a_spreadsheet_s_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    file = written(tmp_path, "c.csv", b"\xef\xbb\xbfimage,caption\r\na.jpg,one\r\n")
    assert read_captions(file)[0].image == "a.jpg"


def test_a_caption_may_span_lines(tmp_path: Path) -> None:
    file = written(tmp_path, "c.csv", 'image,caption\na.jpg,"one\ntwo"\n')
    assert read_captions(file)[0].all_captions() == ("one\ntwo",)


def test_json_may_have_splits_and_languages(tmp_path: Path) -> None:
    file = written(tmp_path, "c.json", [{"image": "a.jpg", "split": "val", "en": ["one"], "zh": ["一"]}])
    assert read_captions(file) == [Entry("a.jpg", {"en": ("one",), "zh": ("一",)}, "val")]


def test_a_picture_that_json_names_twice_is_one_with_the_captions_of_both(tmp_path: Path) -> None:
    entries = [
        {"image": "a.jpg", "en": ["one"], "split": "val"},
        {"image": "b.jpg", "en": ["other"]},
        {"image": "./a.jpg", "en": ["two"], "zh": ["二"]},
    ]
    assert read_captions(written(tmp_path, "c.json", entries)) == [
        Entry("a.jpg", {"en": ("one", "two"), "zh": ("二",)}, "val"),
        Entry("b.jpg", {"en": ("other",)}),
    ]


def test_a_picture_in_two_splits_is_refused(tmp_path: Path) -> None:
    entries = [{"image": "a.jpg", "captions": ["a"], "split": split} for split in ("train", "val")]
    with pytest.raises(InvalidRequest, match=r"a\.jpg is in several splits: `train`, `val`"):
        read_captions(written(tmp_path, "c.json", entries))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("c.csv", "picture,text\na,b\n", "columns `image` and `caption`"),
        ("c.csv", "image,caption\na.jpg\n", "line 2"),
        ("c.csv", 'image,caption\na.jpg,"open\n', "line"),
        ("c.csv", "", "columns"),
        ("c.csv", "image,caption\n", "no captions"),
        ("c.csv", b"image,caption\na,\xff\xfe\n", "UTF-8"),
        ("c.json", "{", "not JSON"),
        ("c.json", "[" * 100_000, "not JSON"),
        ("c.json", {}, "not a list"),
        ("c.json", [], "no captions"),
        ("c.json", [{"captions": ["a"]}], "entry 1 lacks"),
        ("c.json", [{"image": "a.jpg", "captions": "one"}], "`captions` is not a list"),
        ("c.json", [{"image": "a.jpg"}], "no captions"),
        ("c.json", [{"image": "a.jpg", "captions": ["a"], "split": 1}], "`split`"),
        (
            "c.json",
            [{"image": "a.jpg", "zh": ["a \ud800 dog"]}],
            r"a\.jpg holds half a character: 'a \\ud800",
        ),
        ("c.json", [{"image": "\udfff.jpg", "en": ["a"]}], "the name of entry 1 holds half a character"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        read_captions(written(tmp_path, name, content))


ENTRIES = [
    Entry("a.jpg", {"en": ("a",), "zh": ("甲",)}, "train"),
    Entry("b.jpg", {"en": ("b",), "zh": ("乙",)}, "val"),
    Entry("c.jpg", {"zh": ("丙",)}, "val"),
]


def test_blank_captions_can_be_left_out_and_with_them_pictures_that_have_no_others() -> None:
    entries = [Entry("a", {"en": ("", "x", "\n"), "zh": ("\u3000",)}, "val"), Entry("b", {"en": (" ",)})]
    assert without_blanks(entries) == [Entry("a", {"en": ("x",)}, "val")]
    with pytest.raises(InvalidRequest, match="All captions are blank"):
        without_blanks(entries[1:])


def test_val_and_english_are_chosen_where_the_file_has_them() -> None:
    assert choose(ENTRIES, None, None) == [("b.jpg", ("b",))]


def test_split_and_language_can_be_named() -> None:
    assert choose(ENTRIES, "train", "zh") == [("a.jpg", ("甲",))]


def test_a_plain_file_is_taken_whole() -> None:
    assert choose([Entry("a", {ANY: ("x",)}), Entry("b", {ANY: ("y",)})], None, None) == [
        ("a", ("x",)),
        ("b", ("y",)),
    ]


@pytest.mark.parametrize(
    ("split", "language", "said"), [("test", None, "`train`, `val`"), (None, "fr", "`en`")]
)
def test_what_the_file_lacks_is_said(split: str | None, language: str | None, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        choose(ENTRIES, split, language)
