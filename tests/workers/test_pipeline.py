from __future__ import annotations

import io
import json
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image
from prometheus_client import CollectorRegistry

from backend.catalogue.items import Item, Listing, NewCaption, Source
from backend.errors import NotFound, StorageFull
from backend.logs import JsonLines
from encoders.base import Vectors
from tests.support.encoders import ColourEncoder
from tests.support.pictures import encoded, jpeg, picture
from tests.workers.conftest import TENANT, World
from workers.metrics import IngestMetrics


def test_pending_items_become_indexed_points(world: World) -> None:
    red = world.upload(jpeg((255, 0, 0)), tags=("warm",), metadata={"roll": 7})
    text = world.caption("something red", red.id)
    assert world.pipeline.run() == 2
    assert world.status(red, text) == ["indexed", "indexed"]
    item = world.item(red)
    (point,) = world.store.get(world.space, "image", [red.id])
    assert (item.space, point.payload["tags"], point.payload["metadata"]) == (
        world.space,
        ["warm"],
        ["roll=7"],
    )
    assert point.payload["indexed_at"] == item.indexed_at.isoformat().replace("+00:00", "Z")
    assert np.argmax(point.vector[:3]) == 0, "what was encoded is this picture"
    (point,) = world.store.get(world.space, "caption", [text.id])
    assert point.payload["image_id"] == red.id
    assert world.pipeline.run() == 0


def test_what_can_be_prepared_is_prepared_once_ahead_of_the_encoder(world: World) -> None:
    prepared = []

    class Particular(ColourEncoder):
        def prepare_image(self, image: Image.Image) -> Image.Image:
            prepared.append(threading.current_thread().name)
            return image.resize((3, 3))

        def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
            assert {image.size for image in images} == {(3, 3)}
            return super().encode_images(images)

    items = world.upload_pictures(3)
    assert world.new_pipeline(Particular()).run() == 3
    assert world.status(*items) == ["indexed"] * 3
    assert len(prepared) == 3
    assert threading.current_thread().name not in prepared
    with Image.open(io.BytesIO(world.originals.get_thumbnail(items[0].id))) as thumbnail:
        assert thumbnail.size != (3, 3), "people see the picture itself"


def test_thumbnails_are_small_webp_and_never_larger_than_the_picture(world: World) -> None:
    large = world.upload(encoded(picture(size=(1000, 500))))
    small = world.upload(encoded(picture(size=(100, 40))))
    rotated = world.upload(encoded(picture(size=(800, 400)), exif=_turned()))
    world.pipeline.run()
    sizes = []
    for item in (large, small, rotated):
        with Image.open(io.BytesIO(world.originals.get_thumbnail(item.id))) as image:
            sizes.append((image.format, image.size))
    assert sizes == [("WEBP", (384, 192)), ("WEBP", (100, 40)), ("WEBP", (192, 384))]


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_works_through_more_than_a_batch_in_small_encoder_batches(world: World) -> None:
    pictures = world.upload_pictures(41)
    texts = [world.caption(f"text {number}") for number in range(70)]
    assert world.pipeline.run() == 111
    assert set(world.status(*pictures, *texts)) == {"indexed"}
    assert len(world.points()) == 111
    assert max(world.encoder.batches) <= 32
    assert world.encoder.batches.count(8) >= 4


def test_a_broken_picture_fails_alone_with_its_reason(world: World) -> None:
    good = world.upload_pictures(3)
    cut = world.upload(jpeg(size=(640, 480), seed=9)[:3000])
    assert world.pipeline.run() == 4
    assert world.status(*good, cut) == ["indexed", "indexed", "indexed", "corrupt_image"]
    failed = world.item(cut)
    assert failed.status == "failed"
    assert "damaged" in (failed.error_detail or "")


def test_a_picture_whose_bytes_are_gone_fails_until_it_is_uploaded_again(world: World) -> None:
    item = world.upload(jpeg())
    world.originals.delete_original(item.original)
    world.pipeline.run()
    assert world.status(item) == ["original_missing"]
    assert world.upload(jpeg(), lost=item.original).status == "pending"
    world.pipeline.run()
    assert world.status(item) == ["indexed"]


def test_what_the_encoder_cannot_encode_fails_alone(world: World) -> None:
    good = world.upload_pictures(5)
    green = world.upload(jpeg((0, 255, 0)))
    texts = [world.caption(text) for text in ("fine", "a bad one", "fine as well")]
    world.pipeline.run()
    assert set(world.status(*good)) == {"indexed"}
    assert world.status(green, *texts) == ["encoder_failed", "indexed", "encoder_failed", "indexed"]
    assert "tensor sizes" in (world.item(green).error_detail or "")
    assert green.id not in world.points()


def test_a_vector_that_is_no_number_fails_alone(world: World) -> None:
    good, odd = world.caption("fine"), world.caption("odd")
    encode = world.encoder.encode_texts
    world.encoder.encode_texts = lambda texts: encode(texts) / [[1.0 * (t != "odd")] for t in texts]
    with np.errstate(divide="ignore"):
        world.pipeline.run()
    assert world.status(good, odd) == ["indexed", "encoder_failed"]


def test_an_encoder_that_fails_on_everything_fails_no_item(world: World) -> None:
    items = [world.caption("fine"), *world.upload_pictures(2)]
    world.encoder.broken = True
    assert world.pipeline.run() == 0
    assert set(world.status(*items)) == {"pending"}
    assert world.pipeline.pause_left > 0
    world.encoder.broken = False
    assert world.new_pipeline().run() == 0, "still leased"
    world.pipeline._resume_at = 0
    assert world.pipeline.run() == 3


def test_a_store_that_is_down_pauses_ingest_and_loses_nothing(world: World, outage: Exception) -> None:
    items = [world.caption("fine"), *world.upload_pictures(2)]
    world.store.down = outage
    pauses = []
    for _ in range(7):
        assert world.pipeline.run() == 0
        pauses.append(round(world.pipeline.pause_left))
        calls = len(world.store.calls)
        assert world.pipeline.run() == 0
        assert len(world.store.calls) == calls, "not asked again during the pause"
        world.pipeline._resume_at = 0
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert set(world.status(*items)) == {"pending"}
    world.store.down = None
    assert world.pipeline.run() == 3
    assert set(world.status(*items)) == {"indexed"}
    world.store.down = outage
    world.caption("later")
    world.pipeline.run()
    assert round(world.pipeline.pause_left) == 1, "pauses start small again"


def test_a_store_that_goes_down_between_batches_does_no_harm(world: World, outage: Exception) -> None:
    items = [world.caption(f"text {number}") for number in range(80)]

    def go_down() -> None:
        world.store.down = outage

    world.encoder.during = go_down
    world.pipeline.run()
    world.store.down = None
    world.pipeline._resume_at = 0
    world.pipeline.run()
    assert set(world.status(*items)) == {"indexed"}


def test_storage_that_is_down_pauses_ingest(world: World, outage: Exception) -> None:
    items = world.upload_pictures(2)
    world.originals.down = outage
    assert world.pipeline.run() == 0
    assert world.pipeline.pause_left > 0
    world.originals.down = None
    world.pipeline._resume_at = 0
    world.later(40)
    assert world.pipeline.run() == 2
    assert set(world.status(*items)) == {"indexed"}


def test_a_full_disk_fails_no_item(world: World) -> None:
    items = world.upload_pictures(2)
    world.originals.down = StorageFull("The storage is full.")
    assert world.pipeline.run() == 0
    assert set(world.status(*items)) == {"pending"}


def test_one_original_that_cannot_be_read_now_holds_nobody_up(world: World, outage: Exception) -> None:
    first, second = world.upload_pictures(2)
    get = world.originals._part.get

    def sometimes(key: str) -> bytes:
        if key == first.original:
            raise outage
        return get(key)

    world.originals._part.get = sometimes
    world.pipeline.run()
    assert world.status(first, second) == ["pending", "indexed"]
    world.originals._part.get = get
    world.later(2)
    world.pipeline.run()
    assert world.status(first) == ["indexed"]


def test_what_the_store_refuses_fails_alone(world: World) -> None:
    good, odd = world.caption("fine"), world.caption("odd")
    upsert = world.store._part.upsert

    def refuse(space: str, kind: str, points: list) -> None:
        if any(point.id == odd.id for point in points):
            raise ValueError("payload not understood")
        upsert(space, kind, points)

    world.store._part.upsert = refuse
    world.pipeline.run()
    assert world.status(good, odd) == ["indexed", "store_refused"]


def test_collections_that_vanish_are_made_again(world: World) -> None:
    world.caption("one")
    world.pipeline.run()
    world.store.drop_space(world.space)
    text = world.caption("two")
    world.pipeline.run()
    assert world.status(text) == ["indexed"]
    assert world.points() == {text.id}


def test_deletion_during_encoding_never_resurrects(world: World) -> None:
    cat, dog = world.upload_pictures(2)
    world.encoder.during = lambda: world.catalogue.delete(TENANT, cat.id)
    world.pipeline.run()
    assert world.points() == {dog.id}
    world.janitor.finish_deletions()
    with pytest.raises(NotFound):
        world.originals.get_thumbnail(cat.id)
    assert world.catalogue.upkeep.tombstones(10) == []
    assert world.pipeline.run() == 0


def test_deletion_and_a_new_upload_during_encoding_end_in_the_new_upload(world: World) -> None:
    data = jpeg()
    old = world.upload(data, tags=("old",))

    def replace() -> None:
        world.catalogue.delete(TENANT, old.id)
        world.upload(data, tags=("new",))

    world.encoder.during = replace
    world.pipeline.run()
    world.janitor.finish_deletions()
    world.pipeline.run()
    (point,) = world.store.get(world.space, "image", [old.id])
    assert point.payload["tags"] == ["new"]
    assert world.originals.get(world.item(old).original) == data


def test_tags_that_change_during_encoding_reach_the_point(world: World) -> None:
    item = world.upload(jpeg(), tags=("old",))
    world.encoder.during = lambda: world.catalogue.patch(TENANT, item.id, ["new"], None)
    world.pipeline.run()
    world.janitor.run(world.encoder.space)
    (point,) = world.store.get(world.space, "image", [item.id])
    assert point.payload["tags"] == ["new"]


def test_a_new_encoder_takes_items_over_while_they_stay_listed(world: World) -> None:
    items = [world.caption("red"), *world.upload_pictures(2)]
    world.pipeline.run()
    thumbnails = world.originals.calls.count("put_thumbnail")
    other = ColourEncoder("2")
    seen = []
    encode = other.encode_texts
    other.encode_texts = lambda texts: (seen.extend(world.status(*items)), encode(texts))[1]
    assert world.new_pipeline(other).run() == 3
    assert set(seen) == {"indexed"}
    assert {world.item(item).space for item in items} == {other.space.name}
    assert world.points(other.space.name) == {item.id for item in items}
    assert world.originals.calls.count("put_thumbnail") == thumbnails, "they are there already"


def test_a_stop_finishes_what_is_encoded_and_gives_back_the_rest(world: World) -> None:
    items = world.upload_pictures(40)
    world.encoder.during = world.stopping.set
    done = world.pipeline.run()
    assert done == 8, "the batch in the encoder"
    world.pipeline.close()
    assert sorted(world.status(*items)) == ["indexed"] * 8 + ["pending"] * 32
    world.stopping.clear()
    world.pipeline = world.new_pipeline()
    assert world.pipeline.run() == 32, "at once, and in company: nothing counts as a death"


@pytest.mark.parametrize("size", [(1, 1), (2000, 3), (1700, 1100)])
def test_pictures_of_any_shape_get_through(world: World, size: tuple[int, int]) -> None:
    item = world.upload(encoded(picture(size=size), "PNG"))
    world.pipeline.run()
    assert world.status(item) == ["indexed"]
    assert world.originals.get_thumbnail(item.id)


def test_an_import_of_thousands_costs_a_single_upload_a_few_batches(world: World) -> None:
    many = [NewCaption(f"text {number}") for number in range(3000)]
    world.catalogue.add_captions(TENANT, many, Source(bulk=True))
    alone: list[Item] = []

    def upload_alone() -> None:
        alone.append(world.caption("red alone"))

    world.encoder.during = upload_alone
    assert world.pipeline.run() == 3001
    indexed = sorted(
        (item.indexed_at, item.id != alone[0].id)
        for item in world.catalogue.list(TENANT, Listing(), 5000, None)[0]
        if item.indexed_at is not None
    )
    before = [is_other for _, is_other in indexed].index(False)
    assert before <= 2 * world.pipeline.batch_size, "what was in work when it came, and nothing else"


def test_two_versions_of_an_encoder_never_undo_what_the_other_did(world: World) -> None:
    items = [world.caption("red"), *world.upload_pictures(2)]
    world.catalogue.target.choose(world.space)
    assert world.pipeline.run() == 3
    other = ColourEncoder("2")
    newer = world.new_pipeline(other)
    world.catalogue.target.choose(other.space.name)
    assert newer.run() == 3
    late = world.caption("late")
    assert world.pipeline.run() == 0
    assert 0 < world.pipeline.pause_left <= 15
    assert newer.run() == 1
    world.pipeline._resume_at = 0
    assert world.pipeline.run() == newer.run() == 0, "nothing goes in circles"
    assert {world.item(item).space for item in [*items, late]} == {other.space.name}
    newer.close()


def test_the_log_names_the_requests_that_a_batch_serves(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for number, text in enumerate(["fine", "fine as well", "a bad one"]):
        source = Source(f"request-{number}")
        world.catalogue.add_captions(TENANT, [NewCaption(text)], source)
    with caplog.at_level("INFO", logger="twinspace"):
        world.pipeline.run()
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    (finished,) = [line for line in lines if line["message"].startswith("Finished 3 of 3")]
    assert finished["request_ids"] == ["request-0", "request-1", "request-2"]
    (failed,) = [line for line in lines if line.get("code") == "encoder_failed"]
    assert failed["request_id"] == "request-2"


def test_what_ingest_does_is_measured(world: World) -> None:
    registry = CollectorRegistry()
    pipeline = world.new_pipeline(metrics=IngestMetrics(registry))
    world.upload_pictures(10)
    world.upload(jpeg()[:300])
    world.caption("fine")
    pipeline.run()
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
    }
    assert values["twinspace_ingest_items_total", "indexed"] == 11
    assert values["twinspace_ingest_items_total", "corrupt_image"] == 1
    assert values["twinspace_ingest_batch_size_sum", "image"] == 10
    assert values["twinspace_ingest_batch_size_count", "image"] == 2
    assert values["twinspace_ingest_encode_seconds_count", "caption"] == 1
    assert values["twinspace_ingest_store_seconds_count", "image"] == 1
    assert values["twinspace_ingest_wait_seconds_count", "image"] == 10
    assert values["twinspace_ingest_standing_by",] == 0
    world.catalogue.target.choose("another")
    pipeline.run()
    assert registry.get_sample_value("twinspace_ingest_standing_by") == 1
    pipeline.close()
