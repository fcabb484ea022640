"""The recurrent encoder and decoder: what reaches the decoder, and by which way."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from glassbox.recurrent import (
    GRU,
    LSTM,
    AdditiveAttention,
    DotAttention,
    NoAttention,
    RecurrentClassifier,
    RecurrentConfig,
    RecurrentSeq2Seq,
)

cells = st.sampled_from(["gru", "lstm"])
attentions = st.sampled_from(["none", "additive", "dot"])
sizes = st.integers(1, 5)
every_attention = pytest.mark.parametrize("attention", ["none", "additive", "dot"])
PAD = 0


def settings_of(**changes) -> RecurrentConfig:
    return RecurrentConfig(**{"vocab_size": 9, "d_embedding": 4, "d_hidden": 6} | changes)


def model_of(**changes) -> RecurrentSeq2Seq:
    return RecurrentSeq2Seq(settings_of(**changes)).double()


def ids(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return token ids of which none is padding."""
    return torch.randint(1, 9, shape, generator=torch.Generator().manual_seed(seed))


def watched(model, *arguments):
    """Run the model and return its output and all that passed its tap."""
    seen = []
    hook = model.weights.register_forward_hook(lambda *call: seen.append(call[-1]))
    output = model(*arguments)
    hook.remove()
    return output, seen


@settings(deadline=None, max_examples=30)
@given(cells, attentions, st.booleans(), sizes, sizes, sizes)
def test_teacher_forcing_is_a_loop_of_single_steps(cell, attention, bidirectional, batch, src, seq):
    model = model_of(cell=cell, attention=attention, bidirectional=bidirectional, pad_id=PAD)
    source, target = ids(batch, src), ids(batch, seq, seed=1)
    output, (alignment,) = watched(model, source, target)
    assert output.logits.shape == (batch, seq, 9) and output.loss is None
    assert alignment.shape == (batch, seq, src)
    encoded = model.encode(source)
    state = encoded.final
    for t in range(seq):
        logits, state, weights = model.decode_step(target[:, t], state, encoded)
        assert_close(logits, output.logits[:, t])
        assert_close(weights, alignment[:, t])


@settings(deadline=None, max_examples=20)
@given(cells, attentions, st.integers(1, 5))
def test_future_tokens_cannot_change_a_past_logit(cell, attention, cut):
    model, source, target = model_of(cell=cell, attention=attention), ids(2, 4), ids(2, 6, seed=1)
    changed = target.clone()
    changed[:, cut:] = ids(2, 6 - cut, seed=2)
    assert_close(model(source, changed).logits[:, :cut], model(source, target).logits[:, :cut])


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("attention", ["none", "dot"])
def test_the_whole_model_equals_one_made_of_pytorchs_parts(cell, attention):
    model = model_of(cell=cell, attention=attention)
    ours = [model.encoder.cell, model.cell]
    theirs = [{"gru": nn.GRU, "lstm": nn.LSTM}[cell](4, 6, batch_first=True).double() for _ in ours]
    for our, their in zip(ours, theirs, strict=True):
        parameters = [our.w_x.weight, our.w_h.weight, our.w_x.bias, our.w_h.bias]
        with torch.no_grad():
            for parameter, value in zip(their.parameters(), parameters, strict=True):
                parameter.copy_(value)
    source, target = ids(3, 5), ids(3, 4, seed=1)
    keys, final = theirs[0](model.encoder.token_embedding(source))
    states, _ = theirs[1](model.token_embedding(target), final)
    weights = torch.softmax(states @ keys.mT, dim=-1)
    readout = torch.cat([states, weights @ keys], dim=-1) if attention == "dot" else states
    output, (alignment,) = watched(model, source, target, target)
    assert_close(output.logits, model.head(readout))
    assert_close(output.loss, F.cross_entropy(output.logits.flatten(0, 1), target.flatten()))
    assert_close(alignment, weights if attention == "dot" else torch.zeros_like(weights))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
@every_attention
def test_only_attention_lets_the_source_past_the_final_state(cell, bidirectional, attention):
    """The bottleneck: without attention, encoder states other than the final one count nothing."""
    model = model_of(cell=cell, attention=attention, bidirectional=bidirectional)
    encoded = model.encode(ids(2, 5))
    others = encoded._replace(states=torch.randn_like(encoded.states))
    logits, other_logits = (
        model.decode_step(ids(2), encoded.final, given)[0] for given in (encoded, others)
    )
    assert torch.equal(logits, other_logits) == (attention == "none")


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@every_attention
def test_the_final_state_does_reach_the_decoder(cell, attention):
    model = model_of(cell=cell, attention=attention)
    encoded = model.encode(ids(2, 5))
    for index in range(len(encoded.final)):
        changed = list(encoded.final)
        changed[index] = changed[index] + 1
        before, after = (
            model.decode_step(ids(2), state, encoded)[0]
            for state in (encoded.final, tuple(changed))
        )
        assert not torch.isclose(before, after).all()


@settings(deadline=None, max_examples=30)
@given(cells, attentions, st.booleans(), st.lists(st.booleans(), min_size=1, max_size=8))
def test_padding_of_the_source_changes_nothing_wherever_it_stands(
    cell, attention, bidirectional, real
):
    model = model_of(cell=cell, attention=attention, bidirectional=bidirectional, pad_id=PAD)
    keep = torch.tensor([*real, True])
    short, target = ids(1, int(keep.sum())), ids(1, 3, seed=1)
    source = torch.full((1, len(keep)), PAD)
    source[:, keep] = short
    padded, (alignment,) = watched(model, source, target)
    expected, (rows,) = watched(model, short, target)
    assert_close(padded.logits, expected.logits)
    assert_close(alignment[..., keep], rows)
    assert (alignment[..., ~keep] == 0).all()


@every_attention
def test_the_weights_pass_the_tap_once_a_forward_and_are_shares_of_one(attention):
    _, seen = watched(model_of(attention=attention), ids(2, 5), ids(2, 3))
    assert [weights.shape for weights in seen] == [(2, 3, 5)]
    total = 0.0 if attention == "none" else 1.0
    assert_close(seen[0].sum(-1), torch.full((2, 3), total, dtype=torch.float64))


def test_targets_of_minus_100_do_not_count():
    model, source, target = model_of(), ids(2, 5), ids(2, 3)
    targets = ids(2, 3, seed=1)
    targets[1, 1:] = -100
    logits, loss = model(source, target, targets)
    counted = targets != -100
    assert_close(loss, F.cross_entropy(logits[counted], targets[counted]))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
@every_attention
def test_every_parameter_learns(cell, bidirectional, attention):
    model = model_of(cell=cell, attention=attention, bidirectional=bidirectional)
    model(ids(4, 5), ids(4, 3), ids(4, 3, seed=1)).loss.backward()
    still = [name for name, parameter in model.named_parameters() if not parameter.grad.any()]
    assert not still


def test_with_attention_a_small_model_learns_to_reverse():
    torch.manual_seed(0)
    model = RecurrentSeq2Seq(settings_of(d_embedding=24, d_hidden=24, attention="dot"))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(150):
        source = ids(32, 4, seed=step)
        written = source.flip(1)
        target = torch.cat([torch.zeros(32, 1, dtype=torch.long), written[:, :-1]], dim=1)
        loss = model(source, target, written).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.5


@pytest.mark.parametrize(
    ("changes", "cell", "attention"),
    [
        ({}, GRU, NoAttention),
        ({"cell": "lstm", "attention": "additive"}, LSTM, AdditiveAttention),
        ({"attention": "dot"}, GRU, DotAttention),
    ],
)
def test_the_configuration_chooses_the_parts(changes, cell, attention):
    model = model_of(**changes)
    assert type(model.cell) is type(model.encoder.cell) is cell
    assert type(model.attention) is attention


@settings(deadline=None, max_examples=25)
@given(cells, st.booleans(), st.integers(1, 4))
def test_a_classifier_reads_the_final_state_and_skips_padding(cell, bidirectional, n_padding):
    config = settings_of(cell=cell, bidirectional=bidirectional, pad_id=PAD)
    model = RecurrentClassifier(config, n_classes=3).double()
    tokens, labels = ids(4, 5), torch.tensor([0, 2, 1, 1])
    logits, loss = model(tokens, labels)
    assert_close(logits, model.head(model.encoder(tokens).final[0]))
    assert_close(loss, F.cross_entropy(logits, labels))
    padded = F.pad(tokens, (0, n_padding), value=PAD)
    assert_close(model(padded).logits, logits)
    assert model(padded).loss is None


@pytest.mark.parametrize("bidirectional", [False, True])
def test_only_both_directions_let_the_first_output_see_the_last_token(bidirectional):
    model = RecurrentClassifier(settings_of(bidirectional=bidirectional), n_classes=2)
    tokens = ids(1, 5)
    changed = tokens.clone()
    changed[0, -1] = tokens[0, -1] % 8 + 1
    first, other = (model.encoder(given).states[:, 0] for given in (tokens, changed))
    assert torch.equal(first, other) != bidirectional


# What a reader gets to read


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"vocab_size": 0}, ValueError, "vocab_size is 0"),
        ({"d_embedding": 0}, ValueError, "d_embedding is 0"),
        ({"d_hidden": 0}, ValueError, "d_hidden is 0"),
        ({"cell": "gruu"}, ValueError, "cell is 'gruu'.*Did you mean 'gru'"),
        ({"attention": "dott"}, ValueError, "attention is 'dott'.*Did you mean 'dot'"),
        ({"d_hidden": 7, "bidirectional": True}, ValueError, "d_hidden is 7.*such as 8"),
        ({"pad_id": 9}, ValueError, "pad_id is 9.*ids run from 0 to 8"),
        ({"pad_id": -100}, ValueError, "pad_id is -100"),
    ],
)
@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_a_wrong_setting_is_named(changes, error, message):
    with pytest.raises(error, match=message):
        settings_of(**changes)


@pytest.mark.parametrize(
    ("source", "target", "error", "message"),
    [
        (torch.tensor([[1, 9]]), ids(1, 3), ValueError, "source holds the id 9"),
        (ids(1, 2), torch.tensor([[-1, 2]]), ValueError, "target holds the id -1"),
        (ids(2, 4), ids(3, 4), ValueError, "target has a batch of 3 and source one of 2"),
        (ids(4), ids(1, 3), ValueError, r"source has shape \(4,\).*source.unsqueeze\(0\)"),
        (ids(1, 4), ids(3), ValueError, r"target has shape \(3,\)"),
        (ids(1, 4), ids(1, 0), ValueError, r"target has shape \(1, 0\)"),
        (ids(1, 4).float(), ids(1, 3), TypeError, "source holds torch.float32"),
        (torch.tensor([[1, 2], [0, 0]]), ids(2, 3), ValueError, "row 1 .*nothing but padding"),
    ],
)
@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_a_wrong_source_or_target_is_named(source, target, error, message):
    with pytest.raises(error, match=message):
        model_of(pad_id=PAD)(source, target)


@pytest.mark.parametrize(
    ("token", "error", "message"),
    [
        (ids(3), ValueError, "token has a batch of 3 and source one of 2"),
        (ids(2, 1), ValueError, r"token has shape \(2, 1\).*one token for each sequence"),
        (torch.tensor([1, 9]), ValueError, "token holds the id 9"),
        (torch.zeros(2), TypeError, "token holds torch.float32"),
    ],
)
@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_a_wrong_token_of_a_single_step_is_named(token, error, message):
    model = model_of()
    encoded = model.encode(ids(2, 4))
    with pytest.raises(error, match=message):
        model.decode_step(token, encoded.final, encoded)


def test_a_classifier_has_classes_and_nothing_to_look_back_from():
    with pytest.raises(ValueError, match="n_classes is 0"):
        RecurrentClassifier(settings_of(), n_classes=0)
    with pytest.raises(ValueError, match=r"attention is 'dot'.*no decoder"):
        RecurrentClassifier(settings_of(attention="dot"), n_classes=2)
