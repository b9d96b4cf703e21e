"""A real browser before a real server with real photos. Whatever a test does, the page may not stumble:
errors in the console and violations of the content security policy fail it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

from backend.cli.demo import PHOTOS
from tests.support.pictures import jpeg
from tests.support.server import REPOSITORY, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
AXE = "axe-core@4.14.1"
CACHE = REPOSITORY / ".cache"
TAGS = {
    "animals": ("chelsea.png", "horse.png"),
    "space": ("astronaut.png", "rocket.jpg", "moon.png", "hubble_deep_field.jpg"),
    "surfaces": ("brick.png", "grass.png", "gravel.png"),
}
DESKTOP = {"width": 1280, "height": 800}
PATIENCE_MS = 15_000
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
KEY = "a key for the tests"

Open = Callable[..., "Page"]
Expect = Callable[..., None]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Browsers drop their connections when a network interface comes or goes, as it does whenever a container
    starts beside the tests. What fails in that moment says nothing about the page and is run once more."""
    if Path(__file__).parent not in item.path.parents:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if any(NETWORK_CHANGED in str(report.longrepr) for report in reports if report.failed):
        item._initrequest()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def photo(name: str) -> Path:
    pytest.importorskip("skimage", reason="The photos come with scikit-image: pip install scikit-image.")
    return Path(str(files("skimage.data") / name))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is missing: pip install playwright.")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("There is no browser: apt install chromium.")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker's source, fetched from npm once."""
    script = CACHE / "package" / "axe.min.js"
    if not script.exists():
        if shutil.which("npm") is None:
            pytest.skip("axe-core comes from npm, which is missing: apt install npm.")
        CACHE.mkdir(exist_ok=True)
        done = subprocess.run(
            ["npm", "pack", AXE, "--silent", "--pack-destination", CACHE],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"axe-core cannot be fetched from npm: {done.stderr.strip()[-300:]}")
        with tarfile.open(CACHE / done.stdout.split()[-1]) as package:
            package.extract("package/axe.min.js", CACHE, filter="data")
    return script.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Sixteen photos with captions and tags, encoded by the encoder that everyone meets first. Tests that
    change something take another server."""
    with Server(tmp_path_factory.mktemp("gallery") / "data", encoder="twinspace-mini") as server:
        with server.client() as client:
            added = []
            for name, captions in PHOTOS.items():
                tags = ["demo", *(tag for tag, names in TAGS.items() if name in names)]
                added += client.upload([(name, photo(name).read_bytes())], captions=captions, tags=tags).items
            client.wait([item.id for item in added])
        yield server


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the quick encoder, to be changed by whoever likes to: nobody knows what else is in it."""
    with Server(tmp_path_factory.mktemp("studio") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that wants a key, and takes small pictures only."""
    folder = tmp_path_factory.mktemp("guarded")
    with Server(folder / "data", api_keys=KEY, max_image_bytes=100_000) as server:
        with server.client(key=KEY) as client:
            added = client.upload([("red.jpg", jpeg((250, 5, 5)))], captions=["something red"]).items
            client.wait([item.id for item in added])
        yield server


class Watch:
    """Hears of what the page should not have done."""

    def __init__(self, context: BrowserContext) -> None:
        self.wrong: list[str] = []
        self.expected: list[str] = []
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.wrong.append(str(error.error)))
        context.on("dialog", self._on_dialog)

    def expect(self, pattern: str) -> None:
        """Lets one kind of message pass: browsers log every answer that is no success."""
        self.expected.append(pattern)

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text}")

    def _on_dialog(self, dialog: Any) -> None:
        self.wrong.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    @property
    def unexpected(self) -> list[str]:
        """What nobody let pass. That a network interface changed is never let pass: the test is run again."""
        patterns = [f"^(?!.*{NETWORK_CHANGED}).*({one})" for one in self.expected]
        return [one for one in self.wrong if not any(re.search(pattern, one) for pattern in patterns)]


@pytest.fixture
def watch() -> list[Watch]:
    return []


@pytest.fixture
def open_page(browser: Browser, watch: list[Watch]) -> Iterator[Open]:
    """Opens an address of a server in a browser of its own: `open_page(server, "?q=cat", theme="dark")`."""
    contexts = []

    def open_one(
        server: Server, address: str = "", theme: str = "light", wait: bool = True, **options: Any
    ) -> Page:
        options = {"viewport": DESKTOP, "color_scheme": theme, "locale": "en-GB", **options}
        context = browser.new_context(**options)
        contexts.append(context)
        watch.append(Watch(context))
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{server.url}/{address}")
        if wait:
            page.locator("main > :not(noscript)").wait_for()
            page.locator(".results[aria-busy=true]").wait_for(state="detached")
        return page

    yield open_one
    for context in contexts:
        context.close()
    wrong = [one for each in watch for one in each.unexpected]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def expect_failures(watch: list[Watch]) -> Expect:
    """Requests that fail on purpose are logged by the browser; this lets them pass."""

    def expect(pattern: str = "Failed to load resource|cannot be shown") -> None:
        for each in watch:
            each.expect(pattern)

    return expect
