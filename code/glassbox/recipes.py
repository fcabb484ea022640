"""Models together with the settings that train them well, by name."""

from dataclasses import dataclass

from glassbox import checks
from glassbox.gpt import PRESETS, GPTConfig
from glassbox.training import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is trained, and how.

    Args:
        model: the settings of the model.
        training: the settings of the run.
        batch_size: number of windows of text in a batch.
        compiled: whether `torch.compile` turns the model into faster code first, which takes
            minutes and pays on a GPU.

    Example:
        >>> recipe("character").model.d_model
        128
    """

    model: GPTConfig
    training: TrainingConfig
    batch_size: int
    compiled: bool = False


_SMALL = {"vocab_size": 65, "context_length": 64, "d_model": 128, "n_heads": 4, "n_layers": 4}
RECIPES = {
    "character": Recipe(
        model=GPTConfig(
            **_SMALL,
            positions="rotary",
            feed_forward="squared_relu",
            qk_norm=True,
            bias=False,
            initialization="fan_in",
        ),
        training=TrainingConfig(
            steps=700,
            learning_rate=4e-3,
            optimizer="muon",
            matrix_rate=0.02,
            weight_decay=0.0,
            decay="linear",
            final_share=0.0,
            precision="auto",
            evaluate_every=100,
            evaluate_batches=20,
            save_every=100,
        ),
        batch_size=12,
    ),
    "character-plain": Recipe(
        model=GPTConfig(**_SMALL, bias=False, tied=True, initialization="gpt2"),
        training=TrainingConfig(
            steps=2_000,
            warmup=100,
            betas=(0.9, 0.99),
            evaluate_every=250,
            evaluate_batches=20,
            save_every=500,
        ),
        batch_size=12,
    ),
    "gpt2": Recipe(
        model=PRESETS["gpt2"],
        training=TrainingConfig(
            steps=600_000,
            learning_rate=6e-4,
            warmup=2_000,
            accumulate=40,
            precision="auto",
            evaluate_every=1_000,
            evaluate_batches=200,
            save_every=1_000,
        ),
        batch_size=480,
        compiled=True,
    ),
}
"""What `recipe` knows."""


def recipe(name: str) -> Recipe:
    """Return a model together with the settings that train it.

    Args:
        name: `"character"` (a small model with today's parts, about a minute on a laptop),
            `"character-plain"` (the same size with the parts and the settings of GPT-2), or
            `"gpt2"` (124 million parameters, for GPUs: half a million tokens in each batch).

    Raises:
        ValueError: if there is no such recipe.

    Source:
        The sizes and settings of the last two: Karpathy (2022), nanoGPT,
        https://github.com/karpathy/nanoGPT

    Example:
        >>> recipe("gpt2").batch_size * recipe("gpt2").model.context_length
        491520
    """
    checks.one_of("name", name, RECIPES)
    return RECIPES[name]
