"""PanopticDiffusionPipeline: prompts to images with their panoptic maps, in any direction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from math import prod
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import DiffusionPipeline, SchedulerMixin
from diffusers.utils import BaseOutput
from PIL import Image
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Swinv2Model

from pandiff.codec import PanopticCodec
from pandiff.context import Context
from pandiff.data.frame import Frame
from pandiff.diffusion import (
    Guidance,
    NetworkDenoiser,
    Start,
    StreamSchedules,
    stochastic,
)
from pandiff.errors import InputError
from pandiff.models.encoders import (
    decode_latents,
    latent_factor,
    to_pixels,
)
from pandiff.models.image_prompt import encode_image_prompts
from pandiff.models.pixel_space import Vae
from pandiff.models.text import SUFFIXES, TextEncoders, text_encoders
from pandiff.models.two_stream import TwoStreamPDM
from pandiff.models.unified import UnifiedPDM
from pandiff.panoptic import PanopticMap
from pandiff.pipeline.arguments import (
    check,
    generators_for,
    guidance_pair,
    in_model_taxonomy,
    prompts_for,
    spread,
)
from pandiff.pipeline.checks import Checks
from pandiff.pipeline.conditions import Encoder, Given, Known, Mask
from pandiff.pipeline.decoder import Decoder
from pandiff.pipeline.drawing import Drawing, Prepared
from pandiff.pipeline.sources import reading, resolve_pipeline
from pandiff.pipeline.tries import Generators, draw_tries
from pandiff.precision import autocast
from pandiff.taxonomy import Taxonomy

MASKS = (np.ndarray, Image.Image, Known)


@dataclass
class PanopticPipelineOutput(BaseOutput):
    """What a call of the pipeline makes.

    Attributes:
        images: PIL images; with output_type "pt" (N, 3, H, W) in [-1, 1], "latent" (N, C, h, w).
        maps: one PanopticMap for each image; with output_type "pt" or "latent" the map tensors
            (N, C, H, W) in [-1, 1].
        tries: for each of them which try was kept: 1, 2, ...; None of a preview.
        map_tensors: (N, C, H, W), the map tensors, whatever the output_type. What is given, or
            kept of an earlier try, is exact in `maps`, and put into these as it is encoded.
    """

    images: list[Image.Image] | Tensor
    maps: list[PanopticMap] | Tensor
    tries: list[int] | None = None
    map_tensors: Tensor | None = None


class PanopticDiffusionPipeline(DiffusionPipeline):
    """Text -> image + panoptic map; map -> image; image -> map.

    Args:
        vae: image to latent and back.
        text_encoder, tokenizer, and with _2 and _3: prompt to context; a set of `models.text`.
        image_encoder: image to image prompt, for a transformer that takes them.
        transformer: the panoptic diffusion model.
        scheduler: any diffusers scheduler that can predict the clean sample; assign another at
            any time. It is run on the noise schedules that the model was trained on.
        codec: settings of the `PanopticCodec`, with the taxonomy.
    """

    model_cpu_offload_seq = (
        "text_encoder->text_encoder_2->text_encoder_3->image_encoder->transformer->vae"
    )
    _optional_components: ClassVar[list[str]] = [
        "text_encoder_2",
        "tokenizer_2",
        "text_encoder_3",
        "tokenizer_3",
        "image_encoder",
    ]
    _callback_tensor_inputs = ("latents", "clean")

    def __init__(
        self,
        vae: Vae,
        text_encoder: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        transformer: UnifiedPDM | TwoStreamPDM,
        scheduler: SchedulerMixin,
        text_encoder_2: PreTrainedModel | None = None,
        tokenizer_2: PreTrainedTokenizerBase | None = None,
        text_encoder_3: PreTrainedModel | None = None,
        tokenizer_3: PreTrainedTokenizerBase | None = None,
        image_encoder: Swinv2Model | None = None,
        codec: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if codec is None:
            raise InputError("codec settings", "none", "pass codec=PanopticCodec(...).to_config()")
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            text_encoder_2=text_encoder_2,
            tokenizer_2=tokenizer_2,
            text_encoder_3=text_encoder_3,
            tokenizer_3=tokenizer_3,
            transformer=transformer,
            scheduler=scheduler,
            image_encoder=image_encoder,
        )
        self.register_to_config(codec=codec)
        self.panoptic_codec = PanopticCodec.from_config(codec)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, **kwargs: Any
    ) -> PanopticDiffusionPipeline:
        """Load a built-in pipeline ("scenes"), a folder or a hub id; see diffusers for options.

        Weights become float32, whatever they are stored in, unless `dtype` says otherwise. They
        are read from safetensors.

        Raises:
            InputError: if there is no such pipeline, or it cannot be read or reached.
        """
        path = resolve_pipeline(pretrained_model_name_or_path)
        if not {"dtype", "torch_dtype"} & set(kwargs):
            kwargs["dtype"] = torch.float32
        kwargs.setdefault("use_safetensors", True)
        with reading("a whole pipeline", path):
            pipe: PanopticDiffusionPipeline = super().from_pretrained(path, **kwargs)
        return pipe

    @property
    def taxonomy(self) -> Taxonomy:
        """The categories that the model knows."""
        return self.panoptic_codec.taxonomy

    @property
    def text(self) -> TextEncoders:
        """The text encoders as one, for the contexts that the transformer reads."""
        present = [s for s in SUFFIXES if getattr(self, f"text_encoder{s}") is not None]
        tokenizers, encoders = (
            [getattr(self, f"{part}{s}") for s in present] for part in ("tokenizer", "text_encoder")
        )
        c = self.transformer.config
        return text_encoders(tokenizers, encoders, c.context_length, c.context_dim)

    @property
    def image_size(self) -> int:
        """Side in pixels of the images that the model makes."""
        return int(self.transformer.config.sample_size) * latent_factor(self.vae)

    @property
    def map_size(self) -> int:
        """Side in cells of the map that the model makes; its pixels are interpolated from it."""
        return int(self.transformer.config.sample_size * self.transformer.config.ratio)

    @torch.inference_mode()
    def __call__(
        self,
        prompt: str | Sequence[str] = "",
        *,
        map: PanopticMap | Sequence[PanopticMap | None] | None = None,
        image: Image.Image | Sequence[Image.Image | None] | None = None,
        known: Mask | Known | Sequence[Mask | Known | None] | None = None,
        strength: float | Sequence[float | None] | None = None,
        image_prompt: Image.Image | Sequence[Image.Image | None] | None = None,
        negative_prompt: str | Sequence[str | None] | None = None,
        num_images_per_prompt: int = 1,
        tries: int = 1,
        num_inference_steps: int = 20,
        guidance_scale: float | tuple[float, float] = 2.0,
        image_prompt_scale: float = 1.0,
        map_guidance_scale: float = 2.0,
        image_guidance_scale: float = 1.0,
        guidance_interval: tuple[float, float] = (0.0, 1.0),
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        output_type: str = "pil",
        callback_on_step_end: Callable[..., dict[str, Tensor] | None] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        return_dict: bool = True,
    ) -> PanopticPipelineOutput | tuple[Any, Any]:
        """Generate images with their maps, or what is missing of them.

        What is given may have any size: it is fitted into the model's square (`data.frame`), and
        what is made for it comes back at that size. A list holds one for each prompt, None for
        the prompts without; so that one call may go in several directions.

        Args:
            prompt: one prompt or several; "" for a free one.
            map: a layout for each prompt, or one for all: it is kept, the image follows it. Its
                taxonomy must be the model's. Its void stays void; with `known=map.labelled`
                it is invented.
            image: an image for each prompt, or one for all: it is kept, its map is found.
            known: a mask for each prompt, or one for all: the pixels of map and image that are
                kept, exactly in the map, but for a narrow seam in the image; the rest is made
                anew. A PIL image, white where known, an array (H, W), or a `Known` with a mask
                for each of the two.
            strength: for each prompt, or one for all, how much of `image` is lost, above 0 to 1:
                it is then where sampling starts from, at that share of the noise levels, and not
                kept. A map is kept; without one it is found first, in as many steps, and varied
                too. With a known mask what is known of both is kept, and the rest of both is
                varied. None, or 1 without an image, for no variation.
            image_prompt: an image for each prompt, or one for all, that the samples resemble
                without copying it.
            negative_prompt: what guidance leads away from; one for each prompt, or one for all.
                Nothing where `guidance_scale` is 1.
            num_images_per_prompt: samples of each prompt, side by side in the output.
            tries: most tries of a sample: the first is kept whose map has all categories that
                the prompt names, and things in the numbers that it states
                (`pandiff.prompts.Vocabulary`). Of 12 steps and more, a try that does not show it
                after a quarter of them is given up; if none of the first four has it all, the most
                promising of them is finished. Each later try is given a part of the best map so
                far (`pandiff.prompts.pixels_to_keep`), but for variations, and becomes the best
                if it holds more. Looking early loses a good one now and then: more tries are
                better on the whole, not for every sample. A prompt that names nothing, and a
                whole map that is given, have one try.
            num_inference_steps: steps of the scheduler.
            guidance_scale: weight of the prompt, 1 for none; a pair for image and map.
            image_prompt_scale: weight of the image prompt, likewise.
            map_guidance_scale: weight of the map in the image, likewise. Each weight but 1 asks
                the network once more at each step, if it can change anything. The two defaults
                are the paper's map guidance (s = 2), with the prompt on the map too.
            image_guidance_scale: weight of the image in the map, likewise.
            guidance_interval: share of the noise levels, 0 clean to 1, where these act.
            generator: one generator, from which each sample draws a seed of its own, or one for
                each sample. Sample k does not depend on how many others there are.
            output_type: "pil", "pt" (pixels and map tensors) or "latent"; the last two hold the
                model's square, as it made it.
            callback_on_step_end: called as (pipe, step, timestep, tensors) after each step, with
                the whole batch; may return changed "latents". A variation that starts later than
                others of its batch is held at the noise of each level until then, and is not
                denoised. With `tries` there is a batch for each round of those that are finished.
            callback_on_step_end_tensor_inputs: of "latents" (the noisy state) and "clean" (the
                current estimate of the clean state, which `preview` turns into pictures).
            return_dict: False for a plain tuple.

        Raises:
            InputError: if the inputs do not fit one another or the model.
        """
        prompts = prompts_for(prompt, num_images_per_prompt)

        def each(value: Any, what: str, kind: Any) -> list[Any]:
            return spread(value, len(prompts), num_images_per_prompt, what, kind)

        maps = [in_model_taxonomy(one, self.taxonomy) for one in each(map, "map", PanopticMap)]
        images = each(image, "image", Image.Image)
        masks = [Known.of(one) for one in each(known, "known mask", MASKS)]
        strengths = each(strength, "strength", (float, Real))
        check(num_inference_steps, tries, output_type, strengths, images)
        samples = [Given.of(*one) for one in zip(maps, images, masks, strengths, strict=True)]
        examples = each(image_prompt, "image prompt", Image.Image)
        negatives = [n or "" for n in each(negative_prompt, "negative prompt", str)]
        pair = guidance_pair(guidance_scale)
        if prompts == negatives:  # nothing to lead away from
            pair = (1.0, 1.0)
        guidance = Guidance(
            pair, image_prompt_scale, map_guidance_scale, image_guidance_scale, guidance_interval
        ).beside(
            image=all(one.has_whole_image for one in samples),
            panoptic=all(one.has_whole_map for one in samples),
        )
        own = generators_for(generator, len(prompts))
        sizes = [g.size if i is None else i.size for g, i in zip(samples, images, strict=True)]
        frames = [self._decoder.frame(size) for size in sizes]
        with self._autocast():
            prepared = Prepared(
                *self._contexts(prompts, negatives, examples),
                given=self._given(samples),
                start=self._start(strengths, images, maps, num_inference_steps),
            )
            draw = self._drawing(prepared, guidance, num_inference_steps)
            on_step = self._on_step(callback_on_step_end, callback_on_step_end_tensor_inputs)
            asked = prompts if tries > 1 else [""] * len(prompts)
            tried = draw_tries(
                draw,
                Generators(own, tries > 1, prod(draw.shape)),
                Checks.of(asked, samples, frames, self._decoder),
                [s is not None and i is not None for s, i in zip(strengths, images, strict=True)],
                tries,
                self._given,
                on_step,
            )
            state = torch.stack([one.state for one in tried.made])
            given, kept = [one.given for one in tried.made], [number + 1 for number in tried.kept]
            out = self._output(state, output_type, given, frames, kept)
        self.maybe_free_model_hooks()
        return out if return_dict else (out.images, out.maps)

    def redraw(
        self,
        prompt: str | Sequence[str],
        map: PanopticMap | Sequence[PanopticMap],
        **arguments: Any,
    ) -> PanopticPipelineOutput:
        """Images once more, from the whole maps that were made with them: they agree better.

        A call with `map=`, with `noisy_solver`.

        Args:
            prompt: the prompts.
            map: their maps.
            arguments: as of a call.

        Raises:
            InputError: as a call does.
        """
        with self.noisy_solver():
            out: PanopticPipelineOutput = self(prompt, map=map, **arguments)
        return out

    @contextmanager
    def noisy_solver(self) -> Iterator[None]:
        """In here the scheduler, where it is DPM-Solver++, adds noise at each step.

        Where much is given, that draws things more clearly (docs/log.md).
        """
        usual = self.scheduler
        self.register_modules(scheduler=stochastic(usual))
        try:
            yield
        finally:
            self.register_modules(scheduler=usual)

    def _drawing(self, prepared: Prepared, guidance: Guidance, steps: int) -> Drawing:
        return Drawing(
            prepared,
            self._denoiser(),
            self.scheduler,
            guidance,
            steps,
            side=int(self.transformer.config.sample_size),
            progress=self.progress_bar,
        )

    def _given(self, samples: Sequence[Given]) -> tuple[Tensor, Tensor] | None:
        if all(one.size is None for one in samples):
            return None
        return self._encoder.encode(samples)

    def _autocast(self) -> AbstractContextManager[Any]:
        """bf16 where the processor multiplies it faster than fp32, else the weights' own type."""
        return autocast(self._execution_device)

    def _denoiser(self) -> NetworkDenoiser:
        layout = self.transformer.layout
        schedules = StreamSchedules.of(self.transformer)
        prediction = self.transformer.config.image_prediction
        return NetworkDenoiser(self.transformer, layout, schedules, prediction)

    def _contexts(
        self, prompts: list[str], negatives: list[str], examples: list[Image.Image | None]
    ) -> tuple[Context, Context]:
        """The contexts of the prompts, with the image prompts, and of the negative prompts."""
        unique = sorted({*prompts, *negatives})
        ids = self.text.tokenize(unique).to(self._execution_device)
        contexts = self.text.encode(ids).to(self._execution_device)
        row = {prompt: k for k, prompt in enumerate(unique)}
        context, null = (contexts[torch.tensor([row[p] for p in n])] for n in (prompts, negatives))
        return replace(context, image=self._image_prompts(examples)), null

    def _image_prompts(self, examples: list[Image.Image | None]) -> Tensor | None:
        """The tokens of the image prompts (B, M, D), zeros where there is none."""
        some = [k for k, one in enumerate(examples) if one is not None]
        if not some:
            return None
        if self.image_encoder is None:
            raise InputError("a model that takes image prompts", "one without", "leave it out")
        placed = [Frame(i.size, self.image_size).place(i) for i in examples if i is not None]
        pixels = torch.stack([to_pixels(i) for i in placed])
        pixels = pixels.to(self._execution_device, self.image_encoder.dtype)
        length = self.transformer.config.image_prompt_length
        tokens = encode_image_prompts(self.image_encoder, pixels, length)
        out = tokens.new_zeros(len(examples), *tokens.shape[1:])
        out[some] = tokens
        return out

    @property
    def _encoder(self) -> Encoder:
        return Encoder(
            self.vae,
            self.panoptic_codec,
            self.transformer.layout,
            self.transformer.config.sample_size,
            self.image_size,
            self._execution_device,
        )

    @property
    def _decoder(self) -> Decoder:
        return Decoder(self.vae, self.panoptic_codec, self.transformer.layout, self.image_size)

    def _start(
        self,
        strengths: list[float | None],
        images: list[Image.Image | None],
        maps: list[PanopticMap | None],
        steps: int,
    ) -> Start | None:
        """Where variations of images start; their maps are found first where none is given."""
        shares = [s if i is not None else None for s, i in zip(strengths, images, strict=True)]
        varied = [k for k, share in enumerate(shares) if share is not None]
        if not varied:
            return None
        pictures, found = [images[k] for k in varied], [maps[k] for k in varied]
        missing = [k for k, one in enumerate(found) if one is None]
        if missing:
            out = self(
                [""] * len(missing),
                image=[pictures[k] for k in missing],
                num_inference_steps=steps,
                guidance_scale=1.0,
                generator=[torch.Generator().manual_seed(0) for _ in missing],
            )
            for k, one in zip(missing, out.maps, strict=True):
                found[k] = one
        state, _ = self._encoder.encode([Given(map=one) for one in found])
        panoptic = self.transformer.layout.split(state)[1]
        some = torch.cat([self._encoder.images(pictures), panoptic], dim=1)
        clean = some.new_zeros(len(shares), *some.shape[1:])
        clean[varied] = some
        return Start(shares, clean)

    def _on_step(
        self, callback: Callable[..., dict[str, Tensor] | None] | None, names: Sequence[str]
    ) -> Any:
        if callback is None:
            return None
        names = [names] if isinstance(names, str) else names
        odd = set(names) - set(self._callback_tensor_inputs)
        if odd:
            raise InputError(
                f"callback tensors of {', '.join(self._callback_tensor_inputs)}",
                ", ".join(sorted(odd)),
                "choose from them",
            )

        def on_step(step: int, timestep: int, x: Tensor, z0: Tensor) -> Tensor | None:
            tensors = {"latents": x, "clean": z0}
            changed = callback(self, step, timestep, {k: tensors[k] for k in names})
            latents = (changed or {}).get("latents")
            if latents is not None and latents.shape != x.shape:
                want, got = (str(tuple(one.shape)) for one in (x, latents))
                raise InputError(f"latents of shape {want} from the callback", got, "keep it")
            return latents

        return on_step

    def preview(self, clean: Tensor) -> PanopticPipelineOutput:
        """Square pictures and maps of an estimate of the clean state, as a callback gets it.

        Args:
            clean: (B, C, h, w), the callback tensor "clean".
        """
        frames = [self._decoder.frame(None)] * len(clean)
        return self._output(clean, "pil", [Given()] * len(clean), frames)

    def _output(
        self,
        z: Tensor,
        output_type: str,
        samples: Sequence[Given],
        frames: Sequence[Frame],
        tries: list[int] | None = None,
    ) -> PanopticPipelineOutput:
        latents, panoptic = self.transformer.layout.unpack(z)
        if output_type == "pil":
            images = self._decoder.images(z, samples, frames)
            maps = self._decoder.maps(z, samples, frames)
            return PanopticPipelineOutput(images, maps, tries, panoptic)
        if output_type == "pt":
            latents = decode_latents(self.vae, latents)
        return PanopticPipelineOutput(latents, panoptic, tries, panoptic)
