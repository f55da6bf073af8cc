"""Which samples of shards a step reads: a function of (seed, step), as `StepSampler` has it."""

from __future__ import annotations

from pandiff.data.shards import ShardOrder
from pandiff.training.sampler import StepSampler


class ShardSampler(StepSampler):
    """`StepSampler` in an order that reads shard after shard.

    Args:
        order: of the samples.
        batch_size: samples per step over all ranks.
        start, stop: the steps.
        rank, world: this process and their number; batch_size must divide by world.
    """

    def __init__(
        self,
        order: ShardOrder,
        batch_size: int,
        start: int,
        stop: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__(len(order), batch_size, order.seed, start, stop, rank, world)
        self.order = order

    def _index(self, k: int) -> int:
        return self.order[k]
