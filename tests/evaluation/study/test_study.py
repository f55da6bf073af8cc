"""A study on disk: its questions, its pictures, what it refuses, what evaluations say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import FolderWriter
from pandiff.data.scenes import TAXONOMY, make_scene
from pandiff.errors import InputError
from pandiff.evaluation.measuring import Judges, Measuring
from pandiff.evaluation.questions import SceneQuestions
from pandiff.evaluation.sample_sets import IMAGE_TO_MAP, REFERENCE, TEXT, fill, real
from pandiff.evaluation.study.items import MAPS, PAIRS, SCORE, choose_items
from pandiff.evaluation.study.sources import Source
from pandiff.evaluation.study.study import Settings, Study, make_study
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

Sets = dict[str, Path]


def sources(sets: Sets, *names: str) -> list[Source]:
    return [Source.open(sets[name], name) for name in names]


def test_questions_take_turns_among_sets(sets: Sets) -> None:
    items = choose_items(sources(sets, "right", "worse", "other"), 9, 7, seed=0)
    chosen, scored = items[:9], items[9:]
    assert [i.sets for i in chosen] == [(0, 1), (0, 2), (1, 2)] * 3
    assert [i.kind for i in chosen] == [MAPS, PAIRS, PAIRS] * 3
    assert [i.sets for i in scored] == [(k % 3,) for k in range(7)]
    assert {i.kind for i in scored} == {SCORE} and len(set(items)) == 16
    other = choose_items(sources(sets, "right", "worse"), 6, 0, seed=1)
    assert [i.key for i in other] != sorted(i.key for i in other)
    assert len({i.key for i in other}) == 6


def test_no_more_questions_than_samples(sets: Sets) -> None:
    assert len(choose_items(sources(sets, "right", "worse"), 99, 99, seed=0)) == 6 + 12
    assert {i.kind for i in choose_items(sources(sets, "right"), 99, 99, seed=0)} == {SCORE}
    with pytest.raises(InputError, match="at least one question, got none"):
        choose_items(sources(sets, "right"), 9, 0, seed=0)


def test_it_opens_as_it_was_made(study: Study) -> None:
    again = Study.open(study.path)
    assert again == study and again.turns(3) == study.turns(3)
    assert make_study(study.path, study.settings) == study
    with pytest.raises(InputError, match=r"the seed 1 with which .* was begun, got 2"):
        make_study(study.path, Settings(study.settings.sets, 6, 6, 8, seed=2))


def test_pictures_are_large_and_their_names_tell_nothing(study: Study) -> None:
    shown = study.shown[1, "000000000002"]
    for name in (shown.image, shown.panoptic):
        with Image.open(study.path / "pictures" / f"{name}.png") as picture:
            assert max(picture.size) == 640
    assert study.shown[0, "000000000002"].image == shown.image  # the same picture, once
    assert study.shown[0, "000000000002"].panoptic != shown.panoptic
    names = [p.stem for p in (study.path / "pictures").iterdir()]
    assert all(len(n) == 24 and int(n, 16) for n in names) and len(names) == 6 + 12
    assert study.gallery.read("../study") is None and study.gallery.read("nothing") is None


def test_the_manifest_is_known(study: Study) -> None:
    assert study.shown[1, "000000000002"].measures == {"confidence": pytest.approx(0.48)}
    assert study.shown[1, "000000000002"].prompt == make_scene(3, 1, 64).captions[0].text


def test_a_foreign_folder_is_left_alone(sets: Sets, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="a new folder or a study"):
        make_study(tmp_path, Settings((str(sets["right"]),)))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(InputError, match=r"a study in .*, got no study\.json; make one"):
        Study.open(tmp_path)


def test_an_interrupted_making_goes_on(sets: Sets, tmp_path: Path) -> None:
    settings = Settings((str(sets["right"]), str(sets["worse"])), 6, 6, 8, seed=1)

    def stop(items):  # type: ignore[no-untyped-def]
        yield from items[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_study(tmp_path / "study", settings, stop)
    assert len(make_study(tmp_path / "study", settings).shown) == 12


def test_sets_that_cannot_be_compared(sets: Sets, tmp_path: Path) -> None:
    taxonomy = Taxonomy((Category(1, "else", False),))
    panoptic = PanopticMap.from_ids(np.ones((8, 8), int), {1: 1}, taxonomy)
    with FolderWriter(tmp_path / "kinds", taxonomy) as writer:
        writer.add(Image.new("RGB", (8, 8)), panoptic)
    with FolderWriter(tmp_path / "names", TAXONOMY) as writer:
        scene = make_scene(3, 0, 64)
        writer.add(Image.fromarray(scene.image), scene.panoptic, file_name="another.png")
    with FolderWriter(tmp_path / "prompts", TAXONOMY) as writer:
        writer.add(Image.new("RGB", scene.panoptic.size), scene.panoptic, ["another prompt"])
    for name, message in (("kinds", "sets of the categories of"), ("names", "names in common"),
                          ("prompts", "sets of the same images or the same prompts")):  # fmt: skip
        both = [Source.open(p, "x") for p in (sets["right"], tmp_path / name)]
        with pytest.raises(InputError, match=message):
            choose_items(both, 4, 4, seed=0)


def test_a_broken_manifest(sets: Sets, tmp_path: Path) -> None:
    with FolderWriter(tmp_path / "data", TAXONOMY) as writer:
        scene = make_scene(3, 0, 64)
        writer.add(Image.fromarray(scene.image), scene.panoptic)
    (tmp_path / "data/manifest.jsonl").write_text("[1]\nx")
    with pytest.raises(InputError, match="a manifest of JSON lines"):
        Source.open(tmp_path / "data", "x").prompt("000000000001")


def test_what_an_evaluation_measured(tmp_path: Path) -> None:
    makers = {n: real(SceneQuestions(32)) for n in (REFERENCE, TEXT, IMAGE_TO_MAP)}
    sets = {n: fill(tmp_path / "samples" / n, TAXONOMY, 4, 2, m) for n, m in makers.items()}
    rows = Measuring(sets, Judges()).run()
    rows.add("text/mcd", [1], [np.array(0.25)])
    rows.save(tmp_path / "rows.npz")
    run = Source.open(tmp_path, "run")
    assert run.measures("000000000002") == {"mcd": 0.25, "confidence": 1.0}
    found = Source.open(tmp_path / "samples/image_to_map", "found").measures("000000000002")
    assert found == {"truth": 1.0, "truth_miou": 1.0, "boundary_f": 1.0, "mcd": 0.0,
                     "confidence": 1.0}  # fmt: skip
    assert Source.open(tmp_path / "samples/reference", "r").measures("000000000001") == {"mcd": 0.0}


def test_a_broken_study(study: Study) -> None:
    content = json.loads((study.path / "study.json").read_text())
    del content["items"]
    (study.path / "study.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"got KeyError\('items'\); make it anew"):
        Study.open(study.path)
