"""The encoder and what stands on it: padding that never matters, pooling, classes and blanks."""

from dataclasses import replace
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close
from twins import INSIDE, SMALL, our_names, random, randomized, some_tokens

from glassbox import masks
from glassbox.classifier import ClassifierConfig, EncoderClassifier
from glassbox.encoder import Encoder, EncoderConfig, MaskedLanguageModel
from glassbox.initialization import initialize_gpt2
from glassbox.losses import cross_entropy
from glassbox.norms import LayerNorm
from glassbox.pooling import POOLINGS
from glassbox.positions import POSITIONS

OUTSIDE = [name for name in POSITIONS if name not in INSIDE]
PAIRS = [(name, "multi_head") for name in POSITIONS] + [(name, "head_list") for name in OUTSIDE]
every_scheme = pytest.mark.parametrize("positions", POSITIONS)
every_residual = pytest.mark.parametrize("residual", ["pre", "post"])
reader = pytest.mark.usefixtures("as_a_reader_runs_it")


def encoder(seed: int = 0, **settings) -> Encoder:
    return randomized(Encoder(EncoderConfig(**SMALL | {"pad_id": 0} | settings)), seed)


def classifier(**settings) -> EncoderClassifier:
    return randomized(
        EncoderClassifier(ClassifierConfig(**SMALL | {"n_classes": 3, "pad_id": 0} | settings))
    )


def padded(tokens: torch.Tensor, lengths: list[int], to: int, pad_id: int = 0) -> torch.Tensor:
    """Rows of several lengths, filled up with padding."""
    rows = torch.full((len(tokens), to), pad_id)
    for row, (ids, length) in enumerate(zip(tokens, lengths, strict=True)):
        rows[row, :length] = ids[:length]
    return rows


@settings(deadline=None, max_examples=20)
@given(
    st.integers(1, 3), st.integers(1, 8), st.sampled_from([1, 2, 4]), st.integers(1, 3),
    st.booleans(), st.sampled_from(["relu", "gelu"]), st.data(),
)  # fmt: skip
def test_an_encoder_equals_pytorchs_stack_in_values_and_gradients(
    batch, seq, n_heads, n_layers, norm_first, activation, data
):
    options = {"norm_first": norm_first, "activation": activation, "batch_first": True}
    layer = nn.TransformerEncoderLayer(8, n_heads, 9, dropout=0.0, **options)
    last = nn.LayerNorm(8) if norm_first else None
    theirs = nn.TransformerEncoder(layer, n_layers, norm=last, enable_nested_tensor=False)
    theirs = randomized(theirs, seed=seq).train()  # evaluating, it takes other kernels
    config = EncoderConfig(
        pad_id=0,
        **SMALL | {"n_heads": n_heads, "n_layers": n_layers, "d_ff": 9},
        residual="pre" if norm_first else "post",
        feed_forward=activation,
        qkv_bias=True,
    )
    ours = randomized(Encoder(config))
    for block, their_layer in zip(ours.blocks, theirs.layers, strict=True):
        block.load_state_dict(our_names(their_layer.named_parameters()))
    if norm_first:
        ours.norm.load_state_dict(theirs.norm.state_dict())
    lengths = data.draw(st.lists(st.integers(1, seq), min_size=batch, max_size=batch))
    tokens = padded(some_tokens(batch, seq), lengths, to=seq)
    table = ours.token_embedding.weight.detach().clone().requires_grad_()
    places = torch.arange(seq, dtype=torch.float64)[:, None]
    angle = places / 10_000 ** (torch.arange(0, 8, 2) / 8)
    x = table[tokens] + torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)
    expected = theirs(x, src_key_padding_mask=tokens == 0)
    states = ours(tokens)
    assert_close(states, expected, rtol=1e-5, atol=1e-6)  # our waves are kept in float32
    direction = random(batch, seq, 8, seed=9)
    (states * direction).sum().backward()
    (expected * direction).sum().backward()
    assert_close(ours.token_embedding.weight.grad, table.grad, rtol=1e-4, atol=1e-5)
    for block, their_layer in zip(ours.blocks, theirs.layers, strict=True):
        grads = {name: p.grad for name, p in block.named_parameters()}
        wanted = our_names((name, p.grad) for name, p in their_layer.named_parameters())
        assert_close(grads, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("positions", "attention"), PAIRS)
@every_residual
def test_padding_never_changes_the_vector_of_a_real_token(positions, attention, residual):
    norm = "rms" if residual == "pre" else "layer"
    parts = {"positions": positions, "attention": attention, "residual": residual, "norm": norm}
    model, tokens, lengths = encoder(**parts), some_tokens(3, 7), [7, 3, 1]
    batch = model(padded(tokens, lengths, to=7))
    longer = model(padded(tokens, lengths, to=12))
    for row, length in enumerate(lengths):
        alone = model(tokens[row : row + 1, :length])[0]
        assert_close(batch[row, :length], alone, rtol=1e-10, atol=1e-10)
        assert_close(longer[row, :length], alone, rtol=1e-10, atol=1e-10)


@every_scheme
def test_what_padding_looks_like_changes_nothing_at_all(positions):
    model, tokens = encoder(positions=positions), padded(some_tokens(2, 7), [4, 6], to=7)
    before = model(tokens)
    with torch.no_grad():
        model.token_embedding.weight[0] += 3.0
    after = model(tokens)
    assert torch.equal(after[tokens != 0], before[tokens != 0])
    assert not torch.isclose(after[tokens == 0], before[tokens == 0]).all(-1).any()


@pytest.mark.parametrize("watched", [False, True])
def test_without_its_mask_padding_would_change_real_tokens(watched):
    tokens = padded(some_tokens(1, 5), [5], to=7)
    hidden, shown = encoder(), encoder(pad_id=None)
    if watched:
        shown.blocks[0].attention.weights.register_forward_hook(lambda *_: None)
    assert not torch.allclose(shown(tokens)[:, :5], hidden(tokens)[:, :5], atol=1e-2)
    assert_close(shown(tokens[:, :5]), hidden(tokens[:, :5]))


def test_any_id_can_be_the_padding():
    tokens = some_tokens(2, 7)
    one, seven = encoder(), encoder(pad_id=10)
    rows = padded(tokens.clamp(max=9), [4, 6], to=7, pad_id=10)
    swapped = torch.where(rows == 10, 0, rows)
    assert torch.equal(one(swapped)[swapped != 0], seven(rows)[rows != 10])
    assert torch.equal(seven.padding_mask(rows)[:, 0, 0], rows != 10)
    assert encoder(pad_id=None).padding_mask(rows).all()
    assert encoder(pad_id=None).padding_mask(rows).shape == (2, 1, 1, 7)


@every_scheme
def test_every_token_hears_from_both_sides(positions):
    model, tokens = encoder(positions=positions), some_tokens(2, 6)
    before = model(tokens)
    for place in (0, 5):
        changed = tokens.clone()
        changed[:, place] = changed[:, place] % 10 + 1
        assert not torch.isclose(model(changed), before).all(-1).any()


def test_the_buckets_of_an_encoder_tell_what_is_ahead_from_what_is_behind():
    scheme = encoder(positions="t5").blocks[0].attention.positions
    bias = scheme.bias(random(1, 2, 6, 4), random(1, 2, 6, 4))
    assert len(bias[0].unique()) == 11  # distances from 5 behind to 5 ahead


def test_without_positions_an_encoder_is_equivariant_and_with_them_it_is_not():
    tokens, order = some_tokens(2, 6), torch.tensor([3, 0, 5, 1, 4, 2])
    for positions in POSITIONS:
        model = encoder(positions=positions)
        equal = torch.allclose(model(tokens[:, order]), model(tokens)[:, order])
        assert equal == (positions == "none"), positions


@pytest.mark.parametrize("pad_id", [0, None])
def test_a_mask_is_joined_to_the_padding(pad_id):
    model = encoder(positions="learned", pad_id=pad_id)
    tokens = padded(some_tokens(2, 6), [6, 4], to=6)
    real = tokens != 0
    states = model(tokens, mask=masks.causal(6))
    for stop in range(1, 5):
        prefix = model(tokens[:, :stop], mask=masks.causal(stop))
        assert_close(prefix, states[:, :stop], rtol=1e-10, atol=1e-10)
    # Here the padding would be visible, were it not for the encoder's own mask.
    everything = torch.ones(6, 6, dtype=torch.bool)
    assert torch.equal(model(tokens, mask=everything), model(tokens))
    ids = torch.tensor([[0, 0, 0, 1, 1, 1]] * 2)
    own = model(tokens, mask=masks.documents(ids))
    assert_close(own[:, :3], model(tokens[:, :3]), rtol=1e-10, atol=1e-10)
    assert not torch.allclose(own[real], model(tokens)[real])


@reader
@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([[3, 0], [0, 0]], "row 1 of tokens holds nothing but padding"),
        ([[3] * 13], "13 tokens were given, but the context holds 12"),
        ([[11]], "holds the id 11"),
    ],
)
def test_unfit_tokens_are_refused(tokens, message):
    for model in (encoder(), classifier(), MaskedLanguageModel(EncoderConfig(**SMALL, pad_id=0))):
        with pytest.raises(ValueError, match=message):
            model(torch.tensor(tokens))


FORMULAS = {
    "mean": lambda rows, query: rows.mean(0),
    "max": lambda rows, query: rows.max(0).values,
    "first": lambda rows, query: rows[0],
    "attention": lambda rows, query: (rows @ query / rows.shape[1] ** 0.5).softmax(0) @ rows,
}


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(list(POOLINGS)), st.integers(1, 3), st.integers(1, 6), st.integers(1, 5),
    st.data(),
)  # fmt: skip
def test_a_pooling_is_its_formula_over_the_real_tokens(name, batch, src, d_model, data):
    pooling, states = randomized(POOLINGS[name](d_model)), random(batch, src, d_model)
    flags = st.lists(st.booleans(), min_size=src - 1, max_size=src - 1)
    real = torch.tensor([[True, *data.draw(flags)] for _ in range(batch)])
    rows = [
        FORMULAS[name](row[kept], getattr(pooling, "query", None))
        for row, kept in zip(states, real, strict=True)
    ]
    assert_close(pooling(states, real), torch.stack(rows))
    noisy = torch.where(real[..., None], states, 1e6)
    assert torch.equal(pooling(noisy, real), pooling(states, real))


@pytest.mark.parametrize("pooling", POOLINGS)
@every_scheme
def test_padding_never_changes_the_class(positions, pooling):
    model = classifier(positions=positions, pooling=pooling, d_classifier=5)
    tokens, lengths = some_tokens(3, 6), [6, 2, 1]
    logits = model(padded(tokens, lengths, to=6)).logits
    longer = model(padded(tokens, lengths, to=10)).logits
    assert_close(longer, logits, rtol=1e-10, atol=1e-10)
    for row, length in enumerate(lengths):
        alone = model(tokens[row : row + 1, :length]).logits[0]
        assert_close(logits[row], alone, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_class_depends_on_every_token_and_training_reaches_every_parameter(pooling):
    model, tokens = classifier(pooling=pooling, d_classifier=5), some_tokens(2, 6)
    before, loss = model(tokens, torch.tensor([2, 0]))
    for place in range(6):
        changed = tokens.clone()
        changed[:, place] = changed[:, place] % 10 + 1
        assert not torch.isclose(model(changed).logits, before).all(-1).any()
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_a_classifier_is_encoder_then_pooling_then_head():
    for inner in (None, 5):
        model, tokens = classifier(d_classifier=inner), padded(some_tokens(2, 6), [3, 6], to=6)
        states = model.encoder(tokens)
        pooled = torch.stack([states[0, :3].mean(0), states[1].mean(0)])
        assert_close(model.pool(tokens), pooled)
        targets = torch.tensor([2, 0])
        logits, loss = model(tokens, targets)
        if inner is None:
            assert_close(logits, pooled @ model.head.weight.T + model.head.bias)
        else:
            first, _, last = model.head
            hidden = nn.functional.gelu(pooled @ first.weight.T + first.bias)
            assert_close(logits, hidden @ last.weight.T + last.bias)
        assert torch.equal(loss, cross_entropy(logits, targets))
        assert model(tokens).loss is None


def test_without_order_the_mean_cannot_tell_permutations_apart():
    model, tokens = classifier(positions="none"), some_tokens(2, 6)
    assert_close(model(tokens.flip(1)).logits, model(tokens).logits)
    model = classifier(positions="sinusoidal")
    assert not torch.allclose(model(tokens.flip(1)).logits, model(tokens).logits)


def test_blanks_are_filled_from_both_sides_and_only_they_count():
    model = randomized(MaskedLanguageModel(EncoderConfig(**SMALL, pad_id=0)))
    tokens, targets = padded(some_tokens(2, 6), [6, 4], to=6), torch.full((2, 6), -100)
    targets[0, 2] = targets[1, 0] = 5
    logits, loss = model(tokens, targets)
    expected = model.encoder(tokens) @ model.head.weight.T + model.head.bias
    assert_close(logits, expected)
    surprise = -logits.log_softmax(-1)
    assert_close(loss, (surprise[0, 2, 5] + surprise[1, 0, 5]) / 2)
    assert model(tokens).loss is None
    for place in (0, 5):
        changed = tokens.clone()
        changed[:, place] = 7
        assert not torch.allclose(model(changed).logits[0, 2], logits[0, 2])


def test_an_untrained_model_fills_blanks_at_the_price_of_guessing():
    torch.manual_seed(0)
    config = EncoderConfig(**SMALL | {"vocab_size": 500, "d_model": 64})
    model = MaskedLanguageModel(config)
    initialize_gpt2(model.encoder)
    nn.init.normal_(model.head.weight, std=0.02)
    nn.init.zeros_(model.head.bias)
    loss = model(some_tokens(32, 12, vocab_size=500), some_tokens(32, 12, vocab_size=500)).loss
    assert abs(loss.item() - log(500)) < 0.05


@every_residual
def test_only_pre_norm_needs_a_norm_at_the_end(residual):
    model = encoder(residual=residual)
    kind = LayerNorm if residual == "pre" else nn.Identity
    assert type(model.norm) is kind
    x, blocks = model.embed(some_tokens(2, 5)), model.blocks
    for block in blocks:
        x = block(x)
    assert torch.equal(model(some_tokens(2, 5)), model.norm(x))


@pytest.mark.parametrize(
    ("positions", "pooling"),
    [(name, "attention") for name in POSITIONS] + [("learned", name) for name in POOLINGS],
)
def test_half_precision_where_autocast_allows_it(positions, pooling):
    residual = "pre" if positions in INSIDE else "post"
    model = classifier(positions=positions, pooling=pooling, residual=residual).float()
    tokens, targets = padded(some_tokens(2, 6), [3, 6], to=6), torch.tensor([2, 0])
    plain = model(tokens).logits
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, loss = model(tokens, targets)
    assert_close(logits.float(), plain, rtol=0.1, atol=0.15)
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@every_scheme
def test_saved_parameters_make_the_same_encoder_again(positions):
    model, tokens = encoder(positions=positions), some_tokens(2, 7)
    again = Encoder(replace(model.config)).double()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(tokens), model(tokens))
