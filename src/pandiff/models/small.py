"""Small encoders for the built-in world, in the library's own architectures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from diffusers import AutoencoderKL
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

BOS, EOS = "<|startoftext|>", "<|endoftext|>"


def small_vae(
    latent_channels: int = 4, block_out_channels: tuple[int, ...] = (96,), pixel_patch: int = 4
) -> AutoencoderKL:
    """An AutoencoderKL on 4 x 4 pixel patches; shrinks each side 4 times, about 1 M parameters.

    Layers at the image's full side cost most and learn slowest (docs/log.md), so there are none.
    """
    levels = len(block_out_channels)
    return AutoencoderKL(
        in_channels=3 * pixel_patch**2,
        out_channels=3 * pixel_patch**2,
        latent_channels=latent_channels,
        block_out_channels=block_out_channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        norm_num_groups=8,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


def train_tokenizer(captions: Iterable[str], vocab_size: int, length: int) -> Any:
    """A lower-casing byte-pair tokenizer with CLIP's special tokens, learned from captions.

    The same captions give the same tokens in every run, which a resume relies on. Hence no
    end-of-word suffix, whose letters the trainer numbers at random, but a mark before each word.
    """
    tokenizer = Tokenizer(BPE(unk_token=EOS))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.Digits(individual_digits=True),
        ]
    )
    trainer = BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[BOS, EOS],
        initial_alphabet=list("abcdefghijklmnopqrstuvwxyz0123456789,.'-"),
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    tokenizer.decoder = decoders.Metaspace()
    ids = [(t, tokenizer.token_to_id(t)) for t in (BOS, EOS)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}", special_tokens=ids
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=EOS,
        unk_token=EOS,
        model_max_length=length,
    )


def small_clip(
    vocab_size: int,
    bos_id: int,
    eos_id: int,
    *,
    image_size: int = 128,
    length: int = 30,
    width: int = 128,
    layers: int = 4,
) -> CLIPModel:
    """A CLIP with a text tower and a vision tower of `width` and `layers`."""
    tower = {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 32,
        "hidden_act": "gelu",
    }
    text = {
        **tower,
        "vocab_size": vocab_size,
        "max_position_embeddings": length,
        "bos_token_id": bos_id,
        "eos_token_id": eos_id,
        "pad_token_id": eos_id,
    }
    vision = {**tower, "image_size": image_size, "patch_size": 16}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=width))
