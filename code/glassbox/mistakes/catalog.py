"""All mistakes by name."""

from glassbox.mistakes.catalog_attention import ATTENTION_MISTAKES
from glassbox.mistakes.catalog_model import MODEL_MISTAKES
from glassbox.mistakes.mistake import Mistake

MISTAKES: dict[str, Mistake] = {
    mistake.name: mistake for mistake in (*ATTENTION_MISTAKES, *MODEL_MISTAKES)
}
"""The mistakes by name: masks first, then attention, heads, positions, generation, training and
the parts of a block."""
