"""Generation: from the logits of the next token to text, one token at a time.

A filter rules tokens out, a `Sampler` chains filters and draws, `stream` and `generate` repeat that
with a model, and `beam_search` looks for the most likely text instead of drawing one.
"""

from glassbox.generation.beam import Beams, beam_search
from glassbox.generation.filters import (
    block_repeats,
    min_p,
    repetition_penalty,
    temperature,
    top_k,
    top_p,
)
from glassbox.generation.loop import generate, stream
from glassbox.generation.padding import pad_left
from glassbox.generation.sampler import GREEDY, Sampler

__all__ = [
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "block_repeats",
    "Sampler",
    "GREEDY",
    "pad_left",
    "generate",
    "stream",
    "beam_search",
    "Beams",
]
