"""Every option that steers a search changes the answer as its help says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from backend.catalogue.catalogue import Catalogue
from tests.backend.cli.conftest import COLOURS, Cli
from tests.support.calibrations import colour_calibration
from tests.support.encoders import ColourEncoder
from tests.support.pictures import jpeg
from tests.support.server import Server

PICTURES: dict[str, dict[str, Any]] = {
    "red": {"tags": ["warm"], "metadata": {"price": 1, "place": "home"}},
    "green": {"tags": ["warm", "leafy"], "metadata": {"price": 2.5}},
    "blue": {"tags": ["leafy"], "metadata": {"price": 3}},
}
CAPTIONS = {"red": ["a red balloon", "at the fair"], "green": ["so green"], "blue": []}
"""In the order of their upload, as the pictures are."""


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A calibrated server with a red, a green and a blue picture, captions of the first two, and tags."""
    data = tmp_path_factory.mktemp("steering") / "data"
    data.mkdir()
    with closing(Catalogue(f"sqlite:///{data / 'catalogue.db'}")) as catalogue:
        catalogue.calibrations.put(colour_calibration(ColourEncoder()))
    with Server(data, range_fields="price:number") as server, server.client() as client:
        for name, marks in PICTURES.items():
            picture = (f"{name}.jpg", jpeg(COLOURS[name]))
            uploaded = client.upload([picture], captions=CAPTIONS[name], **marks)
            client.wait([item.id for item in uploaded.items], seconds=30)
        server.wait_for(lambda: len(client.search("x", filter={"has_caption": True}).images) == 2)
        yield server


Found = tuple[list[str], list[str]]
Search = Callable[..., Found]


@pytest.fixture
def search(cli: Cli, colours: Server) -> Search:
    """What was found: pictures by their colours, captions by their texts."""

    def call(*arguments: str | Path) -> Found:
        result = cli("search", *arguments, "--json", "--url", colours.url)
        assert result.code == 0, result.err
        images = [hit["filename"].removesuffix(".jpg") for hit in result.json["images"]]
        return images, [hit["text"] for hit in result.json["captions"]]

    return call


@pytest.mark.parametrize(
    ("options", "images"),
    [
        (["--tag", "warm"], {"red", "green"}),
        (["--tag", "warm", "--tag", "leafy"], {"green"}),
        (["--without-tag", "leafy"], {"red"}),
        (["--without-tag", "warm"], {"blue"}),
        (["--where", "price=1"], {"red"}),
        (["--where", "price>=2.5"], {"green", "blue"}),
        (["--where", "price>1", "--where", "price<3"], {"green"}),
        (["--where", "place"], {"red"}),
        (["--where", "place=away"], set()),
        (["--captioned"], {"red", "green"}),
        (["--uncaptioned"], {"blue"}),
    ],
)
def test_filters_leave_what_they_name(search: Search, options: list[str], images: set[str]) -> None:
    assert set(search("red", *options)[0]) == images


def test_times_cut_before_and_after(search: Search, colours: Server) -> None:
    with colours.client() as client:
        [time] = (item.created_at for item in client.list_items(kind="image") if item.filename == "green.jpg")
    assert time is not None
    assert set(search("red", "--after", time)[0]) == {"green", "blue"}
    assert search("red", "--before", time)[0] == ["red"]


def test_more_words_count_as_parts(search: Search) -> None:
    assert search("green")[0][0] == "green"
    assert search("green", "--plus", "blue", "--plus", "blue sky")[0][0] == "blue"


def test_minus_pushes_away(search: Search) -> None:
    for unwanted in ("green", "blue"):
        assert search("red", "--minus", unwanted)[0][-1] == unwanted


def test_like_adds_pictures(search: Search, tmp_path: Path) -> None:
    for name in ("green", "blue"):
        (tmp_path / f"{name}.jpg").write_bytes(jpeg(COLOURS[name], seed=5))
        assert search("red", "--like", tmp_path / f"{name}.jpg")[0][-1] not in ("red", name)


def test_an_item_finds_its_like_but_not_itself(search: Search, colours: Server) -> None:
    with colours.client() as client:
        [red] = (item.id for item in client.list_items(kind="image") if item.filename == "red.jpg")
    images, captions = search("--item", red)
    assert set(images) == {"green", "blue"}
    assert captions[0] == "a red balloon"


def test_lexical_and_hybrid_hear_the_words_themselves(search: Search) -> None:
    """No colour in it means nothing here; as a word it stands in a caption of the red picture."""
    assert search("fair")[0][0] == "green"
    assert search("fair", "--lexical") == (["red"], ["at the fair"])
    images, captions = search("fair", "--hybrid")
    assert images[0] == "red"
    assert (len(images), len(captions)) == (3, 3)


def test_less_relevant_than_asked_is_cut(search: Search) -> None:
    assert set(search("red")[0]) == set(PICTURES)
    assert search("red", "--min-relevance", "0.5") == (["red"], ["a red balloon"])


def test_diversity_puts_the_unlike_before_the_next_best(search: Search) -> None:
    assert search("red")[1] == ["a red balloon", "at the fair", "so green"]
    assert search("red", "--diversify", "1")[1] == ["a red balloon", "so green", "at the fair"]


def test_newest_comes_first(search: Search) -> None:
    assert search("red")[0][0] == "red"
    images, captions = search("red", "--newest")
    assert images == ["blue", "green", "red"]
    assert captions[0] == "so green"


def test_a_group_keeps_a_picture_s_captions_together(search: Search) -> None:
    query = ("a red balloon", "--plus", "so green")
    assert search(*query)[1][2] == "at the fair"
    assert search(*query, "--group")[1][1] == "at the fair"


def test_merged_is_one_table(cli: Cli, colours: Server) -> None:
    result = cli("search", "red", "--merge", "--url", colours.url)
    table = [[cell.strip() for cell in line.split("│")] for line in result.out.splitlines() if "│" in line]
    assert [row[1] for row in table] == [str(rank) for rank in range(1, 7)]
    assert {row[4] for row in table} == {"image", "caption"}
