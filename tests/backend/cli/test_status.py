from __future__ import annotations

import pytest

from backend.client import Client
from tests.backend.cli.conftest import Cli
from tests.support.server import Server


def test_status_counts_what_is_there(cli: Cli, filled: Server) -> None:
    out = cli("status", "--url", filled.url).out
    assert "ready" in out
    assert "images    3" in out
    assert "captions  1" in out
    assert "colour-" in out


def test_status_as_json(cli: Cli, filled: Server) -> None:
    status = cli("status", "--json", "--url", filled.url).json
    assert (status["images"], status["captions"], status["ready"]) == (3, 1, True)


def test_an_address_may_end_in_a_slash(cli: Cli, filled: Server) -> None:
    assert cli("status", "--url", f"{filled.url}/").code == 0


def test_status_says_how_far_the_encoding_is(
    cli: Cli, filled: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "encoded" not in cli("status", "--url", filled.url).out
    stats = Client.stats
    waiting = {"indexing": {"indexed": 1, "total": 4}}
    monkeypatch.setattr(Client, "stats", lambda client: stats(client) | waiting)
    assert "encoded   1 of 4 into this space" in cli("status", "--url", filled.url).out
