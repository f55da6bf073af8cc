"""The order in which shards are read."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pandiff.data.shards import ShardOrder

sizes = st.lists(st.integers(1, 6), min_size=1, max_size=9)


@given(sizes=sizes, seed=st.integers(0, 2**40), window=st.integers(1, 4))
def test_each_epoch_reads_every_sample_once(sizes: list[int], seed: int, window: int) -> None:
    order = ShardOrder(sizes, seed, window)
    n = len(order)
    assert n == sum(sizes)
    for epoch in range(3):
        assert sorted(order[epoch * n + k] for k in range(n)) == list(range(n))


@given(sizes=sizes, seed=st.integers(0, 9), window=st.integers(1, 4), data=st.data())
def test_any_place_can_be_asked_for_first(
    sizes: list[int], seed: int, window: int, data: st.DataObject
) -> None:
    whole = ShardOrder(sizes, seed, window)
    read = [whole[k] for k in range(3 * len(whole))]
    k = data.draw(st.integers(0, len(read) - 1))
    assert ShardOrder(sizes, seed, window)[k] == read[k]


@given(sizes=sizes, seed=st.integers(0, 9), window=st.integers(1, 4))
def test_a_window_reads_few_shards(sizes: list[int], seed: int, window: int) -> None:
    order = ShardOrder(sizes, seed, window)
    shard_of = np.repeat(np.arange(len(sizes)), sizes)
    shards = [int(shard_of[order[k]]) for k in range(len(order))]
    left = list(range(len(sizes)))
    while shards:
        group = []
        while len(group) < min(window, len(left)):
            group.append(next(s for s in shards if s not in group))
        count = sum(sizes[s] for s in group)
        assert set(shards[:count]) == set(group)
        shards, left = shards[count:], [s for s in left if s not in group]


def test_epochs_and_seeds_differ() -> None:
    one, other = ShardOrder([10] * 10, 0, 2), ShardOrder([10] * 10, 1, 2)
    first, second = ([one[e * 100 + k] for k in range(100)] for e in (0, 1))
    assert first != second
    assert first != [other[k] for k in range(100)]
    assert first != sorted(first)
