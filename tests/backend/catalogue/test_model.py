"""Any order of uploads, changes, work, crashes and tidying up, against a model that fits in the head:
a set of items, and a set of points that must end up the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.claims import Claim
from backend.catalogue.items import Item, Listing, NewCaption
from backend.errors import NotFound
from tests.support.clock import Clock
from tests.support.databases import make_empty
from tests.support.items import LEASE, SPACE, TENANT, image

WORKERS = ("worker-1", "worker-2")
TAGS = ((), ("a",), ("b",), ("b", "a"))


@dataclass
class Expected:
    kind: str
    image_id: str | None
    tags: list[str]
    may_fail: bool = False


Shown = tuple[tuple[str, ...], tuple[str, ...]]
"""What a point shows of its item: tags, and the captions of an image."""


@dataclass
class Work:
    claims: list[Claim]
    until: float
    upserted: bool = False


class World:
    """Each method is one event. `number` chooses among what is there; what cannot happen does not."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.catalogue = Catalogue(url, self.clock)
        self.alive: dict[str, Expected] = {}
        self.points: dict[str, Shown] = {}
        self.work: dict[str, Work] = {}
        self.uploads = 0

    # -- owners ----------------------------------------------------------------------------
    def upload_image(self, number: int) -> None:
        self.uploads += 1
        name, tags = ("cat", "dog", "cow", "hen")[number % 4], TAGS[number // 4 % 4]
        new = image(name, tags=tags, original=f"originals/{name}-{self.uploads}")
        self._uploaded(self.catalogue.add_images(TENANT, [new])[0], None, tags)

    def upload_caption(self, number: int) -> None:
        images = [id for id, expected in sorted(self.alive.items()) if expected.kind == "image"]
        if images:
            tags = TAGS[number % 4]
            new = NewCaption(("one", "two")[number % 2], images[number // 2 % len(images)], tags)
            self._uploaded(self.catalogue.add_captions(TENANT, [new])[0], new.image_id, tags)

    def _uploaded(self, added, image_id: str | None, tags: tuple[str, ...]) -> None:
        assert added.duplicate == (added.item.id in self.alive)
        expected = self.alive.setdefault(added.item.id, Expected(added.item.kind, image_id, []))
        expected.tags += [tag for tag in tags if tag not in expected.tags]

    def patch(self, number: int) -> None:
        for id in self._one(self.alive, number):
            self.catalogue.patch(TENANT, id, TAGS[number % 4], None)
            self.alive[id].tags = list(TAGS[number % 4])

    def delete(self, number: int) -> None:
        for id in self._one(self.alive, number):
            gone = {id} | {other for other, expected in self.alive.items() if expected.image_id == id}
            assert {item.id for item in self.catalogue.delete(TENANT, id)} == gone
            for each in gone:
                del self.alive[each]
            with pytest.raises(NotFound):
                self.catalogue.delete(TENANT, id)

    def retry(self, number: int) -> None:
        for id in self._one(self.alive, number):
            if self.catalogue.retry(TENANT, id).status == "pending":
                self.alive[id].may_fail = False

    # -- workers ---------------------------------------------------------------------------
    def claim(self, number: int) -> None:
        idle = [worker for worker in WORKERS if worker not in self.work]
        if not idle:
            return
        held = {c.item.id for work in self.work.values() for c in self._current(work)}
        claims = self.catalogue.claims.claim(SPACE, idle[0], 1 + number % 3, LEASE)
        assert held.isdisjoint(c.item.id for c in claims), "nobody works on what another one holds"
        for item in self.items():
            self.alive[item.id].may_fail |= item.error_code == "poison"
        if claims:
            self.work[idle[0]] = Work(claims, self.clock.time.timestamp() + LEASE)

    def _current(self, work: Work) -> list[Claim]:
        """Those claims that no deletion or retry has overtaken."""
        generations = {item.id: item.generation for item in self.items()}
        return [c for c in work.claims if generations.get(c.item.id) == c.item.generation]

    def upsert(self, number: int) -> None:
        for worker in self._one(self.work, number):
            self.work[worker].upserted = True
            self.points |= {c.item.id: self._shown(c.item) for c in self.work[worker].claims}

    def commit(self, number: int) -> None:
        """Of what is written; where nothing is, half of the time, writes first."""
        if number % 2 and not any(work.upserted for work in self.work.values()):
            self.upsert(number)
        for worker in self._one({w: x for w, x in self.work.items() if x.upserted}, number):
            claims = self.work.pop(worker).claims
            for item in self.catalogue.claims.indexed(SPACE, self.clock.time, claims):
                self.points.pop(item.id, None)

    def fail_one(self, number: int) -> None:
        for worker in self._one({w: x for w, x in self.work.items() if not x.upserted}, number):
            first, *rest = self.work.pop(worker).claims
            self.catalogue.claims.failed(worker, first, "corrupt_image", "cut off")
            self.catalogue.claims.postpone(worker, rest[:1])
            self.catalogue.claims.release(worker, rest[1:])
            if first.item.id in self.alive:
                self.alive[first.item.id].may_fail = True

    def crash(self, number: int) -> None:
        for worker in self._one(self.work, number):
            del self.work[worker]

    def restart(self, _: int) -> None:
        self.work.clear()
        self.catalogue.claims.release_dead()

    def wait(self, number: int) -> None:
        self.clock.advance((1, 10, 30, LEASE + 1)[number % 4])
        now = self.clock.time.timestamp()
        # A worker that outlives its lease has a test of its own: it may write after the janitor.
        self.work = {worker: work for worker, work in self.work.items() if work.until > now}

    # -- the janitor -----------------------------------------------------------------------
    def finish_deletions(self, _: int) -> None:
        tombstones = self.catalogue.upkeep.tombstones(10)
        for item in tombstones:
            self.points.pop(item.id, None)
        self.catalogue.upkeep.forget(tombstones)

    def project(self, _: int) -> None:
        stale = self.catalogue.upkeep.stale(10)
        for each in stale:
            self.points[each.item.id] = self._shown(each.item)
        self.catalogue.upkeep.projected(stale)

    def lose_a_point(self, number: int) -> None:
        # What is lost between upsert and commit is for the janitor's comparison to find.
        written = {c.item.id for work in self.work.values() if work.upserted for c in work.claims}
        for id in self._one(self.points, number):
            if id not in written:
                del self.points[id]
                self.catalogue.upkeep.lost(SPACE, [id])

    # -- what must hold --------------------------------------------------------------------
    def check(self) -> None:
        items = {item.id: list(item.tags) for item in self.items()}
        assert items == {id: expected.tags for id, expected in self.alive.items()}
        tagged, _ = self.catalogue.list(TENANT, Listing(tag="a"), 100, None)
        assert {item.id for item in tagged} == {
            id for id, expected in self.alive.items() if "a" in expected.tags
        }
        images = [id for id in self.points if id in self.alive and self.alive[id].kind == "image"]
        assert self.catalogue.upkeep.expected(SPACE, "image").least <= len(images)

    def check_at_the_end(self) -> None:
        """The world stands still, everything that is due gets done, and nothing is lost or left over."""
        self.work.clear()
        busy = True
        while busy:
            self.clock.advance(LEASE + 1)
            self.claim(2)
            busy = bool(self.work) or bool(self.catalogue.upkeep.tombstones(1))
            self.upsert(0)
            self.commit(0)
            self.finish_deletions(0)
        self.project(0)
        for id in self.catalogue.upkeep.without_item(list(self.points)):
            del self.points[id]
        for item in self.items():
            assert item.status == "indexed" or (self.alive[item.id].may_fail and item.status == "failed")
        assert self.points == {
            item.id: self._shown(item) for item in self.items() if item.status == "indexed"
        }

    def _shown(self, item: Item) -> Shown:
        return item.tags, tuple(self.catalogue.captions.texts([item.id]).get(item.id, ()))

    def items(self) -> list[Item]:
        return self.catalogue.list(TENANT, Listing(), 100, None)[0]

    def _one(self, choices: dict[str, object] | dict[str, Work], number: int) -> list[str]:
        return [sorted(choices)[number % len(choices)]] if choices else []


# Most work must get through, or the interesting ends of it are never reached.
OFTEN = ("upload_image", "patch", "delete", "claim", "claim", "upsert", "commit", "commit")
OTHERS = ("upload_caption", "upload_caption", "finish_deletions", "project", "lose_a_point")
SELDOM = ("retry", "fail_one", "crash", "restart", "wait")
EVENTS = st.tuples(st.sampled_from(4 * OFTEN + 2 * OTHERS + SELDOM), st.integers(0, 15))
HISTORIES = st.lists(EVENTS, min_size=40, max_size=60)


def live(url: str, history: list[tuple[str, int]]) -> None:
    world = World(url)
    try:
        for event, number in [("upload_image", 0), ("upload_image", 1), *history]:
            getattr(world, event)(number)
            world.check()
        world.check_at_the_end()
    finally:
        world.catalogue.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("catalogue")


UNHURRIED = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("examples", [15, pytest.param(50, marks=pytest.mark.slow)])
def test_sqlite_follows_the_model(folder: Path, examples: int) -> None:
    settings(max_examples=examples, **UNHURRIED)(given(history=HISTORIES)(follow))(folder)


def follow(folder: Path, history: list[tuple[str, int]]) -> None:
    for file in folder.iterdir():
        file.unlink()
    live(f"sqlite:///{folder / 'catalogue.db'}", history)


@pytest.mark.slow
@settings(max_examples=10, **UNHURRIED)
@given(history=HISTORIES)
def test_postgresql_follows_the_model(postgres_url: str, history: list[tuple[str, int]]) -> None:
    make_empty(postgres_url)
    live(postgres_url, history)
