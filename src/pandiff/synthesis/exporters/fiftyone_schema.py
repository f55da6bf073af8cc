"""What a FiftyOne dataset on disk says of its fields, in `metadata.json`."""

from __future__ import annotations

from typing import Any

from pandiff.taxonomy import Taxonomy

VERSION = "1.0.0"
"""The FiftyOne whose format this is; every later one migrates it when it reads it."""

THINGS = "ground_truth"
"""The field of the things."""

MAP = "segmentation"
"""The field of the semantic map."""

_DOCUMENT, _LIST = "EmbeddedDocumentField", "ListField"
Field = dict[str, Any]


def metadata(taxonomy: Taxonomy) -> dict[str, Any]:
    """The content of metadata.json; the taxonomy's category ids are the values of the maps."""
    targets = {str(c.id): c.name for c in taxonomy.categories}
    classes = [c.name for c in taxonomy.categories if c.isthing]
    return {
        "name": "pandiff",
        "version": VERSION,
        "media_type": "image",
        "tags": [],
        "info": {},
        "app_config": {},
        "classes": {THINGS: classes} if classes else {},
        "default_classes": [],
        "mask_targets": {MAP: targets},
        "default_mask_targets": {},
        "skeletons": {},
        "sample_fields": _sample_fields(),
    }


def _sample_fields() -> list[Field]:
    return [
        _field("id", "ObjectIdField", db_field="_id"),
        _field("filepath", "StringField"),
        _field("tags", _LIST, subfield="StringField"),
        _field("metadata", _DOCUMENT, "metadata.ImageMetadata", fields=_image_fields()),
        _field("created_at", "DateTimeField", read_only=True),
        _field("last_modified_at", "DateTimeField", read_only=True),
        _field("image_id", "IntField"),
        _field("captions", _LIST, subfield="StringField"),
        _field(THINGS, _DOCUMENT, "labels.Detections", fields=[_detections_field()]),
        _field(MAP, _DOCUMENT, "labels.Segmentation", fields=_label_fields()),
    ]


def _image_fields() -> list[Field]:
    whole = [_field(n, "IntField") for n in ("size_bytes", "width", "height", "num_channels")]
    return [_field("mime_type", "StringField"), *whole]


def _detections_field() -> Field:
    fields = [
        *_label_fields(),
        _field("attributes", "DictField", "labels.Attribute", subfield=_DOCUMENT),
        _field("label", "StringField"),
        _field("bounding_box", _LIST, subfield="FloatField"),
        _field("confidence", "FloatField"),
        _field("index", "IntField"),
        _field("area", "IntField"),
        _field("iscrowd", "BooleanField"),
    ]
    return _field("detections", _LIST, "labels.Detection", subfield=_DOCUMENT, fields=fields)


def _label_fields() -> list[Field]:
    return [
        _field("id", "ObjectIdField", db_field="_id"),
        _field("tags", _LIST, subfield="StringField"),
        _field("mask", "ArrayField"),
        _field("mask_path", "StringField"),
    ]


def _field(
    name: str,
    kind: str,
    document: str | None = None,
    *,
    subfield: str | None = None,
    fields: list[Field] | None = None,
    db_field: str | None = None,
    read_only: bool = False,
) -> Field:
    """One field: its class, and where it embeds a document, that document's class and fields."""
    return {
        "name": name,
        "ftype": f"fiftyone.core.fields.{kind}",
        "embedded_doc_type": f"fiftyone.core.{document}" if document else None,
        "subfield": f"fiftyone.core.fields.{subfield}" if subfield else None,
        "fields": fields or [],
        "db_field": db_field or name,
        "description": None,
        "info": None,
        "read_only": read_only,
    }
