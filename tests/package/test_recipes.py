"""Recipes: the sizes they promise, and that the modern one learns faster than the plain one."""

from dataclasses import replace

import pytest
import torch

from glassbox.corpora import language_reference, text_corpus
from glassbox.gpt import GPT
from glassbox.inspection import count_parameters
from glassbox.recipes import RECIPES, recipe
from glassbox.training import Batches, train


def test_the_large_recipe_has_the_size_of_gpt2_and_half_a_million_tokens_a_batch():
    large = recipe("gpt2")
    with torch.device("meta"):
        assert count_parameters(GPT(large.model)).total == 124_439_808
    assert large.batch_size * large.model.context_length == 491_520
    assert large.batch_size % large.training.accumulate == 0
    assert large.training.precision == "auto" and large.compiled


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_evaluates_and_saves_on_the_way(name):
    settings = recipe(name).training
    assert settings.evaluate_every < settings.steps and settings.save_every < settings.steps


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"name is 'charcter'; expected one of .*'character'"):
        recipe("charcter")


def test_the_modern_recipe_learns_more_in_forty_steps_than_the_plain_one():
    corpus = text_corpus(language_reference()[:60_000], context_length=32)
    losses = {}
    for name in ("character", "character-plain"):
        plan = recipe(name)
        torch.manual_seed(0)
        sizes = {"vocab_size": corpus.tokenizer.vocab_size, "context_length": 32, "d_model": 64}
        settings = replace(
            plan.training, steps=40, warmup=min(plan.training.warmup, 4), evaluate_every=None,
            save_every=None, precision="float32",
        )  # fmt: skip
        model = GPT(replace(plan.model, **sizes))
        held_out = Batches(corpus.held_out, 12, shuffle=False)
        history = train(model, Batches(corpus.train, 12), settings, held_out=held_out)
        losses[name] = history.held_out_loss
    assert losses["character"] < losses["character-plain"] - 0.2


@pytest.mark.filterwarnings("ignore")  # what a compiler of Python says about itself
@pytest.mark.parametrize("name", ["character", "gpt2"])
def test_a_model_compiles_in_one_piece(name, as_a_reader_runs_it):
    sizes = {"vocab_size": 11, "context_length": 8, "d_model": 16, "n_heads": 2, "n_layers": 1}
    model = GPT(replace(recipe(name).model, **sizes))
    tokens = torch.tensor([[1, 2, 3, 4]])
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert torch.equal(compiled(tokens, tokens).loss, model(tokens, tokens).loss)
