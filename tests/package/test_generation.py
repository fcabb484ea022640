"""Generation: with a cache and without, in a batch and alone, and as Hugging Face does it."""

import pytest
import torch
from test_hugging_face import gpt2, llama
from torch import Tensor, nn
from torch.testing import assert_close
from twins import INSIDE, SMALL, randomized, some_tokens

from glassbox.generation import Sampler, generate, pad_left, stream
from glassbox.generation.predictor import Predictor
from glassbox.gpt import GPT, Bigram, GPTConfig
from glassbox.losses import Output
from glassbox.positions import POSITIONS

LIMIT = SMALL["context_length"]
LIVELY = Sampler(temperature=1.5, top_k=8)
pytestmark = pytest.mark.usefixtures("as_a_reader_runs_it")
KINDS = [{"positions": name} for name in POSITIONS]
KINDS += [{"positions": name, "n_heads": 4, "n_kv_heads": n} for name in INSIDE for n in (1, 2)]
KINDS += [{"norm": "rms", "residual": "post", "feed_forward": "swiglu", "tied": True}]
every_scheme = pytest.mark.parametrize("positions", POSITIONS)
every_kind = pytest.mark.parametrize(
    "kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values()))
)


def gpt(seed: int = 0, **change) -> GPT:
    return randomized(GPT(GPTConfig(**SMALL | change)), seed=seed)


def padded(texts: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The texts as one batch, padded on the left with an id that real tokens have as well."""
    width = max(map(len, texts))
    rows = [torch.cat([torch.full((width - len(text),), 3), text]) for text in texts]
    real = [torch.arange(width) >= width - len(text) for text in texts]
    return torch.stack(rows), torch.stack(real)


def by_hand(model: nn.Module, tokens: Tensor, n: int) -> Tensor:
    """The shortest loop there is: the whole context anew for each token."""
    for _ in range(n):
        logits = model(tokens[:, -LIMIT:]).logits[:, -1]
        tokens = torch.cat([tokens, logits.argmax(-1, keepdim=True)], dim=1)
    return tokens


# With a cache and without


def test_the_kinds_cover_every_position_scheme():
    assert {kind.get("positions") for kind in KINDS} >= {
        "none", "sinusoidal", "learned", "rotary", "alibi", "t5", "transformer_xl", "deberta"
    }  # fmt: skip


@every_scheme
def test_a_cache_changes_no_token_before_or_beyond_the_context(positions):
    model, start = gpt(positions=positions), some_tokens(3, 7)
    expected = by_hand(model, start, 9)
    assert torch.equal(generate(model, start, 9, use_cache=False), expected)
    assert torch.equal(generate(model, start, 9, use_cache=True), expected)
    assert len(expected[:, 7:].unique()) > 2  # no model that says one word for ever


@every_kind
def test_logits_are_the_same_with_a_cache_or_without_and_beside_padding_or_alone(kind):
    """Rows of 8, 3 and 1 tokens, to which the same tokens are added until all have slid."""
    model, prompts = gpt(**kind), [some_tokens(n, seed=n) for n in (8, 3, 1)]
    tokens, real = padded(prompts)
    cached, anew = (Predictor(model, 3, 21, real=real, use_cache=use) for use in (True, False))
    rest = some_tokens(1, 13, seed=5)
    for n in range(14):
        text = torch.cat([tokens, rest[:, :n].expand(3, -1)], dim=1)
        logits = anew(text)
        assert_close(cached(text), logits, rtol=0, atol=1e-10)
        assert (cached.caches is not None) == (8 + n <= LIMIT)
        if n % 3 == 0 or 8 + n in (LIMIT, LIMIT + 1):
            alone = [torch.cat([prompt, rest[0, :n]])[-LIMIT:] for prompt in prompts]
            expected = [model(text[None]).logits[0, -1] for text in alone]
            assert_close(logits, torch.stack(expected), rtol=0, atol=1e-10)


def test_with_a_cache_each_token_is_read_once():
    model, read = gpt(), []
    model.token_embedding.register_forward_pre_hook(lambda _, given: read.append(given[0].shape[1]))
    generate(model, some_tokens(1, 4), 8)
    assert read == [4] + 7 * [1]
    read.clear()
    generate(model, some_tokens(1, 4), 8, use_cache=False)
    assert read == [4, 5, 6, 7, 8, 9, 10, 11]
    read.clear()
    generate(model, some_tokens(1, 4), 12)  # four columns beyond the context
    assert read == [4] + 8 * [1] + 3 * [LIMIT]


def test_the_cache_has_room_for_what_is_read_and_no_more(monkeypatch):
    made, model = [], gpt()
    new_caches = model.new_caches
    monkeypatch.setattr(
        model, "new_caches", lambda *sizes: made.append(sizes) or new_caches(*sizes)
    )
    generate(model, some_tokens(2, 4), 3)
    generate(model, some_tokens(3, 4), 30)
    assert made == [(2, 6), (3, LIMIT)]


@pytest.mark.parametrize("build", [gpt2, llama])
def test_greedy_tokens_are_those_of_hugging_face_padded_or_not(build):
    ours, theirs = build(torch.float64)
    start = some_tokens(3, 6, vocab_size=23)
    options = {"max_new_tokens": 20, "do_sample": False}
    expected = theirs.generate(start, attention_mask=torch.ones_like(start), **options)
    assert torch.equal(generate(ours, start, 20), expected)
    real = torch.arange(6).expand(3, -1) >= torch.tensor([[4], [0], [2]])
    start = start.masked_fill(~real, 0)
    expected = theirs.generate(start, attention_mask=real.long(), **options)
    assert torch.equal(generate(ours, start, 20, real=real), expected)
    assert not torch.equal(generate(ours, start, 20), expected)  # padding that is read


# A batch with padding on the left


@every_scheme
def test_each_row_of_a_padded_batch_continues_as_it_would_alone(positions):
    model = gpt(positions=positions)
    texts = [some_tokens(n, seed=n) for n in (7, 2, 1)]
    tokens, real = padded(texts)
    together = generate(model, tokens, 12, real=real)
    assert torch.equal(generate(model, tokens, 12, real=real, use_cache=False), together)
    for row, text in zip(together, texts, strict=True):
        alone = generate(model, text[None], 12)[0]
        assert torch.equal(row[7:], alone[len(text) :])


def test_texts_are_padded_on_the_left_lists_or_tensors():
    texts = [some_tokens(n, seed=n) for n in (4, 1, 7, 4)]
    for given in (texts, [text.tolist() for text in texts]):
        tokens, real = pad_left(given, pad_id=3)
        assert all(map(torch.equal, (tokens, real), padded(texts)))


def test_padded_rows_are_sampled_from_what_each_would_be_alone():
    """Repetition is judged without the padding, whose id real tokens have as well."""
    model, sampler = gpt(), Sampler(temperature=0, repetition_penalty=3.0, block_repeats=2)
    texts = [some_tokens(n, seed=n) for n in (6, 2)]
    tokens, real = padded(texts)
    together = generate(model, tokens, 10, real=real, sampler=sampler)
    for row, text in zip(together, texts, strict=True):
        alone = generate(model, text[None], 10, sampler=sampler)[0]
        assert torch.equal(row[6:], alone[len(text) :])


def test_a_batch_without_padding_is_the_same_whether_that_is_said_or_not():
    model, start = gpt(), some_tokens(2, 5)
    said = generate(model, start, 9, real=torch.ones_like(start, dtype=torch.bool))
    assert torch.equal(said, generate(model, start, 9))


def test_what_stands_in_the_padding_does_not_matter():
    model = gpt(positions="rotary")
    tokens, real = padded([some_tokens(5), some_tokens(2)])
    other = tokens.masked_fill(~real, 9)
    ours, theirs = (generate(model, t, 9, real=real)[:, 5:] for t in (tokens, other))
    assert torch.equal(ours, theirs)


# The end of a text


@pytest.mark.parametrize("n_stop", [1, 3])
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_text_ends_at_its_first_stop_token_and_is_filled_up(n_stop, use_cache):
    model, start = gpt(), some_tokens(6, 3)
    free = generate(model, start, 15)[:, 3:]
    stop = free[:3, 6].unique()[:n_stop].tolist()
    ended = generate(model, start, 15, stop=stop, pad_id=0, use_cache=use_cache)[:, 3:]
    lengths = []
    for row, whole in zip(ended, free, strict=True):
        ends = torch.isin(whole, torch.tensor(stop)).nonzero().flatten().tolist()
        lengths.append(ends[0] + 1 if ends else 15)
        assert torch.equal(row[: lengths[-1]], whole[: lengths[-1]])
        assert not row[lengths[-1] :].any()
    assert ended.shape[1] == max(lengths)
    assert min(lengths) < max(lengths)


def test_generation_ends_once_all_texts_have_and_fills_up_with_the_first_stop():
    model, start = gpt(), some_tokens(1, 3).repeat(2, 1)
    free = generate(model, start, 12)
    first = free[0, 3:].tolist().index(free[0, 8].item()) + 4
    for stop in (free[0, 8].item(), [free[0, 8].item()]):
        assert torch.equal(generate(model, start, 12, stop=stop), free[:, :first])
    texts = torch.cat([start[:1], some_tokens(3, 3, seed=1)])
    ended = generate(model, texts, 12, stop=[free[0, 8].item()])
    assert ended.shape[1] > first  # the others go on
    assert set(ended[0, first:].tolist()) == {free[0, 8].item()}


@pytest.mark.parametrize("kind", [torch.tensor, tuple, iter])
def test_stop_tokens_may_come_as_a_tensor_or_any_row_of_ids(kind):
    model, tokens = gpt(), some_tokens(2, 3)
    stop = generate(model, tokens, 6)[:, 4].tolist()
    ended = generate(model, tokens, 6, stop=kind(stop))
    assert torch.equal(ended, generate(model, tokens, 6, stop=stop)) and ended.shape[1] < 9


def test_a_stop_token_in_the_prompt_ends_nothing():
    model, start = gpt(), some_tokens(2, 3)
    start[:, -1] = 0
    assert generate(model, start, 5, stop=0).shape[1] > 3


@pytest.mark.parametrize("use_cache", [True, False])
def test_a_full_context_stops_generation_after_the_token_that_follows_it(use_cache):
    model, start = gpt(), some_tokens(2, 4)
    options = {"use_cache": use_cache, "when_full": "stop"}
    ended = generate(model, start, 30, **options)
    assert torch.equal(ended, generate(model, start, LIMIT - 4 + 1))
    assert ended.shape[1] == LIMIT + 1
    assert generate(model, start, 3, **options).shape[1] == 7
    assert generate(model, some_tokens(2, LIMIT), 9, **options).shape[1] == LIMIT + 1


@pytest.mark.parametrize("use_cache", [True, False])
def test_a_text_that_just_fits_is_no_error(use_cache):
    model, options = gpt(), {"use_cache": use_cache, "when_full": "error"}
    assert generate(model, some_tokens(1, 4), LIMIT - 3, **options).shape[1] == LIMIT + 1
    assert generate(model, some_tokens(1, LIMIT), 1, **options).shape[1] == LIMIT + 1
    for seq, n in [(4, LIMIT - 2), (LIMIT, 2), (LIMIT + 1, 1)]:
        with pytest.raises(ValueError, match="when_full is 'error'"):
            generate(model, some_tokens(1, seq), n, **options)


@pytest.mark.parametrize("positions", ["learned", "rotary", "t5"])
@pytest.mark.parametrize("use_cache", [True, False])
def test_tokens_older_than_the_context_change_nothing(positions, use_cache):
    model, text = gpt(positions=positions), some_tokens(2, LIMIT + 5)
    other = torch.cat([some_tokens(2, 5, seed=9), text[:, 5:]], dim=1)
    assert not torch.equal(text, other)
    options = {"sampler": LIVELY, "use_cache": use_cache}
    ours, theirs = (generate(model, t, 6, **options)[:, LIMIT + 5 :] for t in (text, other))
    assert torch.equal(ours, theirs)
    assert torch.equal(*(Predictor(model, 2, LIMIT + 5)(t) for t in (text, other)))


# Draws


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_the_same_seed_draws_the_same_text_with_a_cache_and_without(positions):
    model, start = gpt(positions=positions), some_tokens(3, 4)
    options = {"sampler": LIVELY, "seed": 5}
    cached, again, uncached = (
        generate(model, start, 20, use_cache=use, **options) for use in (True, True, False)
    )
    assert torch.equal(cached, again)
    assert torch.equal(cached, uncached)
    assert not torch.equal(cached, generate(model, start, 20, sampler=LIVELY, seed=6))


def test_a_generator_is_what_its_seed_is_and_moves_on():
    model, start = gpt(), some_tokens(3, 4)
    generator = torch.Generator().manual_seed(5)
    first = generate(model, start, 9, sampler=LIVELY, generator=generator)
    assert torch.equal(first, generate(model, start, 9, sampler=LIVELY, seed=5))
    assert not torch.equal(first, generate(model, start, 9, sampler=LIVELY, generator=generator))
    unseeded = generate(model, start, 9, sampler=LIVELY)
    assert torch.equal(unseeded, generate(model, start, 9, sampler=LIVELY, seed=0))


def test_the_first_token_is_drawn_as_often_as_the_model_says():
    model, start, n = gpt(), some_tokens(1, 5), 20_000
    drawn = generate(model, start.expand(n, -1), 1, sampler=Sampler())[:, -1]
    expected = n * model(start).logits[0, -1].softmax(-1)
    surprise = ((torch.bincount(drawn, minlength=11) - expected) ** 2 / expected).sum()
    assert surprise < 41  # chi-square with 10 degrees of freedom: once in 100,000


def test_a_function_can_take_the_place_of_a_sampler():
    def least_likely(logits, tokens, generator, real):
        assert (len(tokens), real) == (2, None)
        return logits.argmin(-1)

    model, start = gpt(), some_tokens(2, 3)
    chosen = generate(model, start, 1, sampler=least_likely)[:, -1]
    assert torch.equal(chosen, model(start).logits[:, -1].argmin(-1))


# Token by token


@pytest.mark.parametrize(("n", "seed"), [(1, 0), (7, 1), (12, 2)])
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_stream_yields_what_generate_returns(n, use_cache, seed):
    model, start = gpt(), some_tokens(3, 4)
    options = {"sampler": LIVELY, "seed": seed, "use_cache": use_cache, "stop": 2}
    heard = []
    whole = generate(model, start, n, on_token=heard.append, **options)
    columns = list(stream(model, start, n, **options))
    assert torch.equal(torch.stack(columns, dim=1), whole[:, 4:])
    assert torch.equal(torch.stack(heard, dim=1), whole[:, 4:])


def test_a_stream_computes_no_further_than_it_is_asked():
    model, passes = gpt(), []
    model.register_forward_hook(lambda *_: passes.append(1))
    texts = stream(model, some_tokens(1, 4), 1000)
    assert not passes
    next(texts), next(texts)
    assert len(passes) == 2


# What is left as it was


class Fragile(Bigram):
    """A model that draws random numbers, and breaks at its third token."""

    def __init__(self) -> None:
        super().__init__(11)
        self.parts = nn.ModuleList([nn.Dropout(0.5), nn.Dropout(0.5)])
        self.passes = 0

    def forward(self, tokens: Tensor, targets: Tensor | None = None) -> Output:
        assert not any(module.training for module in self.modules())
        assert not torch.is_grad_enabled()
        self.passes += 1
        if self.passes == 3:
            raise RuntimeError("broken")
        return super().forward(tokens)


@pytest.mark.parametrize("breaks", [True, False])
def test_modes_gradients_and_the_global_generator_are_left_alone_even_by_an_error(breaks):
    model = Fragile().train()
    model.parts[0].eval()
    modes = [module.training for module in model.modules()]
    before = torch.get_rng_state()
    seen = []
    try:
        for column in stream(model, some_tokens(2, 3), 3 if breaks else 2, sampler=LIVELY):
            seen.append((column, torch.is_grad_enabled(), [m.training for m in model.modules()]))
    except RuntimeError:
        assert breaks
    assert len(seen) == 2
    assert all(grad and during == modes for _, grad, during in seen)  # between tokens as well
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_is_off_while_generating():
    model, start = gpt(dropout=0.5), some_tokens(3, 4)
    expected = by_hand(model.eval(), start, 12)
    assert torch.equal(generate(model.train(), start, 12), expected)
    assert model.training and model.blocks[0].attention.dropout.training


def test_what_was_generated_can_be_trained_on_and_the_prompt_is_unchanged():
    model, start = gpt(), some_tokens(2, 3)
    before = start.clone()
    text = generate(model, start, 6)
    model(text[:, :-1], text[:, 1:]).loss.backward()
    assert model.token_embedding.weight.grad.any()
    assert torch.equal(start, before) and torch.equal(text[:, :3], before)


# Other models


def test_a_bigram_is_generated_from_without_a_cache_or_a_limit():
    model, start = randomized(Bigram(11)), some_tokens(2, 3)
    text = generate(model, start, 30, when_full="error")
    for now, after in zip(text[:, 2:-1].T, text[:, 3:].T, strict=True):
        assert torch.equal(after, model.table.weight[now].argmax(-1))


@pytest.mark.parametrize("change", [{"attention": "head_list"}, {"causal": False}])
def test_a_model_that_keeps_no_cache_is_read_anew(change):
    model, start = gpt(**change), some_tokens(2, 4)
    assert torch.equal(generate(model, start, 15), by_hand(model, start, 15))
    tokens, real = padded([some_tokens(4), some_tokens(2)])
    row = generate(model, tokens, 12, real=real)[1, 4:]
    assert torch.equal(row, generate(model, some_tokens(2)[None], 12)[0, 2:])


def test_short_ids_and_autocast_are_fine():
    model, start = gpt().float(), some_tokens(2, 4)
    assert torch.equal(generate(model, start.int(), 9), generate(model, start, 9))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert generate(model, start, 12, sampler=LIVELY).shape == (2, 16)
