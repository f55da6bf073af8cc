"""Encoded datasets in tar shards of the WebDataset layout: written once, read at random.

A folder holds `shards.json` (see `ShardIndex`) and `shard-000000.tar`, ... Each sample is a few
files in a tar, side by side, of one key:

    KEY.json          image id, file name, original size, captions, segments_info
    KEY.moments.npy   float16 (2, 2C, h, w): of the image and of its mirror image, the mean and
                      standard deviation of the whitened latent
    KEY.panoptic.png  the map, each pixel of the square that the image was cut to; ids as COCO's
    KEY.tokens.npy    int32 (captions, L): token ids of every caption
    KEY.prompt.npy    float16 (2, M, D): image-prompt features, of both too; only if asked for
"""

from pandiff.data.shards.dataset import ShardDataset
from pandiff.data.shards.encoding import ShardEncoding
from pandiff.data.shards.index import ShardIndex, ShardRecord, is_shards
from pandiff.data.shards.order import ShardOrder
from pandiff.data.shards.verify import verify
from pandiff.data.shards.view import view
from pandiff.data.shards.writer import ShardWriter

__all__ = [
    "ShardDataset",
    "ShardEncoding",
    "ShardIndex",
    "ShardOrder",
    "ShardRecord",
    "ShardWriter",
    "is_shards",
    "verify",
    "view",
]
