"""What is given comes back exactly, and the network is told of it."""

from __future__ import annotations

import diffusers
import torch
from diffusers import SchedulerMixin
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion import Guidance, StreamSchedules, given, guided, sample
from pandiff.state import StateLayout

LAYOUT = StateLayout(2, 1, 2)
SCHEDULES = StreamSchedules.for_ratio(2)
CONTEXT = Context(torch.zeros(2, 1, 1))


class Spy:
    """Answers zeros and keeps what it was shown."""

    x: Tensor
    t: Tensor
    known: Tensor | None

    def __call__(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor:
        self.x, self.t, self.known = x, t, known
        return torch.zeros_like(x)


def state(seed: int) -> Tensor:
    return torch.randn(2, LAYOUT.channels, 4, 4, generator=torch.Generator().manual_seed(seed))


def random_mask(seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return (torch.rand(2, LAYOUT.known_channels, 4, 4, generator=g) > 0.5).float()


def whole(stream: int) -> Tensor:
    mask = torch.zeros(2, LAYOUT.known_channels, 4, 4)
    mask[:, slice(0, 1) if stream == 0 else slice(1, None)] = 1
    return mask


def test_the_network_sees_given_cells_clean_and_the_others_noisy() -> None:
    spy, x, clean, mask = Spy(), state(1), state(2), random_mask()
    t = torch.full((2, 2), 700)
    out = given(spy, LAYOUT, clean, mask)(x, t, CONTEXT)
    cells = LAYOUT.expand_known(mask).bool()
    assert torch.equal(spy.x[cells], clean[cells])
    assert torch.equal(spy.x[~cells], x[~cells])
    assert torch.equal(out[cells], clean[cells])
    assert (out[~cells] == 0).all()
    assert spy.known is not None
    assert torch.equal(spy.known, mask)
    assert torch.equal(spy.t, t)


def test_a_stream_given_whole_has_level_zero() -> None:
    for stream in (0, 1):
        spy = Spy()
        mask = whole(stream)
        mask[1] = random_mask()[1]  # the second sample of the batch: in part only
        given(spy, LAYOUT, state(2), mask)(state(1), torch.full((2, 2), 700), CONTEXT)
        expected = torch.full((2, 2), 700)
        expected[0, stream] = 0
        assert torch.equal(spy.t, expected)


def test_given_cells_are_exact_under_every_scheduler(scheduler: SchedulerMixin) -> None:
    clean, mask = state(2) * 3, random_mask()
    denoise = given(lambda x, t, c, known=None: x.tanh(), LAYOUT, clean, mask)
    z = sample(denoise, CONTEXT, state(1), LAYOUT, SCHEDULES, scheduler, 7)
    cells = LAYOUT.expand_known(mask).bool()
    assert torch.equal(z[cells], clean[cells])
    assert not torch.equal(z[~cells], clean[~cells])


def test_guidance_inside_sees_mask_and_levels_in_both_halves() -> None:
    spy, mask = Spy(), whole(1)
    null = Context(torch.zeros(1, 1, 1))
    denoise = given(guided(spy, LAYOUT, null, Guidance((3.0, 3.0))), LAYOUT, state(2), mask)
    out = denoise(state(1), torch.full((2, 2), 700), CONTEXT)
    assert spy.known is not None
    assert torch.equal(spy.known, torch.cat([mask, mask]))
    assert torch.equal(spy.t, torch.tensor([[700, 0]]).expand(4, 2))
    assert torch.equal(LAYOUT.split(out)[1], LAYOUT.split(state(2))[1])


def test_given_parts_add_up() -> None:
    spy, clean = Spy(), state(2)
    inner = given(spy, LAYOUT, clean, whole(0))
    out = given(inner, LAYOUT, clean, whole(1))(state(1), torch.full((2, 2), 700), CONTEXT)
    assert torch.equal(out, clean)
    assert torch.equal(spy.x, clean)
    assert spy.known is not None
    assert (spy.known == 1).all()
    assert (spy.t == 0).all()


def test_nothing_given_changes_nothing() -> None:
    mask = torch.zeros(2, LAYOUT.known_channels, 4, 4)

    def shrink(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
        return x.tanh()

    scheduler = diffusers.DPMSolverMultistepScheduler()
    plain = sample(shrink, CONTEXT, state(1), LAYOUT, SCHEDULES, scheduler, 5)
    free = given(shrink, LAYOUT, state(2), mask)
    assert torch.equal(plain, sample(free, CONTEXT, state(1), LAYOUT, SCHEDULES, scheduler, 5))
