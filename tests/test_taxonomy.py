"""Taxonomies from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pandiff.errors import InputError
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy(
    (Category(7, "sheep", True, (250, 240, 230), "animal"), Category(200, "grass", False))
)
YAML = """
categories:
  - {id: 7, name: sheep, isthing: true, color: [250, 240, 230], supercategory: animal}
  - id: 200
    name: grass
    isthing: 0
    color: [128, 128, 128]
"""


@pytest.mark.parametrize("name", ["t.yaml", "t.yml"])
def test_yaml(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(YAML)
    assert Taxonomy.from_file(tmp_path / name) == TAXONOMY


@pytest.mark.parametrize("whole", [True, False])
def test_json(whole: bool, tmp_path: Path) -> None:
    """A list, or any COCO panoptic file."""
    entries = TAXONOMY.to_coco()
    content = {"images": [], "categories": entries} if whole else entries
    (tmp_path / "t.json").write_text(json.dumps(content))
    assert Taxonomy.from_file(str(tmp_path / "t.json")) == TAXONOMY


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.json", "{", "a taxonomy in JSON or YAML"),
        ("t.yaml", "a: [", "a taxonomy in JSON or YAML"),
        ("t.yaml", "\x00", "a taxonomy in JSON or YAML"),
        ("t.yaml", "sheep", "a list of categories in .*, got str"),
        ("t.yaml", "classes: []", "a list of categories in .*, got NoneType"),
        ("t.yaml", "[]", "at least one category"),
        ("t.yaml", "- sheep", "a category with id, name, isthing"),
        ("t.yaml", "- {id: 1, name: sheep}", "a category with id, name, isthing"),
    ],
)
def test_what_is_no_taxonomy(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        Taxonomy.from_file(tmp_path / name)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        Taxonomy.from_file(tmp_path / "t.yaml")
