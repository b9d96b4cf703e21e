"""Any order of uploads, changes, work, crashes and tidying up, against a model that fits in the head:
a set of items, and a set of points that must end up the same."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.claims import Claim
from backend.catalogue.items import Listing, NewCaption
from backend.errors import NotFound
from tests.backend.catalogue.conftest import Clock
from tests.support.items import LEASE, SPACE, TENANT, image

NAMES = st.sampled_from(["cat", "dog", "cow"])
TAGS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=2).map(tuple)
WORKERS = st.sampled_from(["worker-1", "worker-2"])


@dataclass
class Expected:
    kind: str
    image_id: str | None
    tags: list[str]
    may_fail: bool = False


@dataclass
class Work:
    claims: list[Claim]
    until: float
    upserted: bool = False
    started: float = field(default=0.0)


class CatalogueMachine(RuleBasedStateMachine):
    ids = Bundle("ids")

    def __init__(self, url: str) -> None:
        super().__init__()
        self.clock = Clock()
        self.catalogue = Catalogue(url, self.clock)
        self.alive: dict[str, Expected] = {}
        self.points: dict[str, tuple[str, ...]] = {}
        self.work: dict[str, Work] = {}
        self.uploads = 0

    def teardown(self) -> None:
        try:
            self.drain()
            for id, expected in self.alive.items():
                item = self.catalogue.get(TENANT, [id])[id]
                assert item.status == "indexed" or (expected.may_fail and item.status == "failed")
            indexed = {item.id for item in self.items() if item.status == "indexed"}
            assert set(self.points) == indexed, "what is searched is what is there"
            assert {id: self.points[id] for id in indexed} == {
                id: tuple(self.alive[id].tags) for id in indexed
            }
        finally:
            self.catalogue.close()

    # -- owners ----------------------------------------------------------------------------
    @rule(target=ids, name=NAMES, tags=TAGS)
    def upload_image(self, name: str, tags: tuple[str, ...]) -> str:
        self.uploads += 1
        new = image(name, tags=tags, original=f"originals/{name}-{self.uploads}")
        (added,) = self.catalogue.add_images(TENANT, [new])
        assert added.duplicate == (added.item.id in self.alive)
        self.expect(added.item.id, "image", None, tags)
        return added.item.id

    @rule(target=ids, image_id=ids, text=NAMES, tags=TAGS)
    def upload_caption(self, image_id: str, text: str, tags: tuple[str, ...]) -> str:
        new = [NewCaption(text, image_id, tags)]
        target = self.alive.get(image_id)
        if target is None or target.kind != "image":
            with pytest.raises(NotFound):
                self.catalogue.add_captions(TENANT, new)
            return image_id
        (added,) = self.catalogue.add_captions(TENANT, new)
        assert added.duplicate == (added.item.id in self.alive)
        self.expect(added.item.id, "caption", image_id, tags)
        return added.item.id

    def expect(self, id: str, kind: str, image_id: str | None, tags: tuple[str, ...]) -> None:
        expected = self.alive.setdefault(id, Expected(kind, image_id, []))
        expected.tags += [tag for tag in dict.fromkeys(tags) if tag not in expected.tags]

    @rule(id=ids, tags=TAGS)
    def patch(self, id: str, tags: tuple[str, ...]) -> None:
        if id in self.alive:
            self.catalogue.patch(TENANT, id, tags, None)
            self.alive[id].tags = list(dict.fromkeys(tags))

    @rule(id=ids)
    def delete(self, id: str) -> None:
        if id not in self.alive:
            with pytest.raises(NotFound):
                self.catalogue.delete(TENANT, id)
            return
        gone = {id} | {other for other, expected in self.alive.items() if expected.image_id == id}
        assert {item.id for item in self.catalogue.delete(TENANT, id)} == gone
        for each in gone:
            del self.alive[each]

    @rule(id=ids)
    def retry(self, id: str) -> None:
        if id in self.alive and self.catalogue.retry(TENANT, id).status == "pending":
            self.alive[id].may_fail = False

    # -- workers ---------------------------------------------------------------------------
    @rule(worker=WORKERS, limit=st.integers(1, 3))
    def claim(self, worker: str, limit: int) -> None:
        if worker in self.work:
            return
        claims = self.catalogue.claims.claim(SPACE, worker, limit, LEASE)
        for item in self.items():
            self.alive[item.id].may_fail |= item.error_code == "poison"
        now = self.clock.time.timestamp()
        held = {c.item.id for work in self.work.values() if work.until > now for c in self.current(work)}
        assert held.isdisjoint(c.item.id for c in claims), "nobody works on what another one holds"
        if claims:
            self.work[worker] = Work(claims, now + LEASE)

    def current(self, work: Work) -> list[Claim]:
        """Those claims that no deletion or retry has overtaken."""
        items = {item.id: item for item in self.items()}
        return [
            c for c in work.claims if c.item.id in items and items[c.item.id].generation == c.item.generation
        ]

    @rule(worker=WORKERS)
    def upsert(self, worker: str) -> None:
        if worker in self.work:
            self.work[worker].upserted = True
            self.points |= {c.item.id: c.item.tags for c in self.work[worker].claims}

    @rule(worker=WORKERS)
    def commit(self, worker: str) -> None:
        if worker in self.work and self.work[worker].upserted:
            claims = self.work.pop(worker).claims
            for item in self.catalogue.claims.indexed(SPACE, self.clock.time, claims):
                self.points.pop(item.id, None)

    @rule(worker=WORKERS)
    def fail_one(self, worker: str) -> None:
        if worker in self.work and not self.work[worker].upserted:
            work = self.work.pop(worker)
            first, rest = work.claims[0], work.claims[1:]
            self.catalogue.claims.failed(worker, first, "corrupt_image", "cut off")
            self.catalogue.claims.postpone(worker, rest[:1])
            self.catalogue.claims.release(worker, rest[1:])
            if first.item.id in self.alive:
                self.alive[first.item.id].may_fail = True

    @rule(worker=WORKERS)
    def crash(self, worker: str) -> None:
        self.work.pop(worker, None)

    @rule()
    def restart_everything(self) -> None:
        self.work.clear()
        self.catalogue.claims.release_dead()

    @rule(seconds=st.sampled_from([1, 10, 59, 61, 200]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)
        for worker, work in list(self.work.items()):
            # A worker that outlives its lease is tested by itself: it may write after the janitor.
            if work.until <= self.clock.time.timestamp():
                del self.work[worker]

    # -- the janitor -----------------------------------------------------------------------
    @rule()
    def finish_deletions(self) -> None:
        tombstones = self.catalogue.upkeep.tombstones(10)
        for item in tombstones:
            self.points.pop(item.id, None)
        self.catalogue.upkeep.forget(tombstones)

    @rule()
    def project(self) -> None:
        stale = self.catalogue.upkeep.stale(10)
        for each in stale:
            assert each.item.id in self.points
            self.points[each.item.id] = each.item.tags
        self.catalogue.upkeep.projected(stale)

    @rule(id=ids)
    def lose_a_point(self, id: str) -> None:
        if id in self.points:
            del self.points[id]
            self.catalogue.upkeep.lost(SPACE, [id])

    def drain(self) -> None:
        """The world stands still and everything that is due gets done."""
        self.work.clear()
        for _ in range(60):
            self.clock.advance(LEASE + 1)
            self.claim("worker-1", 3)
            self.upsert("worker-1")
            self.commit("worker-1")
            self.finish_deletions()
        # As the janitor compares: an indexed item without its point, a point without its item.
        missing = [
            item.id for item in self.items() if item.status == "indexed" and item.id not in self.points
        ]
        assert missing == []
        for id in self.catalogue.upkeep.without_item(list(self.points)):
            del self.points[id]
        self.project()

    # -- always ----------------------------------------------------------------------------
    def items(self) -> list:  # type: ignore[type-arg]
        return self.catalogue.list(TENANT, Listing(), 100, None)[0]

    @invariant()
    def shows_what_was_uploaded_and_not_deleted(self) -> None:
        items = {item.id: item for item in self.items()}
        assert {id: list(item.tags) for id, item in items.items()} == {
            id: expected.tags for id, expected in self.alive.items()
        }
        for tag in ("a", "b", "c"):
            tagged, _ = self.catalogue.list(TENANT, Listing(tag=tag), 100, None)
            assert {item.id for item in tagged} == {id for id, e in self.alive.items() if tag in e.tags}

    @invariant()
    def every_indexed_item_has_its_point(self) -> None:
        expected = self.catalogue.upkeep.expected(SPACE, "image")
        images = [id for id in self.points if self.is_image(id)]
        assert expected.least <= len(images)

    def is_image(self, id: str) -> bool:
        return id in {image_id for image_id in self.alive if self.alive[image_id].kind == "image"}


LIMITS = {"stateful_step_count": 40, "deadline": None, "suppress_health_check": list(HealthCheck)}


def test_sqlite_follows_the_model() -> None:
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    number = iter(range(10_000))
    try:
        run_state_machine_as_test(
            lambda: CatalogueMachine(f"sqlite:///{folder / f'{next(number)}.db'}"),
            settings=settings(max_examples=50, **LIMITS),
        )
    finally:
        shutil.rmtree(folder)


def test_postgresql_follows_the_model(postgres_url: str) -> None:
    engine = sqlalchemy.create_engine(postgres_url)

    def empty() -> CatalogueMachine:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return CatalogueMachine(postgres_url)

    run_state_machine_as_test(empty, settings=settings(max_examples=20, **LIMITS))
    engine.dispose()
