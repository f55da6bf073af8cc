"""Hugging Face datasets: parquet files that hold the images too.

data/train-00000.parquet ...   data/val-00000.parquet ...   categories.json   README.md, whose head
tells `datasets.load_dataset` which files are which split.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from pandiff.coco import ids_to_png, segment_to_coco, write_json
from pandiff.synthesis.exporters.exporter import Exporter, Sample, Target
from pandiff.synthesis.exporters.extras import extra

GROUP_BYTES, GROUP_ROWS = 32 << 20, 100
"""A row group, what is held in memory, ends when it has either."""

SHARD_BYTES = 500 << 20
"""A file ends when it has this many bytes of images."""

Row = dict[str, Any]


class HuggingFace(Exporter):
    """Writes parquet; images keep the bytes of their files.

    Columns: image (bytes and name), panoptic (PNG, id = R + 256 G + 65536 B), image_id, width,
    height, segments_info (as COCO has it, score always), captions.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        arrow = extra("pyarrow", "hf")
        (target.out / "data").mkdir()
        self._shards = {s: _Shards(target.out / "data", s, _schema(arrow)) for s in target.splits}

    def add(self, sample: Sample) -> None:
        self._shards[sample.split].add(_row(sample))

    def close(self) -> None:
        for shards in self._shards.values():
            shards.close()
        write_json(self.target.out / "categories.json", self.target.taxonomy.to_coco())
        files = [
            f"  - split: {'validation' if s == 'val' else s}\n    path: data/{s}-*.parquet\n"
            for s in self.target.splits
        ]
        text = f"---\nconfigs:\n- config_name: default\n  data_files:\n{''.join(files)}---\n{_CARD}"
        (self.target.out / "README.md").write_text(text, encoding="utf-8")


_CARD = """
Images with their panoptic maps and captions, written by `pandiff export`. `panoptic` is a PNG whose
pixels are segment ids, R + 256 G + 65536 B, 0 for void; `segments_info` says of each id what COCO's
panoptic format says of it; the categories are in `categories.json`.
"""


class _Shards:
    """The parquet files of one split."""

    def __init__(self, folder: Path, split: str, schema: Any) -> None:
        self._folder, self._split, self._schema = folder, split, schema
        self._arrow, self._parquet = extra("pyarrow", "hf"), extra("pyarrow.parquet", "hf")
        self._rows: list[Row] = []
        self._row_bytes = self._shard_bytes = self._count = 0
        self._writer: Any = None

    def add(self, row: Row) -> None:
        self._rows.append(row)
        self._row_bytes += len(row["image"]["bytes"]) + len(row["panoptic"]["bytes"])
        if len(self._rows) >= GROUP_ROWS or self._row_bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        """Write the rows at hand as a row group; begin a new file where the last one is full."""
        if self._writer is not None and self._shard_bytes >= SHARD_BYTES:
            self._writer.close()
            self._writer = None
        if self._writer is None:
            path = self._folder / f"{self._split}-{self._count:05d}.parquet"
            self._writer = self._parquet.ParquetWriter(path, self._schema)
            self._count, self._shard_bytes = self._count + 1, 0
        self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
        self._shard_bytes += self._row_bytes
        self._rows, self._row_bytes = [], 0

    def close(self) -> None:
        if self._rows:
            self._flush()
        if self._writer is not None:
            self._writer.close()


def _row(sample: Sample) -> Row:
    png = io.BytesIO()
    ids_to_png(sample.panoptic.ids).save(png, "PNG")
    width, height = sample.panoptic.size
    return {
        "image": {"bytes": sample.path.read_bytes(), "path": sample.name.as_posix()},
        "panoptic": {"bytes": png.getvalue(), "path": sample.png_name},
        "image_id": sample.id,
        "width": width,
        "height": height,
        "segments_info": [
            {**segment_to_coco(s), "score": float(s.score)} for s in sample.panoptic.segments
        ],
        "captions": list(sample.captions),
    }


def _schema(arrow: Any) -> Any:
    """The columns, with the note by which `datasets` decodes the two images."""
    file = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    whole = arrow.int64()
    segment = arrow.struct(
        [
            ("id", whole),
            ("category_id", whole),
            ("area", whole),
            ("bbox", arrow.list_(whole)),
            ("iscrowd", whole),
            ("score", arrow.float64()),
        ]
    )
    columns = [
        ("image", file),
        ("panoptic", file),
        ("image_id", whole),
        ("width", whole),
        ("height", whole),
        ("segments_info", arrow.list_(segment)),
        ("captions", arrow.list_(arrow.string())),
    ]
    note = {"info": {"features": {name: _feature(kind) for name, kind in columns}}}
    return arrow.schema(columns, metadata={"huggingface": json.dumps(note)})


def _feature(kind: Any) -> Any:
    """A column's type in the words of `datasets`; a struct of bytes and path is an image."""
    if hasattr(kind, "value_type"):
        return [_feature(kind.value_type)]
    if hasattr(kind, "num_fields") and kind.num_fields:
        fields = {kind.field(k).name: _feature(kind.field(k).type) for k in range(kind.num_fields)}
        return {"_type": "Image"} if "bytes" in fields else fields
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}
