"""Beam search: from greedy generation to a search through all texts, as Hugging Face does it."""

from itertools import product

import pytest
import torch
from test_hugging_face import gpt2
from torch import Tensor, nn
from torch.testing import assert_close
from twins import SMALL, randomized, some_tokens

from glassbox.generation import Beams, beam_search, generate
from glassbox.gpt import GPT, Bigram, GPTConfig

LIMIT = SMALL["context_length"]


def gpt(seed: int = 0, **change) -> GPT:
    return randomized(GPT(GPTConfig(**SMALL | change)), seed=seed)


def score(model: nn.Module, text: Tensor, n: int, length_penalty: float) -> float:
    """What a text is worth whose last n tokens are new, from one pass over all of it."""
    log_probabilities = model(text[None, :-1]).logits[0].log_softmax(-1)
    each = log_probabilities.gather(1, text[1:, None])[-n:]
    return each.sum().item() / n**length_penalty


def every_text(prompt: Tensor, n: int, vocab_size: int, stop: list[int]) -> dict[tuple, int]:
    """Every continuation by n tokens, or up to a stop token, with its length."""
    texts = {}
    for new in product(range(vocab_size), repeat=n):
        ends = [place for place, token in enumerate(new, start=1) if token in stop]
        length = ends[0] if ends else n
        texts[(*prompt.tolist(), *new[:length])] = length
    return texts


@pytest.mark.parametrize("length_penalty", [0, 0.7, 1.0, 2.0, -1.0])
@pytest.mark.parametrize("stop", [[], [2], [0, 1]])
@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_as_many_beams_as_texts_are_a_search_through_all(length_penalty, stop):
    model, n, prompts = gpt(vocab_size=3), 3, some_tokens(2, 3, vocab_size=3)
    options = {"stop": stop, "length_penalty": length_penalty, "pad_id": 2}
    found = beam_search(model, prompts, n, beams=3 ** (n - 1), **options)
    for prompt, texts, scores in zip(prompts, *found, strict=True):
        every = every_text(prompt, n, 3, stop)
        worth = {
            text: score(model, torch.tensor(text), length, length_penalty)
            for text, length in every.items()
        }
        best = max(worth, key=worth.__getitem__)
        assert tuple(texts[0].tolist()[: len(best)]) == best
        assert set(texts[0].tolist()[len(best) :]) <= {2}
        assert scores[0].item() == pytest.approx(worth[best], abs=1e-9)


@pytest.mark.parametrize("stop", [[], [2, 7]])
@pytest.mark.parametrize("use_cache", [True, False])
def test_one_beam_is_greedy_generation(stop, use_cache):
    model, start = gpt(), some_tokens(4, 5)
    texts, _ = beam_search(model, start, 14, beams=1, stop=stop, use_cache=use_cache)
    greedy = generate(model, start, 14, stop=stop)
    assert torch.equal(texts[:, 0], greedy)


@pytest.mark.parametrize("beams", [2, 5])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("stop", [None, 20, [9, 14]])
def test_texts_and_scores_are_those_of_hugging_face(beams, length_penalty, stop):
    ours, theirs = gpt2(torch.float64)
    start = some_tokens(3, 5, vocab_size=23)
    expected = theirs.generate(
        start,
        attention_mask=torch.ones_like(start),
        max_new_tokens=12,
        num_beams=beams,
        num_return_sequences=beams,
        do_sample=False,
        early_stopping=True,
        length_penalty=length_penalty,
        eos_token_id=stop,
        output_scores=True,
        return_dict_in_generate=True,
    )
    ends = [] if stop is None else stop
    options = {"beams": beams, "length_penalty": length_penalty, "stop": ends}
    texts, scores = beam_search(ours, start, 12, **options)
    theirs = expected.sequences.unflatten(0, (3, beams))
    assert torch.equal(texts[..., : theirs.shape[-1]], theirs)
    # they add up in float32
    assert_close(scores.flatten().float(), expected.sequences_scores, rtol=1e-5, atol=1e-5)
    if stop is not None:
        assert torch.isin(texts[..., 5:], torch.tensor(stop)).any()  # some end early


@pytest.mark.parametrize("positions", ["learned", "rotary", "t5"])
@pytest.mark.parametrize("n_kv_heads", [1, 2])
def test_a_cache_changes_no_text_before_or_beyond_the_context(positions, n_kv_heads):
    model, start = gpt(positions=positions, n_kv_heads=n_kv_heads), some_tokens(3, 5)
    options = {"beams": 4, "stop": [1]}
    cached, anew = (
        beam_search(model, start, 11, use_cache=use, **options) for use in (True, False)
    )
    assert torch.equal(cached.tokens, anew.tokens)
    assert_close(cached.scores, anew.scores, rtol=0, atol=1e-10)


def test_scores_are_what_the_texts_are_worth_and_fall():
    model, start = gpt(), some_tokens(2, 3)
    found = beam_search(model, start, 6, beams=5, length_penalty=1.0)
    for texts, scores in zip(*found, strict=True):
        assert len({tuple(text.tolist()) for text in texts}) == 5
        assert (scores.diff() <= 0).all()
        for text, worth in zip(texts, scores, strict=True):
            assert worth.item() == pytest.approx(score(model, text, 6, 1.0), abs=1e-9)


def test_prompts_do_not_meet():
    model, start = gpt(), some_tokens(4, 5)
    together = beam_search(model, start, 6, beams=3)
    for place, prompt in enumerate(start):
        alone = beam_search(model, prompt[None], 6, beams=3)
        assert torch.equal(together.tokens[place], alone.tokens[0])


def test_more_beams_find_what_greedy_misses():
    """A bigram whose likelier first step leads to unlikely second ones."""
    model = Bigram(4)
    table = torch.tensor([[0, 0.55, 0.45, 0], [0.3, 0.4, 0, 0.3], [0, 0, 0, 1.0], [1.0, 0, 0, 0]])
    model.table.weight.data = table.log()
    start = torch.zeros(1, 1, dtype=torch.long)
    texts, scores = beam_search(model, start, 2, beams=2, length_penalty=0)
    assert texts[0].tolist() == [[0, 2, 3], [0, 1, 1]]
    assert_close(scores.exp(), torch.tensor([[0.45, 0.22]]))
    assert generate(model, start, 2)[0].tolist() == [0, 1, 1]


def test_beams_without_a_text_are_marked():
    found = beam_search(gpt(vocab_size=3), torch.zeros(2, 1, dtype=torch.long), 1, beams=5)
    assert isinstance(found, Beams)
    assert found.scores[:, :3].isfinite().all() and found.scores[:, 3:].isneginf().all()


def test_the_model_and_the_global_generator_are_left_as_they_were():
    model, start, before = gpt(dropout=0.5).train(), some_tokens(2, 3), torch.get_rng_state()
    texts, scores = beam_search(model, start, 6)
    assert model.training and not scores.requires_grad
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(beam_search(model.eval(), start, 6).tokens, texts)
