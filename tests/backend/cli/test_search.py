from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.backend.cli.conftest import Cli
from tests.support.pictures import jpeg
from tests.support.server import Server


def rows(table: str) -> list[list[str]]:
    cells = [
        [cell.strip() for cell in line.strip("│ ").split("│")] for line in table.splitlines() if "│" in line
    ]
    return [row for row in cells if row[0].isdigit()]


def test_words_find_pictures_and_captions_in_a_table(cli: Cli, filled: Server) -> None:
    result = cli("search", "red", "--url", filled.url)
    assert result.code == 0
    first = rows(result.out)[0]
    assert first[0] == "1"
    assert float(first[1]) > 0.9
    assert first[2:4] == ["image", "red.jpg"]
    captions = [row for row in rows(result.out) if row[2] == "caption"]
    assert captions[0][3] == "a [red] thing"  # Square brackets mean nothing to us.


def test_what_is_piped_is_whole_and_fits_any_encoding(filled: Server) -> None:
    with filled.client() as client:
        text = "红 " + "red " * 100 + "end"
        [caption] = client.add_captions([{"text": text}]).items
        client.wait([caption.id], seconds=30)
        done = subprocess.run(
            [sys.executable, "-m", "backend.cli", "search", text, "--url", filled.url],
            env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80"},
            capture_output=True,
            text=True,
            check=True,
        )
        client.delete(caption.id)
    assert f"\\u7ea2 {'red ' * 100}end" in done.stdout
    assert caption.id in done.stdout


def test_a_picture_finds_its_like(cli: Cli, filled: Server, tmp_path: Path) -> None:
    picture = tmp_path / "query.jpg"
    picture.write_bytes(jpeg((0, 250, 0), seed=5))
    result = cli("search", "--image", picture, "--limit", "1", "--url", filled.url)
    assert rows(result.out)[0][3] == "green.jpg"
    assert len(rows(result.out)) == 2


def test_json_is_what_the_server_answered(cli: Cli, filled: Server) -> None:
    answer = cli("search", "blue", "--json", "--limit", "2", "--url", filled.url).json
    assert len(answer["images"]) == 2
    assert {"score", "id", "links"} <= set(answer["images"][0])
    assert answer["space"].startswith("colour-")


def test_a_query_picture_that_is_none_takes_one_line(cli: Cli, filled: Server, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    result = cli("search", "--image", tmp_path / "text.jpg", "--url", filled.url)
    assert result.code == 1
    assert result.err.count("\n") == 1


def test_an_empty_server_says_that_nothing_is_there(cli: Cli, server: Server) -> None:
    result = cli("search", "red", "--url", server.url)
    assert result.code == 0
    assert "Nothing found" in result.out
