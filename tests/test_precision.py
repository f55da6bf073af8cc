"""bf16 where the hardware has it."""

from __future__ import annotations

import pytest
import torch

from pandiff.precision import autocast, multiplies_bf16, resolve_precision


@pytest.mark.parametrize(
    ("avx512", "amx", "fast"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_auto_asks_the_processor(
    avx512: bool, amx: bool, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert multiplies_bf16("cpu") is fast
    assert resolve_precision("auto", "cpu") == ("bf16" if fast else "no")
    with autocast("cpu"):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if fast else torch.float32)


def test_what_is_asked_for_is_taken() -> None:
    assert [resolve_precision(p, "cpu") for p in ("bf16", "no")] == ["bf16", "no"]
    with autocast("cpu", "bf16"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
