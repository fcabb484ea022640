"""The feed-forward network, held equal to PyTorch's parts and to Llama's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close
from transformers import LlamaConfig
from transformers.activations import ACT2FN
from transformers.models.llama.modeling_llama import LlamaMLP

from glassbox.feedforward import FEED_FORWARDS, FeedForward, SquaredReLU, SwiGLU

sizes = st.integers(1, 7)
names = st.sampled_from(sorted(FEED_FORWARDS))
reader = pytest.mark.usefixtures("as_a_reader_runs_it")


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@settings(deadline=None, max_examples=40)
@given(names, st.booleans(), sizes, sizes, st.permutations(range(5)))
def test_the_same_function_at_every_position(name, bias, d_model, d_ff, order):
    layer, x = FEED_FORWARDS[name](d_model, d_ff, bias=bias).double(), random(2, 5, d_model)
    out = layer(x)
    assert out.shape == x.shape
    assert_close(layer(x[:, order]), out[:, order])
    assert_close(layer(x[1, 3]), out[1, 3])


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(
        [
            ("relu", "relu"),
            ("gelu", "gelu"),
            ("gelu_tanh", "gelu_new"),
            ("squared_relu", "relu2"),
        ]
    ),
    st.booleans(),
    sizes,
    sizes,
)
def test_it_is_two_linear_layers_around_an_activation(name, bias, d_model, d_ff):
    ours, theirs = name
    layer, x = FEED_FORWARDS[ours](d_model, d_ff, bias=bias).double(), 3 * random(2, 5, d_model)
    expected = nn.Sequential(
        nn.Linear(d_model, d_ff, bias=bias), ACT2FN[theirs], nn.Linear(d_ff, d_model, bias=bias)
    ).double()
    pairs = zip(layer.parameters(), expected.parameters(), strict=True)
    for our, their in pairs:
        their.data = our.data
    assert_close(layer(x), expected(x))


@settings(deadline=None, max_examples=25)
@given(sizes, sizes, st.booleans())
def test_swiglu_is_llamas(d_model, d_ff, bias):
    layer, x = SwiGLU(d_model, d_ff, bias=bias).double(), 3 * random(2, 5, d_model)
    config = LlamaConfig(
        hidden_size=d_model,
        intermediate_size=d_ff,
        num_attention_heads=1,
        head_dim=2,
        mlp_bias=bias,
    )
    theirs = LlamaMLP(config).double()
    names = {"gate_proj": "w_gate", "up_proj": "w_in", "down_proj": "w_out"}
    theirs.load_state_dict(
        {
            name: layer.state_dict()[name.replace(part, names[part])]
            for name in theirs.state_dict()
            for part in [name.split(".")[0]]
        }
    )
    assert_close(layer(x), theirs(x))


@pytest.mark.parametrize("name", FEED_FORWARDS)
def test_a_name_builds_what_the_arguments_say(name):
    layer = FEED_FORWARDS[name](4, 6, bias=False, dropout=0.25)
    assert not any("bias" in name for name, _ in layer.named_parameters())
    assert layer.dropout.p == 0.25
    assert (layer.w_in.in_features, layer.w_in.out_features) == (4, 6)
    assert (layer.w_out.in_features, layer.w_out.out_features) == (6, 4)
    has_bias = FEED_FORWARDS[name](4, 6).w_in.bias is not None
    assert has_bias == (name != "swiglu")
    assert FEED_FORWARDS[name](4, 6).dropout.p == 0.0


@pytest.mark.parametrize("name", FEED_FORWARDS)
def test_dropout_falls_on_the_output_and_only_in_training(name):
    layer, x = FEED_FORWARDS[name](40, 8, bias=True, dropout=0.5).double(), random(50, 40)
    layer.eval()
    full = layer(x)
    layer.train()
    torch.manual_seed(0)
    out = layer(x)
    kept = out != 0
    assert 0.4 < kept.double().mean() < 0.6
    assert_close(out[kept], 2 * full[kept])


@pytest.mark.parametrize(("d_model", "expected"), [(64, 33_088), (128, 131_712)])
def test_the_sizes_of_the_course_models(d_model, expected):
    layer = FeedForward(d_model, 4 * d_model, nn.GELU())
    assert sum(p.numel() for p in layer.parameters()) == expected


def test_the_order_of_the_parameters():
    names = [name for name, _ in FeedForward(4, 8, nn.ReLU()).named_parameters()]
    assert names == ["w_in.weight", "w_in.bias", "w_out.weight", "w_out.bias"]
    names = [name for name, _ in SwiGLU(4, 8).named_parameters()]
    assert names == ["w_gate.weight", "w_in.weight", "w_out.weight"]


def test_two_networks_of_one_name_share_no_module():
    one, other = (FEED_FORWARDS["relu"](4, 8) for _ in range(2))
    assert one.activation is not other.activation


def test_the_squared_relu_and_its_slope():
    x = torch.tensor([-2.0, 0.0, 0.5, 3.0], dtype=torch.float64, requires_grad=True)
    out = SquaredReLU()(x)
    out.sum().backward()
    assert out.tolist() == [0.0, 0.0, 0.25, 9.0]
    assert x.grad.tolist() == [0.0, 0.0, 1.0, 6.0]


@reader
@pytest.mark.parametrize("name", FEED_FORWARDS)
def test_another_width_is_told_what_was_expected(name):
    layer = FEED_FORWARDS[name](3, 6)
    for shape in [(2, 5), (3, 1)]:
        with pytest.raises(
            ValueError, match=r"x has shape.*expected \(\.\.\., tokens, 3\).*d_model=3"
        ):
            layer(torch.zeros(shape))


@pytest.mark.parametrize("name", FEED_FORWARDS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"d_model": 0, "d_ff": 8}, "d_model is 0"),
        ({"d_model": 8, "d_ff": 0}, "d_ff is 0"),
        ({"d_model": 8, "d_ff": 8, "dropout": 10.0}, "dropout is 10"),
    ],
)
def test_a_wrong_size_is_refused(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        FEED_FORWARDS[name](**arguments)
