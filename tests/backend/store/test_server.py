"""The server adapter over real HTTP: faults, races between processes, and what goes over the wire."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from httpx import Headers
from qdrant_client.http.exceptions import UnexpectedResponse

from backend.errors import InvalidRequest, Unavailable
from backend.settings import Settings
from backend.store.base import Filter, MissingSpace, Point, Query, SparseVector
from backend.store.client_errors import client_errors
from backend.store.filters import payload_indexes
from backend.store.ownership import ForeignSpace
from backend.store.server import ServerStore
from backend.store.server_records import REQUEST_POINTS
from encoders.base import Space
from tests.support.qdrant_stand_in import MOST_BYTES, Fault, QdrantStandIn

SPACE = Space("server-1", 8, "f", ("en",), "Apache-2.0")
NORTH = Filter("north")
ONES = np.ones(8, np.float32)
STRICT = (
    b'{"status": {"error": "Bad request: Index required but not found for \\"ranges.price\\" of one of ..."}}'
)
ID = "00000000-0000-4000-8000-000000000001"


def points(n: int) -> list[Point]:
    vectors = np.random.default_rng(n).standard_normal((n, 8)).astype(np.float32)
    return [Point(str(uuid.UUID(int=k)), vector, {"tenant": "north"}) for k, vector in enumerate(vectors)]


@pytest.fixture
def qdrant() -> Iterator[QdrantStandIn]:
    with QdrantStandIn() as stand_in:
        yield stand_in


def connect(qdrant: QdrantStandIn, **settings: Any) -> ServerStore:
    return ServerStore.connect(Settings(qdrant_url=qdrant.url, **{"qdrant_timeout": 1, **settings}))


@pytest.fixture
def store(qdrant: QdrantStandIn) -> Iterator[ServerStore]:
    store = connect(qdrant)
    store.ensure_space(SPACE)
    store.upsert(SPACE.name, "image", points(5))
    yield store
    store.close()


CALLS: dict[str, Callable[[ServerStore], object]] = {
    "ensure_space": lambda store: store.ensure_space(SPACE),
    "spaces": lambda store: store.spaces(),
    "drop_space": lambda store: store.drop_space(SPACE.name),
    "upsert": lambda store: store.upsert(SPACE.name, "image", points(2)),
    "get": lambda store: store.get(SPACE.name, "image", [ID]),
    "delete": lambda store: store.delete(SPACE.name, "image", [ID]),
    "set_payload": lambda store: store.set_payload(SPACE.name, "image", ID, {"tags": ["red"]}),
    "count": lambda store: store.count(SPACE.name, "image", NORTH),
    "scroll": lambda store: store.scroll(SPACE.name, "image"),
    "query": lambda store: store.query(SPACE.name, "image", Query(ONES, 3, NORTH)),
    "query_batch": lambda store: store.query_batch(SPACE.name, "image", [Query(ONES, 3, NORTH)] * 2),
    "sample": lambda store: store.sample(SPACE.name, "image", 2, NORTH),
    "check": lambda store: store.check(),
}
FAULTS = {
    "500": Fault("error", 500),
    "503": Fault("error", 503),
    "429": Fault("error", 429),
    "a proxy's 404": Fault("error", 404),
    "403": Fault("error", 403),
    "dropped": Fault("drop"),
    "not JSON": Fault("garbage"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_broken_server_is_unavailable_until_it_is_mended(
    qdrant: QdrantStandIn, store: ServerStore, call: Callable[[ServerStore], object], fault: Fault
) -> None:
    qdrant.fault = fault
    with pytest.raises(Unavailable) as error:
        call(store)
    assert not isinstance(error.value, MissingSpace)
    qdrant.fault = None
    call(store)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["query", "upsert", "check"])
def test_a_server_that_hangs_is_given_up_after_the_timeout(
    qdrant: QdrantStandIn, store: ServerStore, name: str
) -> None:
    hasty = connect(qdrant, qdrant_timeout=0.2)
    qdrant.fault = Fault("hang")
    with pytest.raises(Unavailable):
        CALLS[name](hasty)
    hasty.close()
    qdrant.fault = None
    CALLS[name](store)


def test_a_server_that_refuses_connections_is_unavailable_until_it_is_back(
    qdrant: QdrantStandIn, store: ServerStore
) -> None:
    qdrant.stop()
    for call in CALLS.values():
        with pytest.raises(Unavailable):
            call(store)
    qdrant.start()
    assert store.count(SPACE.name, "image") == 5
    store.check()


def test_a_server_may_come_up_after_us() -> None:
    qdrant = QdrantStandIn().start()
    qdrant.stop()
    store = connect(qdrant)
    with pytest.raises(Unavailable):
        store.check()
    with qdrant:
        store.check()
        store.ensure_space(SPACE)


def test_an_upsert_whose_answer_was_lost_may_be_repeated(qdrant: QdrantStandIn, store: ServerStore) -> None:
    qdrant.fault = Fault("drop_after", path="/points$", times=1)
    stored = points(9)
    with pytest.raises(Unavailable):
        store.upsert(SPACE.name, "image", stored)
    store.upsert(SPACE.name, "image", stored)
    assert store.scroll(SPACE.name, "image") == ([point.id for point in stored], None)


def test_all_collections_lost_on_the_server_are_made_again(qdrant: QdrantStandIn, store: ServerStore) -> None:
    other = connect(qdrant)
    other.drop_space(SPACE.name)
    assert store.query(SPACE.name, "image", Query(ONES, 3, NORTH)) == []
    with pytest.raises(MissingSpace):
        store.upsert(SPACE.name, "image", points(2))
    store.ensure_space(SPACE)
    store.upsert(SPACE.name, "image", points(2))
    assert other.count(SPACE.name, "image") == 2


def test_processes_that_make_a_space_at_the_same_moment_all_succeed(qdrant: QdrantStandIn) -> None:
    start = threading.Barrier(6)

    def ensure(k: int) -> None:
        store = connect(qdrant)
        start.wait()
        store.ensure_space(SPACE)
        store.upsert(SPACE.name, "image", [points(6)[k]])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ensure, range(6)))
    assert connect(qdrant).count(SPACE.name, "image") == 6


def test_a_space_made_between_our_look_and_our_order_is_fine(qdrant: QdrantStandIn) -> None:
    store, faster = connect(qdrant), connect(qdrant)
    exists = store._client.collection_exists

    def look(name: str) -> bool:
        there = exists(name)
        faster.ensure_space(SPACE)
        return there

    store._client.collection_exists = look
    store.ensure_space(SPACE)
    created = [seen for seen in qdrant.seen if seen.method == "PUT" and seen.path.endswith(SPACE.name)]
    assert len(created) > 2, "the second order met a collection that was there"


def test_writes_wait_and_upserts_are_bounded(qdrant: QdrantStandIn, store: ServerStore) -> None:
    qdrant.seen.clear()
    store.upsert(SPACE.name, "caption", points(REQUEST_POINTS + 1))
    store.set_payload(SPACE.name, "caption", ID, {"tags": []})
    store.delete(SPACE.name, "caption", [ID])
    assert all("wait=true" in seen.path for seen in qdrant.seen)
    assert [len(seen.body["points"]) for seen in qdrant.seen[:2]] == [REQUEST_POINTS, 1]


def test_points_of_many_words_are_spread_over_requests_that_qdrant_takes(
    qdrant: QdrantStandIn, store: ServerStore
) -> None:
    """As pictures with three captions of 10,000 characters have them."""
    words = SparseVector(tuple(range(6000)), tuple(np.random.default_rng(1).random(6000).tolist()))
    wordy = [replace(point, lexical=words) for point in points(REQUEST_POINTS)]
    store.upsert(SPACE.name, "image", wordy)
    qdrant.seen.clear()
    store.refresh(SPACE.name, "image", wordy)
    writes = [seen for seen in qdrant.seen if seen.method == "PUT"]
    assert sum(len(seen.body["points"]) for seen in writes) == len(wordy)
    assert max(int(seen.headers["Content-Length"]) for seen in writes) <= MOST_BYTES
    assert len(writes) < 6


def test_everything_that_is_filtered_is_indexed_and_the_tenant_as_one(
    qdrant: QdrantStandIn, store: ServerStore
) -> None:
    made = {
        seen.body["field_name"]: seen.body["field_schema"] for seen in qdrant.seen if "/index" in seen.path
    }
    assert set(made) == set(payload_indexes({}))
    assert made["tenant"]["is_tenant"] is True
    qdrant.seen.clear()
    store.ensure_space(SPACE)
    assert not [seen for seen in qdrant.seen if seen.method == "PUT"], "what is there is not made again"


def test_a_batch_of_queries_is_one_request_without_vectors_or_payload(
    qdrant: QdrantStandIn, store: ServerStore
) -> None:
    qdrant.seen.clear()
    store.query_batch(SPACE.name, "image", [Query(ONES * sign, 2, NORTH) for sign in (1, -1)])
    (seen,) = qdrant.seen
    assert seen.path.startswith(f"/collections/images-{SPACE.name}/points/query/batch")
    assert all(not search["with_payload"] and not search["with_vector"] for search in seen.body["searches"])


def test_the_api_key_is_sent_and_nothing_to_warn_of(recwarn: pytest.WarningsRecorder) -> None:
    with QdrantStandIn(api_key="secret") as qdrant:
        connect(qdrant, qdrant_api_key="secret").check()
        assert not list(recwarn)
        with pytest.raises(Unavailable, match="401"):
            connect(qdrant).check()


def test_vectors_can_be_kept_small_in_memory_and_ranked_whole(qdrant: QdrantStandIn) -> None:
    plain, small = connect(qdrant), connect(qdrant, qdrant_quantization="int8")
    plain.ensure_space(SPACE)
    assert not [seen for seen in qdrant.seen if seen.method == "PATCH"]
    small.ensure_space(SPACE)  # Also where the collection was made without.
    changes = [seen.body["vectors"]["dense"] for seen in qdrant.seen if seen.method == "PATCH"]
    assert [change["on_disk"] for change in changes] == [True, True]
    assert changes[0]["quantization_config"]["scalar"]["type"] == "int8"
    small.upsert(SPACE.name, "image", points(5))
    small.query(SPACE.name, "image", Query(ONES, 3, NORTH))
    (search,) = qdrant.seen[-1].body["searches"]
    assert search["params"]["quantization"]["rescore"]
    plain.close()
    small.close()


def test_installations_that_share_a_qdrant_never_touch_what_is_not_theirs(qdrant: QdrantStandIn) -> None:
    mine, other = (ServerStore.connect(Settings(qdrant_url=qdrant.url), owner) for owner in ("mine", "other"))
    mine.ensure_space(SPACE)
    mine.upsert(SPACE.name, "image", points(5))
    assert mine.spaces() == [SPACE.name]
    assert other.spaces() == []
    for call in (*CALLS.values(), lambda store: store.refresh(SPACE.name, "image", points(1))):
        if call not in (CALLS["spaces"], CALLS["check"]):
            with pytest.raises(ForeignSpace, match="TWINSPACE_QDRANT_PREFIX"):
                call(other)
    assert mine.count(SPACE.name, "image") == 5
    mine.drop_space(SPACE.name)
    other.ensure_space(SPACE)
    assert (mine.spaces(), other.spaces()) == ([], [SPACE.name])
    mine.close()
    other.close()


def test_installations_with_prefixes_of_their_own_have_collections_of_their_own(
    qdrant: QdrantStandIn,
) -> None:
    stores = [
        ServerStore.connect(Settings(qdrant_url=qdrant.url, qdrant_prefix=prefix), f"installation {prefix}")
        for prefix in ("", "shop-", "shop-2-")
    ]
    for number, store in enumerate(stores):
        store.ensure_space(SPACE)
        store.upsert(SPACE.name, "image", points(number + 1))
    assert [store.count(SPACE.name, "image") for store in stores] == [1, 2, 3]
    assert [store.spaces() for store in stores] == [[SPACE.name]] * 3
    stores[1].drop_space(SPACE.name)
    assert [store.count(SPACE.name, "image") for store in stores] == [1, 0, 3]
    for store in stores:
        store.close()


def test_collections_of_an_older_version_become_ours_and_those_of_other_programs_do_not(
    qdrant: QdrantStandIn, store: ServerStore
) -> None:
    """`store` leaves no mark, as versions before."""
    store.ensure_space(Space("of-my-other-app", 8, "f", ("en",), "Apache-2.0"))
    newer = ServerStore.connect(Settings(qdrant_url=qdrant.url), "mine")
    assert newer.count(SPACE.name, "image") == 5, "API processes may be new before the workers are"
    newer.ensure_space(SPACE)
    assert newer.spaces() == [SPACE.name]
    assert newer.count(SPACE.name, "image") == 5
    newer.close()


def test_new_collections_are_spread_over_a_cluster_as_was_asked(qdrant: QdrantStandIn) -> None:
    spread, plain = connect(qdrant, qdrant_shards=6, qdrant_replicas=2), connect(qdrant)
    spread.ensure_space(SPACE)
    plain.ensure_space(Space("plain", 8, "f", ("en",), "Apache-2.0"))
    made = {
        seen.path.split("/")[2].partition("?")[0]: seen.body
        for seen in qdrant.seen
        if seen.method == "PUT" and "vectors" in (seen.body or {})
    }
    for name in (f"images-{SPACE.name}", f"captions-{SPACE.name}"):
        assert (made[name]["shard_number"], made[name]["replication_factor"]) == (6, 2)
    assert not {"shard_number", "replication_factor"} & set(made["images-plain"])
    spread.close()
    plain.close()


def test_where_ranges_need_an_index_the_refusal_names_the_setting() -> None:
    with pytest.raises(InvalidRequest, match="TWINSPACE_RANGE_FIELDS") as refusal, client_errors():
        raise UnexpectedResponse(400, "Bad Request", STRICT, Headers())
    assert [error["field"] for error in refusal.value.errors] == ["filter.metadata"]
