"""The results table is what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pandiff.errors import InputError

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("readme_table")


def metrics(**sections: dict[str, float]) -> dict[str, Any]:
    return {
        "metrics": {
            name: {k: {"value": v, "low": v - 0.1, "high": v + 0.1, "n": 9} for k, v in one.items()}
            for name, one in sections.items()
        },
        "setup": {
            "count": 9,
            "steps": 20,
            "guidance_scale": 3.0,
            "seed": 0,
            "command": "pandiff evaluate",
            "seconds": 5,
            "processes": 2,
            "machine": "a machine",
            "date": "2026-01-01",
        },
    }


def test_a_row_has_its_numbers_and_what_is_not_measured_is_left_out(script: ModuleType) -> None:
    found = metrics(truth_map={"categories": 0.5}, truth_map_real={"categories": 0.9})
    lines = script.table(found).splitlines()
    title = "mentioned categories that are in the map"
    assert lines[2:] == [f"| {title} | 0.50 (0.40 to 0.60) | 0.90 (0.80 to 1.00) |  | 0.95 |"]


def test_a_second_measurement_has_a_column_named_by_how_it_sampled(script: ModuleType) -> None:
    first = metrics(truth_map={"categories": 0.5}, map={"mcd": 0.3})
    second = metrics(truth_map={"categories": 0.8})
    second["setup"] |= {"guidance_scale": 2.0, "map_guidance_scale": 2.0, "tries": 16}
    head, _, categories, distance = script.table(first, second).splitlines()
    words = "20 steps, guidance 2, map guidance 2, up to 16 tries"
    assert (
        head == f"| on unseen scenes | this model | {words} | rendered scenes | strangers | aim |"
    )
    assert "| 0.50 (0.40 to 0.60) | 0.80 (0.70 to 0.90) |" in categories
    assert "| 0.30 (0.20 to 0.40) |  |" in distance
    assert script.caption(first, second).count("`pandiff evaluate`, 5 s, 2 processes") == 2


def test_only_what_stands_between_the_marks_changes(script: ModuleType) -> None:
    page = "before\n<!-- results -->\nold\n<!-- /results -->\nafter\n"
    found = metrics(truth_map={"categories": 0.5})
    filled = script.fill(page, found)
    assert filled.startswith("before\n<!-- results -->\n9 unseen scenes")
    assert filled.endswith("<!-- /results -->\nafter\n") and "old" not in filled
    assert script.fill(filled, found) == filled
    with pytest.raises(InputError, match="a page with"):
        script.fill("no marks", found)


@pytest.mark.parametrize("page", ["README.md", "src/pandiff/assets/scenes/README.md"])
def test_the_pages_have_what_the_shipped_models_metrics_say(page: str, script: ModuleType) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    shipped, tries = (
        json.loads((ROOT / "src/pandiff/assets/scenes" / name).read_text())
        for name in ("metrics.json", "metrics_tries.json")
    )
    assert script.fill(text, shipped, tries) == text
