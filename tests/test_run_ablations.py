"""The ablation script with tiny trainings: every kind of variant, the resume, the tables."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from pandiff.codec import CODINGS, PanopticCodec
from pandiff.data.scenes import TAXONOMY, make_scene

TINY = "--steps 2 --batch 4 --width 32 --depth 1 --scenes 8 --samples 4 --references 4"


@pytest.fixture(scope="module")
def script(root: Path) -> Iterator[ModuleType]:
    """The script; afterwards nothing of it is left, the released code's coding least of all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "scripts"))
        before = set(CODINGS)
        yield importlib.import_module("run_ablations")
        for name in set(CODINGS) - before:
            del CODINGS[name]
        for name in [n for n in sys.modules if n.split(".")[0] in ("ablations", "run_ablations")]:
            del sys.modules[name]


def test_two_variants_their_resume_and_the_table(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- table generation -->\n<!-- end -->\nAfter.\n")
    call = [*TINY.split(), "--out", f"{tmp_path}/out", "--report", f"{page}", "--seeds", "3"]
    results = script.run([*call, "--variants", "mismatched", "two-stream"])
    assert set(results) == {"rendered", "mismatched", "u-vit", "two-stream"}
    mismatched, two = results["mismatched"][0], results["two-stream"][0]
    assert mismatched["training"]["samples"] == 8 and mismatched["training"]["milliseconds"] > 0
    assert 0 <= mismatched["measures"]["found_signs"]["invalid"] <= 1
    assert {"found_matched", "at_once_500", "coding"} <= set(mismatched["measures"])
    assert {"together", "prompt", "found", "alone", "error"} <= set(two["measures"])
    assert set(results["u-vit"][0]["measures"]) == {"alone", "error"}
    lines = page.read_text().splitlines()
    assert lines[0] == "Before." and lines[-1] == "After."
    row = next(line for line in lines if line.startswith("| two-stream"))
    frechet = two["measures"]["together"]["frechet"]
    assert row.split(" | ")[1] == "1" and f"{frechet:.1f}" in row
    assert next(line for line in lines if line.startswith("| unified")).count("| - ") == 6

    def never(*arguments: object) -> None:
        raise AssertionError("what is finished is run again")

    monkeypatch.setattr(script, "train", never)
    text = page.read_text()
    assert script.run([*call, "--variants", "mismatched", "two-stream"]) == results
    assert page.read_text() == text
    with pytest.raises(SystemExit, match="expected the scale"):
        script.run([*call, "--steps", "3"])
    with pytest.raises(ValueError, match="expected variants of baseline, single"):
        script.run([*call, "--variants", "best"])


def test_every_variant_has_a_network_and_a_place_in_a_table(script: ModuleType) -> None:
    variants = importlib.import_module("ablations.variants")
    tables = importlib.import_module("ablations.tables")
    scale = variants.Scale(2, 4, 8, 4, 4, 32, 1)
    shown = {name for table in tables.TABLES.values() for name in table.rows}
    assert shown == {v.name for v in variants.VARIANTS} | {"rendered"}
    settings = {
        (v.task, json.dumps(v.config(scale, 0, "encoders").to_dict())) for v in variants.VARIANTS
    }
    assert len(settings) == len(variants.VARIANTS)


def test_a_range_over_seeds(script: ModuleType) -> None:
    tables = importlib.import_module("ablations.tables")
    table = tables.Table({"a": "A", "b": "B"}, (tables.of("found", "all", "PQ", 2),))
    results = {"a": [{"measures": {"found": {"all": v}}} for v in (0.2, 0.4)]}
    assert table.text(results).splitlines()[2:] == [
        "| A | 2 | 0.30 (0.20 to 0.40) |",
        "| B | 0 | - |",
    ]


def test_signs_spell_words_that_do_not_exist(script: ModuleType) -> None:
    released = importlib.import_module("ablations.released")
    scene = make_scene(0, 0, 64).panoptic
    codec = PanopticCodec(TAXONOMY, void=False)
    values = codec.encode(scene)
    assert not released.invalid(codec, released.signs(codec, values)).any()
    clean = [m.category_index for m in (scene, released.by_signs(codec, values))]
    assert (clean[0] == clean[1]).all()
    values[:5] = torch.tensor([1.0, 1.0, 1.0, 1.0, -0.01])[:, None, None]
    assert released.invalid(codec, released.signs(codec, values)).all()
    assert not released.by_signs(codec, values).segments
    assert released.by_nearest_word(codec, values).segments


def test_category_bits_alone_know_parts_only(script: ModuleType) -> None:
    released = importlib.import_module("ablations.released")
    codec = PanopticCodec(TAXONOMY, instances=released.SEMANTIC, min_area=0)
    assert codec.channels == 5
    scene = make_scene(0, 1, 64).panoptic
    read = codec.decode(codec.encode(scene))
    assert (read.category_index == scene.category_index).all()


def test_the_page_holds_what_its_results_say(
    script: ModuleType, root: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_bytes((root / "docs/experiments.md").read_bytes())
    call = ["--out", f"{root / 'docs/experiments'}", "--report", f"{page}", "--only-report"]
    results = script.run(call)
    seeds = {name: sorted(r["seed"] for r in several) for name, several in results.items()}
    assert seeds.pop("rendered") == [0]
    assert set(seeds) == {v.name for v in script.named(None)}
    assert all(several == [0, 1] for several in seeds.values())
    assert page.read_bytes() == (root / "docs/experiments.md").read_bytes()
