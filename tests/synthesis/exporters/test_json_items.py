"""Reading the items of JSON lists in pieces: as json.load finds them, at their places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandiff.errors import InputError
from pandiff.synthesis.exporters.json_items import read_item, scan

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=6,
)
FILES = st.dictionaries(st.text("abc", max_size=3), VALUES, max_size=4)


@given(FILES, st.integers(1, 40), st.booleans(), st.sampled_from((None, 1)))
def test_any_file_in_any_pieces(
    tmp_path_factory: pytest.TempPathFactory,
    content: dict[str, object],
    chunk: int,
    ascii_only: bool,
    indent: int | None,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    text = json.dumps(content, ensure_ascii=ascii_only, indent=indent)
    path.write_text(text, encoding="utf-8")
    wanted = [(k, v) for k, items in content.items() if isinstance(items, list) for v in items]
    with path.open("rb") as file:
        found = list(scan(path, chunk))
        assert [(i.name, i.exact()) for i in found] == wanted
        assert [read_item(file, i.offset, len(i.raw)) for i in found] == [v for _, v in wanted]


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", '{"a": [1, 2', '{"a": [1 2]}', '{"a": nonsense}', '{"a" 1}']
)
def test_malformed_files_are_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(InputError, match=r"a correct COCO file .*bad\.json"):
        list(scan(tmp_path / "bad.json"))


def test_what_is_held_is_a_piece(tmp_path: Path) -> None:
    """Peak memory is a few pieces, however long the file."""
    import tracemalloc

    path = tmp_path / "long.json"
    path.write_text(json.dumps({"a": [{"k": k, "text": "x" * 100} for k in range(20000)]}))
    tracemalloc.start()
    try:
        assert sum(1 for _ in scan(path, 1 << 14)) == 20000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 2_000_000
    assert peak < 200_000
