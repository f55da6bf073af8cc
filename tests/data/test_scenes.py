"""The built-in world: the same everywhere, exact, and described truly."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import png_to_ids
from pandiff.data.scenes import (
    RELATIONS,
    SPLITS,
    STUFF_NAMES,
    TAXONOMY,
    THING_NAMES,
    Scene,
    make_scene,
    relation_holds,
    scene_to_json,
    write_scenes,
)
from pandiff.data.scenes.captions import MOST_WORDS
from pandiff.data.scenes.layouts import PLACES
from pandiff.data.scenes.light import FREQUENCY, LIGHTS
from pandiff.data.scenes.palette import COLORS, WARDROBE
from pandiff.errors import InputError

SAMPLE = 160
GOLDEN = {
    (0, 0, 128): "232b5e1e7a6492f0",
    (0, 7, 128): "a3fb1be86544ad09",
    (1, 3, 128): "35d1e2b3af574c36",
    (2, 11, 256): "9f8bcffa53309faa",
    (5, 40, 64): "83491687109383af",
}
"""Beginning of `fingerprint` for (seed, index, size). When rendering changes on purpose:
`python tests/data/test_scenes.py` prints them anew."""


@cache
def sample() -> tuple[Scene, ...]:
    return tuple(make_scene(0, k) for k in range(SAMPLE))


def fingerprint(scene: Scene) -> str:
    content = scene.image.tobytes() + scene.panoptic.ids.astype("<i4").tobytes()
    content += json.dumps(scene_to_json(scene), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def boxes(scene: Scene, category: str) -> list[tuple[int, int, int, int]]:
    return [o.bbox for o in scene.objects if o.category == category]


def counts(scene: Scene) -> Counter[str]:
    return Counter(TAXONOMY.by_id(s.category_id).name for s in scene.panoptic.segments)


def touching(scene: Scene) -> bool:
    """Whether two things of one category share a border."""
    ids = scene.panoptic.ids
    pairs = set()
    for a, b in ((ids[1:], ids[:-1]), (ids[:, 1:], ids[:, :-1])):
        pairs |= set(zip(a[a != b].tolist(), b[a != b].tolist(), strict=True))
    category = {o.segment_id: o.category for o in scene.objects}
    return any(a in category and category[a] == category.get(b) for a, b in pairs)


@pytest.mark.parametrize("key", GOLDEN)
def test_scenes_are_the_same_everywhere(key: tuple[int, int, int]) -> None:
    assert fingerprint(make_scene(*key)) == GOLDEN[key]


def test_a_scene_depends_on_its_numbers_alone() -> None:
    first = make_scene(0, 5)
    make_scene(3, 9)
    assert fingerprint(make_scene(0, 5)) == fingerprint(first)
    others = (make_scene(0, 6), make_scene(1, 5), make_scene(5, 0))
    assert fingerprint(first) not in {fingerprint(s) for s in others}


def test_splits_have_different_scenes() -> None:
    prints = [fingerprint(make_scene(seed, k)) for seed in SPLITS.values() for k in range(8)]
    assert len(set(prints)) == len(prints)


def test_taxonomy_is_the_one_of_the_design() -> None:
    assert [c.id for c in TAXONOMY.categories] == list(range(1, 21))
    assert " ".join(STUFF_NAMES) == "sky grass water sand road mountain snow forest"
    names = "house tree car boat person dog sheep bird ball balloon flower umbrella"
    assert " ".join(THING_NAMES) == names
    assert [c.isthing for c in TAXONOMY.categories] == [False] * 8 + [True] * 12
    assert len({c.color for c in TAXONOMY.categories}) == 20


def test_every_pixel_belongs_to_a_segment() -> None:
    for scene in sample():
        assert scene.image.shape == (128, 128, 3) and scene.image.dtype == np.uint8
        assert [s.id for s in scene.panoptic.segments] == list(
            range(1, len(scene.panoptic.segments) + 1)
        )
        assert scene.panoptic.ids.min() == 1
        assert sum(s.area for s in scene.panoptic.segments) == 128 * 128


def test_objects_are_the_things_of_the_map() -> None:
    for scene in sample():
        things = [s for s in scene.panoptic.segments if TAXONOMY.by_id(s.category_id).isthing]
        assert [(o.segment_id, o.bbox, o.area) for o in scene.objects] == [
            (s.id, s.bbox, s.area) for s in things
        ]
        for item in scene.objects:
            segment = scene.panoptic[item.segment_id]
            assert TAXONOMY.by_id(segment.category_id).name == item.category
            assert item.color in COLORS and item.color in WARDROBE[item.category]
        stuff = [n for n in counts(scene) if n in STUFF_NAMES]
        assert all(counts(scene)[n] == 1 for n in stuff)
        assert set(scene.setting.stuff) <= set(stuff)


def test_things_are_seen_well_enough() -> None:
    assert min(o.area for s in sample() for o in s.objects) >= 20
    assert max(len(s.objects) for s in sample()) <= 8


def test_image_and_map_show_the_same_geometry() -> None:
    """Borders of the map lie where the image changes more than elsewhere."""
    across, within = [], []
    for scene in sample()[:40]:
        step = np.abs(np.diff(scene.image.astype(int), axis=1)).sum(-1)
        border = np.diff(scene.panoptic.ids, axis=1) != 0
        across.append(step[border].mean())
        within.append(step[~border].mean())
    assert np.mean(across) > 5 * np.mean(within)


def test_named_colors_are_seen() -> None:
    """The pixels of a thing of one color are nearest to that color, over many things."""
    lights = ("clear", "cloudy")
    right = total = 0
    for scene in sample():
        for item in scene.objects if scene.setting.weather in lights else ():
            if item.category not in ("car", "ball", "balloon", "umbrella", "sheep"):
                continue
            pixels = scene.image[scene.panoptic.mask(item.segment_id)].astype(int)
            away = {c: np.abs(pixels - rgb).sum(-1) for c, rgb in COLORS.items()}
            nearest = Counter(np.array(list(away))[np.argmin(list(away.values()), 0)].tolist())
            right += item.color in [c for c, _ in nearest.most_common(2)]
            total += 1
    assert total > 60
    assert right / total > 0.85


def test_every_category_occurs() -> None:
    seen: Counter[str] = Counter()
    for scene in sample():
        seen.update(set(counts(scene)))
    assert {n for n in seen if seen[n] >= 0.03 * SAMPLE} == {c.name for c in TAXONOMY.categories}


def test_touching_instances_are_common() -> None:
    assert 0.3 < np.mean([touching(s) for s in sample()]) < 0.7


def test_places_lights_and_numbers_vary() -> None:
    assert {s.setting.place for s in sample()} == set(PLACES)
    assert {s.setting.weather for s in sample()} == set(LIGHTS) == set(FREQUENCY)
    assert {len(s.objects) for s in sample()} >= set(range(7))


def test_captions_are_true() -> None:
    for scene in sample():
        found = counts(scene)
        colors = Counter((o.category, o.color) for o in scene.objects)
        for caption in scene.captions:
            assert set(caption.categories) <= set(found)
            for category, n in caption.counts:
                assert found[category] == n and category in THING_NAMES, caption
            for category, color, n in caption.colors:
                assert colors[category, color] == n, caption
            for a, relation, b in caption.relations:
                assert relation_holds(relation, boxes(scene, a), boxes(scene, b), 128), caption


def test_color_claims_are_complete() -> None:
    """A caption that counts a category by color names all its colors."""
    for scene in sample():
        for caption in scene.captions:
            for category in {c for c, _, _ in caption.colors}:
                named = sum(n for c, _, n in caption.colors if c == category)
                assert named == counts(scene)[category] == dict(caption.counts)[category]


def test_captions_say_what_they_claim() -> None:
    words = {"person": ("person", "people")}
    for scene in sample():
        for caption in scene.captions:
            for category, color, _ in caption.colors:
                assert color in caption.text
                assert any(w in caption.text for w in words.get(category, (category,)))
            for name in THING_NAMES:
                if any(w in caption.text.split() for w in (name, f"{name}s")):
                    assert name in caption.categories
            for _, relation, _ in caption.relations:
                assert relation in caption.text


def test_captions_are_five_short_and_plain() -> None:
    vocabulary: set[str] = set()
    for scene in sample():
        assert len(scene.captions) == 5
        lengths = [len(c.text.split()) for c in scene.captions]
        assert max(lengths) <= MOST_WORDS == 28
        for caption in scene.captions:
            assert caption.text == caption.text.strip() and "  " not in caption.text
            vocabulary |= set(caption.text.replace(",", "").split())
    assert len(vocabulary) < 250
    terse = [len(s.captions[0].text.split()) for s in sample()]
    full = [len(s.captions[4].text.split()) for s in sample()]
    assert 2 * np.mean(terse) < np.mean(full)
    assert sum(bool(c.relations) for s in sample() for c in s.captions) > SAMPLE / 3


@pytest.mark.parametrize(
    ("relation", "a", "b", "holds"),
    [
        ("left of", (0, 50, 10, 10), (60, 52, 10, 10), True),
        ("right of", (0, 50, 10, 10), (60, 52, 10, 10), False),
        ("left of", (50, 0, 10, 10), (60, 90, 10, 10), False),
        ("under", (50, 60, 10, 20), (40, 10, 30, 20), True),
        ("above", (50, 60, 10, 20), (40, 10, 30, 20), False),
        ("in front of", (50, 60, 20, 20), (40, 40, 40, 20), True),
        ("behind", (50, 60, 20, 20), (0, 40, 10, 10), False),
        ("next to", (50, 60, 20, 20), (72, 60, 20, 20), True),
        ("next to", (0, 60, 20, 20), (100, 60, 20, 20), False),
    ],
)
def test_relations(relation: str, a: tuple, b: tuple, holds: bool) -> None:
    assert relation_holds(relation, [a], [b], 128) is holds


def test_relations_speak_of_all_instances() -> None:
    left, right = (0, 50, 10, 10), (60, 50, 10, 10)
    assert relation_holds("left of", [left, left], [right], 128)
    assert not relation_holds("left of", [left, right], [right], 128)
    assert not relation_holds("left of", [], [right], 128)
    with pytest.raises(InputError, match="inside"):
        relation_holds("inside", [left], [right], 128)
    assert {"left of", "right of", "behind", "in front of", "next to", "under"} <= set(RELATIONS)


@pytest.mark.parametrize("size", [32, 100, 256, 512])
def test_sizes(size: int) -> None:
    scene = make_scene(0, 10, size)
    assert scene.image.shape == (size, size, 3)
    assert scene.panoptic.ids.min() == 1
    assert all(o.area >= 4 for o in scene.objects)


def test_larger_pictures_show_the_same_scene() -> None:
    for k in range(6):
        small, large = make_scene(1, k, 128), make_scene(1, k, 256)
        assert [(o.category, o.color) for o in small.objects] == [
            (o.category, o.color) for o in large.objects
        ]
        shrunk = large.panoptic.resize((128, 128)).category_index
        assert np.mean(shrunk == small.panoptic.category_index) > 0.97
        halved = large.image.reshape(128, 2, 128, 2, 3).mean((1, 3))
        assert np.abs(halved - small.image).mean() < 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((-1, 0, 128), "seed"), ((0, -1, 128), "index"), ((0, 0, 16), "size"), ((0, 0, 1024), "size")],
)
def test_wrong_numbers(arguments: tuple[int, int, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_scene(*arguments)


def contents(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_written_scenes_are_a_coco_dataset(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_scenes(tmp_path / "d", 3, seed=1, start=4, progress=lambda *now: seen.append(now))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    panoptic = json.loads((tmp_path / "d" / "panoptic.json").read_text())
    captions = json.loads((tmp_path / "d" / "captions.json").read_text())
    claims = json.loads((tmp_path / "d" / "scenes.json").read_text())["scenes"]
    assert panoptic["categories"] == TAXONOMY.to_coco()
    assert captions["images"] == panoptic["images"]
    for k, annotation in enumerate(panoptic["annotations"]):
        scene = make_scene(1, 4 + k)
        stem = f"{5 + k:012d}"
        image = panoptic["images"][k]
        assert image == {"id": 5 + k, "file_name": f"{stem}.png", "width": 128, "height": 128}
        with Image.open(tmp_path / "d" / "images" / f"{stem}.png") as picture:
            assert np.array_equal(picture, scene.image)
        with Image.open(tmp_path / "d" / "panoptic" / annotation["file_name"]) as ids:
            assert np.array_equal(png_to_ids(ids), scene.panoptic.ids)
        assert [s["area"] for s in annotation["segments_info"]] == [
            s.area for s in scene.panoptic.segments
        ]
        texts = [c["caption"] for c in captions["annotations"] if c["image_id"] == 5 + k]
        assert texts == [c.text for c in scene.captions]
        expected = json.loads(json.dumps(scene_to_json(scene)))
        assert claims[k] == {"image_id": 5 + k, "index": 4 + k, **expected}
    assert len({c["id"] for c in captions["annotations"]}) == 15


def test_writing_resumes_with_the_same_bytes(tmp_path: Path) -> None:
    def stop(done: int, count: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    write_scenes(tmp_path / "whole", 5)
    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path / "parts", 5, progress=stop)
    assert not (tmp_path / "parts" / "panoptic.json").exists()
    kept = tmp_path / "parts" / "images" / "000000000001.png"
    (tmp_path / "parts" / "images" / ".000000000003.png").write_bytes(b"half")
    before = kept.stat().st_mtime_ns
    write_scenes(tmp_path / "parts", 5)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert kept.stat().st_mtime_ns == before


def test_workers_give_the_same_bytes(tmp_path: Path) -> None:
    write_scenes(tmp_path / "one", 3, size=32)
    write_scenes(tmp_path / "two", 3, size=32, workers=1)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_jpeg(tmp_path: Path) -> None:
    write_scenes(tmp_path, 1, image_format="jpg")
    with Image.open(tmp_path / "images" / "000000000001.jpg") as picture:
        assert picture.format == "JPEG"
        assert np.abs(np.asarray(picture, int) - make_scene(0, 0).image).mean() < 4


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="empty folder"):
        write_scenes(tmp_path, 1)
    assert contents(tmp_path) == {"letter.txt": b"dear"}
    with pytest.raises(InputError, match="a folder"):
        write_scenes(tmp_path / "letter.txt", 1)


def test_another_dataset_is_left_alone(tmp_path: Path) -> None:
    write_scenes(tmp_path, 1, size=32)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="begun"):
        write_scenes(tmp_path, 2, size=32)
    (tmp_path / ".scenes.json").unlink()
    with pytest.raises(InputError, match="another dataset"):
        write_scenes(tmp_path, 1, size=32)
    assert {k: v for k, v in before.items() if k != ".scenes.json"} == contents(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count"),
        ({"count": 1, "workers": -1}, "workers"),
        ({"count": 1, "image_format": "gif"}, "png, jpg"),
        ({"count": 1, "size": 8}, "size"),
        ({"count": 1, "seed": -3}, "seed"),
    ],
)
def test_wrong_arguments_write_nothing(tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_scenes(tmp_path / "d", **arguments)
    assert not (tmp_path / "d").exists()


def test_stuff_and_things_have_names_in_order() -> None:
    ids = [TAXONOMY.by_name(n).id for n in STUFF_NAMES + THING_NAMES]
    assert all(b == a + 1 for a, b in pairwise(ids))


if __name__ == "__main__":
    for numbers in GOLDEN:
        print(f'    {numbers}: "{fingerprint(make_scene(*numbers))}",')
