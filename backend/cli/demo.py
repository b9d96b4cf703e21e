"""`make demo`: a server with real photos in it, and what three kinds of search find in them.

The photos come inside the scikit-image package, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

from backend.client import Client, Hit

DATA = Path("demo-data")
LOG = DATA / "server.log"
PORT = 8000
START_SECONDS = 120

PHOTOS: dict[str, tuple[str, ...]] = {
    "astronaut.png": ("A smiling woman in an orange space suit in front of a flag.",),
    "camera.png": ("A man in a dark coat looks through a camera on a tripod.",),
    "chelsea.png": ("A tabby cat looks past the camera.",),
    "coffee.png": ("A cup of coffee with a spoon on a wooden table.",),
    "coins.png": ("Rows of old silver coins on a dark cloth.",),
    "rocket.jpg": ("A rocket stands on its launch pad at dusk.",),
    "motorcycle_left.png": ("A red motorcycle stands in a garage.",),
    "motorcycle_right.png": (),
    "horse.png": ("The black silhouette of a horse.",),
    "moon.png": ("Craters on the surface of the moon.",),
    "hubble_deep_field.jpg": ("Thousands of distant galaxies in the night sky.",),
    "retina.jpg": ("Blood vessels on the retina of a human eye.",),
    "page.png": ("A page of printed text.",),
    "brick.png": ("A wall of bricks.",),
    "grass.png": (),
    "gravel.png": (),
}
WORDS = "a cat looking at something"
ASKED_ABOUT = "rocket.jpg"
LIKE = "motorcycle_left.png"
IMAGES: dict[str, Any] = {"return": ["images"]}
CAPTIONS: dict[str, Any] = {"return": ["captions"]}


def main() -> int:
    once = "--once" in sys.argv[1:]
    # Or the server would outlive whoever is asked to end, and hold port and folder.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    port = _free_port()
    DATA.mkdir(exist_ok=True)
    server = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "backend.cli", "serve", "--data", str(DATA), "--port", str(port)],
        env=_own_settings(),
        stderr=LOG.open("w"),
    )
    try:
        with Client(f"http://127.0.0.1:{port}", patience=30) as client:
            _wait_until_ready(client, server)
            ids = _index(client)
            _show(client, ids)
        print(
            f"\nThe page is at http://127.0.0.1:{port}/ and the API's documentation at http://127.0.0.1:{port}/docs"
        )
        if not once:
            print("Serving until Ctrl-C.", flush=True)
            return server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()
    return 0


def _own_settings() -> dict[str, str]:
    """The environment without settings that are meant for another server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TWINSPACE_")}
    return {**kept, **{name: os.environ[name] for name in ("TWINSPACE_ENCODER",) if name in os.environ}}


def _free_port() -> int:
    """The usual one, or any other when that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(client: Client, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not client.ready():
        if server.poll() is not None:
            raise SystemExit(f"The server did not start:\n{LOG.read_text()}")
        if time.monotonic() > deadline:
            raise SystemExit(f"The server was not ready within {START_SECONDS} seconds.")
        time.sleep(0.2)


def _index(client: Client) -> dict[str, str]:
    """Uploads all photos with their captions and waits; a second time nothing changes. Ids by name."""
    folder = files("skimage.data")
    ids, everything = {}, []
    for name, captions in PHOTOS.items():
        answer = client.upload([(name, (folder / name).read_bytes())], captions=captions, tags=["demo"])
        ids[name] = answer.items[0].id
        everything += [item.id for item in answer.items]
    failed = [item for item in client.wait(everything, seconds=START_SECONDS) if item.status == "failed"]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(everything)} items failed: {failed[0].error}")
    print(f"{len(PHOTOS)} photos and {len(everything) - len(PHOTOS)} captions are indexed.")
    return ids


def _show(client: Client, ids: dict[str, str]) -> None:
    words = client.search(WORDS, limit=3, **IMAGES)
    _print(f"Words to pictures: “{WORDS}”", words.images)
    captions = client.search([{"item": ids[ASKED_ABOUT]}], limit=3, **CAPTIONS)
    _print(f"Picture to captions: {ASKED_ABOUT}", captions.captions)
    alike = client.search([{"item": ids[LIKE]}], limit=3, **IMAGES)
    _print(f"Picture to pictures: {LIKE}", alike.images)


def _print(title: str, hits: list[Hit]) -> None:
    print(f"\n{title}\n  rank  score  found")
    for rank, hit in enumerate(hits, start=1):
        print(f"  {rank:4}  {hit.score:5.3f}  {hit.text or hit.filename}")


if __name__ == "__main__":
    sys.exit(main())
