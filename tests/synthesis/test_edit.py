"""Edits: what they keep, what they ask for, and the command."""

from __future__ import annotations

import json
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from PIL import Image
from scipy.ndimage import binary_dilation, distance_transform_edt

from pandiff.cli import main
from pandiff.coco import PanopticFolder
from pandiff.errors import InputError
from pandiff.evaluation.validate import validate
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import Known, PanopticDiffusionPipeline
from pandiff.synthesis import edit, editing, silhouettes
from pandiff.synthesis.generate import Settings
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy(
    (
        Category(1, "sky", False),
        Category(2, "grass", False),
        Category(7, "sheep", True),
        Category(8, "dog", True),
    )
)


def scene() -> PanopticMap:
    """48 x 48: sky over grass, and a sheep (id 3) of 12 x 12."""
    return PanopticMap.from_boxes(
        [(0, 0, 48, 24), (0, 24, 48, 24), (18, 18, 12, 12)], ["sky", "grass", "sheep"], (48, 48),
        TAXONOMY,
    )  # fmt: skip


def masks(known: Known) -> tuple[np.ndarray, np.ndarray]:
    assert isinstance(known.map, np.ndarray)
    assert isinstance(known.image, np.ndarray)
    return known.map, known.image


def test_remove_forgets_the_segment_and_what_surrounds_it() -> None:
    one = edit.remove(scene(), 3)
    on_map, on_image = masks(one.known)
    sheep = scene().mask(3)
    assert not on_map[sheep].any()
    assert not on_image[~on_map].any()
    assert sheep.sum() < (~on_map).sum() < 3 * sheep.sum()
    assert one.map == scene()
    assert one.negative_prompt == "a sheep"


def test_remove_takes_the_shadow_along() -> None:
    """At a thing's foot more of the image is made anew, and no more of the map."""
    wide = PanopticMap.from_boxes(
        [(0, 0, 96, 96), (20, 30, 40, 30)], ["grass", "sheep"], (96, 96), TAXONOMY
    )
    on_map, on_image = masks(edit.remove(wide, 2).known)
    shadow = on_map & ~on_image
    rows, columns = np.nonzero(shadow)
    assert shadow.any()
    assert rows.min() > 45
    assert rows.max() < 75
    assert not on_image[60, 14:67].any(), "a shadow reaches an eighth beyond the sides"
    assert columns.min() > 5
    assert columns.max() < 75
    dog = (62, 48, 20, 14)
    both = PanopticMap.from_boxes(
        [(0, 0, 96, 96), (20, 30, 40, 30), dog], ["grass", "sheep", "dog"], (96, 96), TAXONOMY
    )
    on_map, on_image = masks(edit.remove(both, 2).known)
    assert np.array_equal(on_map[both.mask(3)], on_image[both.mask(3)]), "others are left alone"
    sky = edit.remove(scene(), 1).known  # stuff casts none
    assert np.array_equal(*masks(sky))


def test_add_gives_the_core_and_frees_the_box() -> None:
    one = edit.add(scene(), "dog", (4, 28, 12, 16))
    on_map, on_image = masks(one.known)
    dog = one.map.mask(4)
    assert one.map[4].category_id == 8
    assert 0.2 < dog.sum() / (12 * 16) < 0.4
    assert on_map[dog].all()
    assert not on_image[28:44, 4:16].any()
    assert not on_map[28, 4]
    outside = np.ones((48, 48), bool)
    outside[28:44, 4:16] = False
    assert on_map[outside].all()
    assert np.array_equal(one.map.ids[outside], scene().ids[outside])


def test_replace_keeps_the_core_under_another_name() -> None:
    one = edit.replace(scene(), 3, "dog")
    on_map, on_image = masks(one.known)
    sheep = scene().mask(3)
    assert one.map[3].category_id == 8
    assert on_map[24, 24]
    assert not on_map[18, 18]
    assert not on_image[sheep].any()
    assert one.prompt == "a dog"


def test_what_replaces_a_thing_stands_on_its_foot_and_has_other_shapes() -> None:
    """A dog need not have the outline of the sheep; further tries are taller, or wider."""
    one = edit.replace(scene(), 3, "dog")
    shapes = [one, *one.others]
    assert [s.wanted for s in shapes] == [3, 3, 3]
    boxes = []
    for shape in shapes:
        on_map, on_image = masks(shape.known)
        dog = shape.map.ids == 3
        core = on_map & ~on_image
        assert core.any()
        assert dog[core].all(), "the core is the dog's"
        assert not on_image[scene().mask(3)].any()
        rows, columns = np.nonzero(core)
        boxes.append((np.ptp(columns) + 1, np.ptp(rows) + 1, rows.max()))
    (w, h, _), (narrow, high, _), (wide, low, foot) = boxes
    assert narrow < high <= w == h
    assert low < wide == w
    assert foot >= boxes[0][2]


def test_what_replaces_a_thing_leaves_the_others() -> None:
    beside = PanopticMap.from_boxes(
        [(0, 0, 48, 24), (0, 24, 48, 24), (18, 18, 12, 12), (31, 18, 8, 12)],
        ["sky", "grass", "sheep", "sheep"], (48, 48), TAXONOMY,
    )  # fmt: skip
    one = edit.replace(beside, 3, "dog")
    near = masks(edit.remove(beside, 3).known)[0]
    for shape in (one, *one.others):
        on_image = masks(shape.known)[1]
        assert np.array_equal(on_image[beside.mask(4)], near[beside.mask(4)])
        assert (shape.map.ids == 4).sum() == beside.mask(4).sum()
    stuff = edit.replace(scene(), 2, "sky")
    assert masks(stuff.known)[0][36, 24], "stuff keeps its shape"
    assert stuff.others == ()


def test_what_replaces_a_thing_is_given_nowhere_on_pixels_that_stay() -> None:
    """The core of a wide shape reaches the margin of its neighbour."""
    crowded = PanopticMap.from_boxes(
        [(0, 0, 48, 48), (20, 12, 4, 24), (30, 20, 8, 16)], ["grass", "sheep", "sheep"], (48, 48),
        TAXONOMY,
    )  # fmt: skip
    one = edit.replace(crowded, 2, "dog")
    for shape in (one, *one.others):
        on_map, on_image = masks(shape.known)
        same = crowded.ids == shape.map.ids
        assert same[on_map & on_image].all()


TALL = np.ones((9, 3), bool)
TALL[0, 0] = TALL[0, 2] = False
"""A silhouette three times as tall as wide, with a narrow head."""


def test_a_silhouette_is_as_large_as_fits_the_box_and_stands_on_its_foot() -> None:
    added = edit.add(scene(), "dog", (4, 26, 12, 18)).shaped
    replaced = edit.replace(scene(), 3, "dog").shaped  # of a sheep at (18, 18), 12 x 12
    assert added is not None
    assert replaced is not None
    for one, segment, bbox in (
        (added(TALL), 4, (7, 26, 6, 18)),
        (replaced(TALL), 3, (22, 18, 4, 12)),
    ):
        on_map, on_image = masks(one.known)
        dog = on_map & ~on_image & (one.map.ids == segment)
        rows, cols = np.nonzero(dog)
        found = cols.min(), rows.min(), np.ptp(cols) + 1, np.ptp(rows) + 1
        assert found == bbox
        assert not dog[bbox[1], bbox[0]], "the head is narrow"
        assert one.map[segment].category_id == 8
        assert one.wanted == segment
        assert one.gone is not None
        assert one.gone[dog].all()
        same = scene().ids == one.map.ids
        assert same[on_map & on_image].all()
        away = ~binary_dilation(dog) & (scene().ids != segment)
        assert on_map[away].all(), "the map is open on its outline and where the old thing was"
        assert on_image[away].sum() < away.sum(), "the image in more than that"
    gone = replaced(TALL).gone
    assert gone is not None
    assert gone[scene().mask(3)].all(), "what is left of the old thing goes too"


def test_a_silhouette_leaves_the_others_and_what_the_frame_cuts() -> None:
    beside = PanopticMap.from_boxes(
        [(0, 0, 48, 48), (2, 18, 12, 12), (16, 18, 8, 12)], ["grass", "sheep", "sheep"], (48, 48),
        TAXONOMY,
    )  # fmt: skip
    shaped = edit.replace(beside, 2, "dog").shaped
    assert shaped is not None
    one = shaped(np.ones((2, 40), bool))
    assert (one.map.ids == 3).sum() == beside.mask(3).sum()
    assert (one.map.ids == 2)[masks(one.known)[0]].any()
    for plain in (
        edit.remove(beside, 2),
        edit.redo_segment(beside, 2),
        edit.replace(beside, 1, "sky"),
    ):
        assert plain.shaped is None


@pytest.mark.parametrize("box", [(40, 40, 30, 30), (46, 28, 1, 4), (47.6, 28, 0.4, 4)])
def test_what_is_added_is_there_even_where_the_frame_cuts_its_middle(box: Any) -> None:
    one = edit.add(scene(), "dog", box)
    assert one.shaped is not None
    for plan in (one, one.shaped(TALL)):
        on_map, on_image = masks(plan.known)
        dog = plan.map.ids == 4
        assert dog.any()
        assert (on_map & ~on_image)[dog].all()
        assert plan.kind is not None
        assert plan.kind.name == "dog"


def test_even_a_pixel_can_be_replaced() -> None:
    boxes = [(0, 0, 48, 48), (10, 10, 1, 1)]
    dot = PanopticMap.from_boxes(boxes, ["sky", "sheep"], (48, 48), TAXONOMY)
    one = edit.replace(dot, 2, "dog")
    for shape in (one, *one.others):
        on_map, on_image = masks(shape.known)
        assert (on_map & ~on_image & (shape.map.ids == 2)).any()


def test_stuff_becomes_a_part_of_the_stuff_that_is_there() -> None:
    """There is one segment of each category of stuff, and it keeps its id."""
    before = scene()
    for one in (
        edit.replace(before, 3, "grass"),
        edit.replace(before, 1, "grass"),
        edit.add(before, "grass", (4, 4, 8, 8)),
    ):
        assert [s.id for s in one.map.segments if s.category_id == 2] == [2]
        assert one.wanted == 2
        assert one.map.mask(2).sum() > before.mask(2).sum()
    assert {s.id for s in edit.add(before, "sheep", (0, 24, 8, 8)).map.segments} == {1, 2, 3, 4}
    new = edit.replace(PanopticMap.from_ids(before.ids, {1: 1, 2: 1, 3: 7}, TAXONOMY), 3, "grass")
    assert new.wanted == 3, "none was there"


@pytest.mark.parametrize("box", [(-1e5, -1e5, 2e5, 2e5), (5, 5, 1e300, 20), (20, 20, 0.1, 0.1)])
def test_a_silhouette_fits_any_box(box: tuple[float, float, float, float]) -> None:
    """Only what lies in the frame is ever drawn."""
    one = edit.add(scene(), "dog", box)
    assert one.shaped is not None
    shaped = one.shaped(np.ones((12, 8), bool))
    assert shaped.map.mask(4).any()


@pytest.mark.parametrize("box", [(5, 5, 0, 20), (60, 5, 8, 8), (5, 5, 8, -1)])
def test_a_box_that_holds_nothing(box: tuple[float, float, float, float]) -> None:
    with np.errstate(all="raise"), pytest.raises(InputError, match="box"):
        edit.add(scene(), "dog", box)


def test_sizes_are_compared_before_anything_is_drawn() -> None:
    with pytest.raises(InputError, match="one size, got 8 x 4 and 48 x 48"):
        editing.run(cast(Any, None), Image.new("RGB", (8, 4)), edit.remove(scene(), 3), Settings())


def test_tries_take_turns_with_the_shapes(tiny_model: Path, toy_data: Path) -> None:
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    folder = PanopticFolder.open(toy_data)
    image, panoptic = folder.image(1).convert("RGB"), folder.panoptic(1)
    box = next(s for s in panoptic.segments if s.category_id == 7)
    plan = edit.redo_segment(panoptic, box.id)
    other = edit.redo(panoptic, panoptic.mask(box.id))
    both = replace(plan, others=(other,))
    drawn = editing.run(pipe, image, plan, Settings(steps=1), count=4)
    also = editing.run(pipe, image, other, Settings(steps=1), count=4, prompt=plan.prompt)
    kept = editing.run(pipe, image, both, Settings(steps=1), count=2, tries=2)
    for pair in kept:
        k = pair.seed
        source = (drawn, also)[k % 2][k]
        assert np.array_equal(np.asarray(pair.image), np.asarray(source.image))


def test_new_things_take_turns_with_silhouettes_of_the_models_own(
    tiny_model: Path, toy_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    plan = edit.add(PanopticFolder.open(toy_data).panoptic(1), "box", (4, 40, 16, 16))
    asked: list[int] = []
    drawn: list[np.ndarray] = [TALL, TALL.T]

    def draw(pipe: object, kind: Category, seeds: list[int], settings: Settings) -> Any:
        asked.append(len(seeds))
        assert kind.name == "box"
        return drawn

    monkeypatch.setattr(silhouettes, "draw", draw)
    assert plan.shaped is not None
    tall, flat = (plan.shaped(one).map.ids for one in drawn)
    for count, tries, expected in (
        (1, 1, [tall]),
        (3, 1, [tall, flat, tall]),
        (2, 3, [tall, plan.map.ids, flat, tall, plan.map.ids, flat]),
    ):
        found = editing.shapes(pipe, plan, Settings(), count, tries)
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one.map.ids, other)
    assert asked == [4, 4, 4]
    drawn.clear()
    assert editing.shapes(pipe, plan, Settings(), 1, 2) == [plan, plan]
    other = edit.remove(plan.map, plan.map.segments[0].id)
    assert editing.shapes(pipe, other, Settings(), 2, 2) == [other] * 4
    assert len(asked) == 4, "nothing is drawn for what brings no new thing"


def test_an_edit_changes_what_the_maps_tell() -> None:
    """Grass that is still grass stays; what was the sheep and what is the dog do not."""
    before = scene()
    one = edit.replace(before, 3, "dog")
    ids = np.where(before.mask(3), 2, before.ids)
    ids[20:32, 14:20] = 3
    after = PanopticMap.from_ids(ids, {1: 1, 2: 2, 3: 8}, TAXONOMY)
    changed = one.changed(after)
    free = ~masks(one.known)[1]
    assert not changed[~free].any(), "what is known never changes"
    assert changed[before.mask(3)].all()
    assert changed[after.mask(3) & free].all()
    quiet = free & (before.category_index == after.category_index) & ~changed
    assert quiet.any(), "some of the region is as before"
    assert edit.remove(before, 3).changed(after)[24, 24]
    whole = edit.redo(before, ~masks(one.known)[1])
    assert np.array_equal(whole.changed(after), free), "what is redone is all made anew"


def test_new_things_bring_their_shadows() -> None:
    before = PanopticMap.from_boxes([(0, 0, 96, 96)], ["grass"], (96, 96), TAXONOMY)
    one = edit.add(before, "dog", (30, 30, 30, 30))
    shape = (33, 33, 24, 24)
    after = PanopticMap.from_boxes([(0, 0, 96, 96), shape], ["grass", "dog"], (96, 96), TAXONOMY)
    changed = one.changed(after)
    assert changed[59, 45]
    assert not changed[28, 45], "and nothing above"


def test_what_did_not_change_is_put_back() -> None:
    before, gray = scene(), Image.new("RGB", (48, 48), (90, 90, 90))
    one = edit.add(before, "dog", (4, 28, 12, 16))
    made = Image.new("RGB", (48, 48), (200, 40, 40))
    after = PanopticMap.from_boxes(
        [(0, 0, 48, 24), (0, 24, 48, 24), (18, 18, 12, 12), (6, 30, 8, 8)],
        ["sky", "grass", "sheep", "dog"], (48, 48), TAXONOMY,
    )  # fmt: skip
    pixels = np.asarray(editing.put_back(gray, made, one, after))
    assert (pixels[34, 10] != 90).any()
    kept = ~one.changed(after)
    assert (pixels[:26, 20:] == 90).all()
    assert kept[45, 4]
    redone = edit.redo(before, after.mask(4))
    assert editing.put_back(gray, made, redone, after) is made, "the pipeline has blended it"


def test_redo_of_a_region_and_of_a_segment() -> None:
    region = np.zeros((48, 48), bool)
    region[:10] = True
    on_map, on_image = masks(edit.redo(scene(), region).known)
    assert np.array_equal(on_map, ~region)
    assert np.array_equal(on_image, ~region)
    one = edit.redo_segment(scene(), 3)
    assert masks(one.known)[0][24, 24]
    assert not masks(one.known)[1][24, 24]
    assert one.prompt == "a sheep"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: edit.remove(scene(), 9), "a segment of the map (1 sky, 2 grass, 3 sheep), got 9"),
        (lambda: edit.replace(scene(), 3, "cat"), "cat"),
        (lambda: edit.replace(scene(), 3, "sheep"), "another category, got 'sheep'"),
        (lambda: edit.add(scene(), "dog", (99, 0, 4, 4)), "a box inside of 48 x 48"),
    ],
)
def test_edits_that_make_no_sense(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=re.escape(message)):
        make()


def test_a_run_keeps_what_is_known(tiny_model: Path, toy_data: Path) -> None:
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    folder = PanopticFolder.open(toy_data)
    image, panoptic = folder.image(1).convert("RGB"), folder.panoptic(1)
    box = next(s for s in panoptic.segments if s.category_id == 7)
    plan = edit.remove(panoptic, box.id)
    made = editing.run(pipe, image, plan, Settings(steps=2, batch_size=2), count=3)
    known = masks(plan.known)[0]
    assert len({m.seed for m in made}) == 3
    for one in made:
        assert np.array_equal(one.panoptic.ids[known], panoptic.ids[known])
        assert one.image.size == image.size
    assert np.asarray(made[0].image).tolist() != np.asarray(made[1].image).tolist()


def test_a_photo_of_another_size_keeps_what_did_not_change(
    tiny_model: Path, toy_data: Path
) -> None:
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    folder = PanopticFolder.open(toy_data)
    image = folder.image(1).convert("RGB").resize((150, 100))
    panoptic = folder.panoptic(1).resize((150, 100))
    box = next(s for s in panoptic.segments if s.category_id == 7)
    plan = edit.remove(panoptic, box.id)
    (made,) = editing.run(pipe, image, plan, Settings(steps=2))
    far = distance_transform_edt(~plan.changed(made.panoptic)) > 6
    assert made.image.size == (150, 100)
    assert np.array_equal(np.asarray(made.image)[far], np.asarray(image)[far])
    assert (np.asarray(made.image) != np.asarray(image)).any()


def test_a_run_is_by_a_solver_that_adds_noise(tiny_model: Path, toy_data: Path) -> None:
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    usual = pipe.scheduler = DPMSolverMultistepScheduler()
    folder = PanopticFolder.open(toy_data)
    image, panoptic = folder.image(1).convert("RGB"), folder.panoptic(1)
    plan = edit.redo(panoptic, np.indices((64, 64))[1] > 20)
    (made,) = editing.run(pipe, image, plan, Settings(steps=4))
    assert pipe.scheduler is usual
    by_hand = [
        pipe("", image=image, map=plan.map, known=plan.known, num_inference_steps=4,
             generator=[torch.Generator().manual_seed(made.seed)]).images[0]
        for pipe.scheduler in (
            usual, DPMSolverMultistepScheduler(algorithm_type="sde-dpmsolver++")
        )
    ]  # fmt: skip
    same = [np.array_equal(np.asarray(one), np.asarray(made.image)) for one in by_hand]
    assert same == [False, True]


def test_a_run_takes_steps_and_guidance_of_its_settings() -> None:
    """Tries and redrawing are for samples that are made from prompts alone."""
    asked: list[dict[str, Any]] = []

    class Recorder:
        def set_progress_bar_config(self, disable: bool) -> None: ...

        def noisy_solver(self) -> AbstractContextManager[None]:
            return nullcontext()

        def __call__(self, prompts: list[str], **arguments: Any) -> Any:
            asked.append(arguments)
            return SimpleNamespace(images=[image], maps=[scene()])

    image, pipe = Image.new("RGB", (48, 48)), cast(PanopticDiffusionPipeline, Recorder())
    settings = Settings(5, 4.0, tries=16, redraw=True, map_guidance_scale=1.5)
    editing.run(pipe, image, edit.remove(scene(), 3), settings)
    (one,) = asked
    assert (one["num_inference_steps"], one["guidance_scale"]) == (5, 4.0)
    assert (one["map_guidance_scale"], one["negative_prompt"]) == (1.5, "a sheep")
    assert one.get("tries", 1) == 1
    steps: list[int] = []

    def progress(starts: Any) -> Any:
        for start in starts:
            steps.append(start)
            yield start

    settings = Settings(5, batch_size=1)
    editing.run(pipe, image, edit.remove(scene(), 3), settings, 3, progress=progress)
    assert steps == [0, 1, 2], "progress is by batches"


def test_a_region_can_be_varied(tiny_model: Path, toy_data: Path) -> None:
    """With a strength the region starts from what was there; what is known stays as it was."""
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    folder = PanopticFolder.open(toy_data)
    image, panoptic = folder.image(1).convert("RGB"), folder.panoptic(1)
    plan = edit.redo(panoptic, np.indices((64, 64))[1] > 20)
    varied, anew = (
        editing.run(pipe, image, plan, Settings(steps=4), strength=s)[0] for s in (0.5, None)
    )
    known = masks(plan.known)[0]
    assert np.array_equal(varied.panoptic.ids[known], panoptic.ids[known])
    assert np.asarray(varied.image).tolist() != np.asarray(anew.image).tolist()


@pytest.mark.parametrize(
    "verb",
    [
        ["remove", "--segment", "3"],
        ["add", "--category", "box", "--box", "4", "40", "16", "16"],
        ["replace", "--segment", "3", "--category", "sky"],
        ["redo", "--box", "0", "0", "30", "30"],
        ["redo", "--segment", "3"],
        ["redo", "--segment", "3", "--strength", "0.6"],
    ],
    ids=lambda v: f"{v[0]}-{v[-2][2:]}",
)
def test_the_command(verb: list[str], tiny_model: Path, toy_data: Path, tmp_path: Path) -> None:
    folder = PanopticFolder.open(toy_data)
    name = Path(folder.images[1].file_name).stem
    given = ["--image", f"{toy_data}/images/{name}.png", "--map", f"{toy_data}/panoptic/{name}.png"]
    sampling = ["--model", str(tiny_model), "--steps", "2", "--count", "2", "--tries", "2"]
    assert main(["edit", *verb, *given, *sampling, "--out", str(tmp_path / "out")]) == 0
    assert validate(tmp_path / "out/dataset") == []
    Image.open(tmp_path / "out/grid.png").verify()
    lines = (tmp_path / "out/dataset/manifest.jsonl").read_text().splitlines()
    strength = 0.6 if "--strength" in verb else None
    assert [json.loads(line).get("strength") for line in lines] == [strength] * 2
    assert [json.loads(line)["tries"] for line in lines] == [2, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["remove"], "--segment to remove, got none"),
        (["add", "--category", "box"], "--box to add, got none"),
        (["replace", "--segment", "3"], "--category to replace, got none"),
        (["redo"], "--segment or --box to redo, got none"),
        (["melt"], "melt"),
        (["redo", "--segment", "3", "--strength", "2"], "a share above 0 for --strength, got '2'"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--image", "a.png", "--map", "b.png", "--out", str(tmp_path / "out")]
    assert main(["edit", *arguments, *given]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
