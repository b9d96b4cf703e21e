from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backend.cli.index import find_pictures, match_captions
from backend.client import Client
from tests.backend.cli.conftest import Cli
from tests.support.pictures import jpeg
from tests.support.server import REPOSITORY, Server


def uploads(server: Server) -> int:
    """How many requests with pictures or captions the server has answered."""
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    return sum(
        line.get("method") == "POST" and line["path"] in ("/v1/images", "/v1/captions") for line in lines
    )


def names(client: Client) -> set[str | None]:
    return {item.filename for item in client.list_items(kind="image")}


def test_a_folder_with_captions_is_there_and_a_second_run_uploads_nothing(
    cli: Cli, server: Server, pictures: Path
) -> None:
    captions = pictures.parent / "captions.csv"
    captions.write_text("image,caption\nred.jpg,something red\ndeeper/blue.jpg,all blue\nblue.jpg,unused\n")
    command = ("index", pictures, "--captions", captions, "--tag", "x", "--tag", "y", "--url", server.url)
    first = cli(*command)
    assert first.code == 0, first.err
    assert first.out.startswith("3 pictures and 2 captions uploaded, 0 pictures were there already, 0 failed")
    with server.client() as client:
        stats = client.stats()
        assert (stats["images"], stats["captions"], stats["pending"]) == (3, 2, 0)
        assert all(set(item.tags) == {"x", "y"} for item in client.list_items())
        assert client.search("red").captions[0].text == "something red"
    before = uploads(server)
    second = cli(*command)
    assert second.code == 0
    assert second.out.startswith("0 pictures and 0 captions uploaded, 3 pictures were there already")
    assert uploads(server) == before


def test_a_later_run_sends_what_is_new_and_adds_tags(cli: Cli, server: Server, pictures: Path) -> None:
    captions = pictures.parent / "captions.csv"
    captions.write_text("image,caption\nred.jpg,something red\n")
    cli("index", pictures / "red.jpg", "--captions", captions, "--url", server.url)
    command = ("index", pictures, "--captions", captions, "--url", server.url, "--tag")
    result = cli(*command, "late")
    assert result.out.startswith("2 pictures and 0 captions uploaded, 1 pictures were there already")
    with server.client() as client:
        assert [item.tags for item in client.list_items()] == [("late",)] * 4
        [full] = (item.id for item in client.list_items() if item.filename == "green.jpg")
        client.patch(full, tags=[f"tag {n}" for n in range(50)])
        result = cli(*command, "later")
        assert result.code == 1
        assert result.out.endswith("3 pictures were there already, 1 failed.\n")
        assert f"{pictures / 'green.jpg'}: " in result.err
        assert len(list(client.list_items(tag="later"))) == 3


def test_what_cannot_be_accepted_is_named_and_the_rest_goes_on(
    cli: Cli, server: Server, pictures: Path
) -> None:
    (pictures / "text.jpg").write_text("this is no picture")
    (pictures / "empty.png").write_bytes(b"")
    (pictures / "half.jpg").write_bytes(jpeg((9, 9, 9), (800, 600))[:3000])
    (pictures / "🙂 name.jpg").write_bytes(jpeg((1, 2, 3)))
    (pictures / "dangling.jpg").symlink_to("/nowhere")
    result = cli("index", pictures, "--url", server.url)
    assert result.code == 1
    assert "4 failed" in result.out
    lines = result.err.splitlines()
    for name in ("text.jpg", "empty.png", "half.jpg", "dangling.jpg"):
        assert any(f"{name}: " in line for line in lines), result.err
    with server.client() as client:
        assert names(client) >= {"red.jpg", "green.jpg", "blue.jpg", "🙂 name.jpg"}
        assert client.stats()["images"] == 4


def test_a_bad_caption_is_named_with_its_picture_at_every_run(
    cli: Cli, server: Server, pictures: Path
) -> None:
    captions = pictures.parent / "captions.json"
    captions.write_text(json.dumps([{"image": "red.jpg", "captions": ["good", "   ", "x" * 20_000]}]))
    command = ("index", pictures, "--captions", captions, "--url", server.url)
    result = cli(*command)
    assert result.code == 1
    assert "3 pictures and 1 captions uploaded" in result.out
    assert result.err.count("a caption of ") == 2
    (pictures / "yellow.jpg").write_bytes(jpeg((255, 255, 0)))
    again = cli(*command)  # Now nothing but bad captions is left to send.
    assert again.code == 1
    assert again.out.startswith("1 pictures and 0 captions uploaded, 3 pictures were there already, 2 failed")
    assert again.err.count("a caption of ") == 2


def test_a_bare_name_is_a_picture_s_only_where_no_other_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("a/cat.jpg", "b/cat.jpg", "a/dog.jpg", "b/dog.jpg", "red.jpg", "c/red.jpg", "c/blue.jpg")
    lines = ("cat.jpg,which?", "./a/dog.jpg,dog", "dog.jpg,not here", "red.jpg,red", "blue.jpg,blue")
    captions = tmp_path / "captions.csv"
    captions.write_text("\n".join(("image,caption", *lines)))
    assert match_captions(captions, [(Path("x", name), name) for name in names]) == {
        Path("x/a/dog.jpg"): ("dog",),
        Path("x/red.jpg"): ("red",),
        Path("x/c/blue.jpg"): ("blue",),
    }
    said = capsys.readouterr().err
    assert "1 of its names fit several pictures each (`cat.jpg` may be x/a/cat.jpg or x/b/cat.jpg)" in said
    assert "1 of its pictures are not among those to upload" in said


def test_one_path_below_two_folders_is_two_pictures(tmp_path: Path) -> None:
    captions = tmp_path / "captions.csv"
    captions.write_text("image,caption\ncat.jpg,which?\n")
    assert match_captions(captions, [(Path("a/cat.jpg"), "cat.jpg"), (Path("b/cat.jpg"), "cat.jpg")]) == {}


def test_a_folder_named_twice_is_searched_once(pictures: Path) -> None:
    again = pictures / ".." / pictures.name
    assert [*find_pictures([pictures, again, again / "red.jpg"])] == [*find_pictures([pictures])]


def test_captions_of_other_pictures_are_refused(cli: Cli, server: Server, pictures: Path) -> None:
    captions = pictures.parent / "captions.csv"
    captions.write_text("image,caption\nelsewhere.jpg,something\n")
    before = uploads(server)
    result = cli("index", pictures, "--captions", captions, "--url", server.url)
    assert result.code == 1
    assert "not one of its 1 pictures" in result.err
    assert uploads(server) == before


def test_a_folder_without_pictures_is_said(cli: Cli, tmp_path: Path) -> None:
    result = cli("index", tmp_path)
    assert result.code == 1
    assert "No pictures" in result.err


@pytest.mark.parametrize("tag", ["", "x" * 101, "a\tb"])
def test_what_is_no_tag_is_said_once(cli: Cli, server: Server, pictures: Path, tag: str) -> None:
    result = cli("index", pictures, "--tag", "fine", "--tag", tag, "--url", server.url)
    assert result.code == 1
    assert result.err.startswith("Error: tag: ")
    assert len(result.err.splitlines()) == 1


def test_a_tenant_s_second_run_uploads_nothing_either(cli: Cli, tmp_path: Path, pictures: Path) -> None:
    with Server(tmp_path / "data", api_keys="house:secret") as server:
        command = ("index", pictures, "--url", server.url)
        assert "--key" in cli(*command).err
        assert cli(*command, "--key", "secret").code == 0
        before = uploads(server)
        assert "3 pictures were there already" in cli(*command, "--key", "secret").out
        assert uploads(server) == before


@pytest.mark.slow
def test_it_waits_for_a_server_that_restarts(cli: Cli, tmp_path: Path, pictures: Path) -> None:
    """Started while the server is there, it survives the server's absence."""
    for number in range(200):
        (pictures / f"{number}.jpg").write_bytes(jpeg((number, 0, 0), seed=number))
    with Server(tmp_path / "data") as server:
        port = server.url.rpartition(":")[2]
        process = start("index", str(pictures), "--url", server.url)
        while not server.data.joinpath("originals").exists() or uploads(server) < 1:
            time.sleep(0.01)
        server.kill()
        server.start(port=int(port))
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        with server.client() as client:
            assert client.stats()["images"] == 203, out


def test_ctrl_c_ends_it_at_once_and_a_second_run_finishes(cli: Cli, tmp_path: Path, pictures: Path) -> None:
    for number in range(300):
        (pictures / f"{number}.jpg").write_bytes(jpeg((number % 256, 0, 0), seed=number))
    with Server(tmp_path / "data") as server:
        process = start("index", str(pictures), "--url", server.url)
        while uploads(server) < 1:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode in (0, 130), err
        assert "Traceback" not in err
        assert cli("index", pictures, "--url", server.url).code == 0
        with server.client() as client:
            assert client.stats()["images"] == 303


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "backend.cli", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
