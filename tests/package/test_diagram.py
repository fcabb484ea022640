"""Block diagrams: the wiring that is drawn is the one that runs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from glassbox.attention import HeadList, MultiHeadAttention, SelfAttention
from glassbox.block import Block, CrossBlock, post_norm, pre_norm
from glassbox.feedforward import FEED_FORWARDS, FeedForward
from glassbox.figures import block_diagram, describe
from glassbox.figures.wiring import trace
from glassbox.norms import LayerNorm, RMSNorm
from glassbox.positions import Rotary

few = settings(deadline=None, max_examples=25)


def block(residual=pre_norm, attention=None, feed_forward=None, norm=LayerNorm):
    attention = attention or MultiHeadAttention(16, 4)
    feed_forward = feed_forward or FeedForward(16, 32, nn.ReLU())
    return Block(attention, feed_forward, norm(16), norm(16), residual=residual)


def cross_block(residual=pre_norm):
    attentions = MultiHeadAttention(16, 4, causal=True), MultiHeadAttention(16, 2)
    norms = [LayerNorm(16) for _ in range(3)]
    return CrossBlock(*attentions, FeedForward(16, 32, nn.GELU()), norms, residual=residual)


class Parallel(nn.Module):
    """Attention and feed-forward network side by side, as in GPT-J."""

    def __init__(self):
        super().__init__()
        self.norm, self.other_norm = LayerNorm(16), LayerNorm(16)
        self.attention = HeadList(16, 2, causal=True)
        self.feed_forward = FEED_FORWARDS["swiglu"](16, 32)

    def forward(self, x):
        return x + self.attention(self.norm(x)) + self.feed_forward(self.other_norm(x))


class OneNorm(Parallel):
    """One norm for both, as in PaLM: two ways out of one part."""

    def forward(self, x):
        h = self.norm(x)
        return x + self.attention(h) + self.feed_forward(h)


def sandwich(x, sublayer, norm):
    return x + norm(sublayer(norm(x)))


def run_by_its_steps(steps, output, x, memory=None):
    """Compute a block's output from nothing but its traced steps."""
    known = {"x": x, "memory": memory}

    def total(takes):
        return sum(factor * known[name] for name, factor in takes.items())

    for step in steps:
        extra = [known[name] for name in step.reads]
        known[step.name] = step.module(total(step.takes), *extra)
    return total(output)


def by_factors(stream, branch):
    return lambda x, sublayer, norm: stream * x + branch * sublayer(norm(x))


@few
@given(
    st.sampled_from([pre_norm, post_norm, sandwich, by_factors(0.5, 0.25), by_factors(1, -2.0)]),
    st.booleans(),
)
def test_the_steps_carried_out_give_what_the_block_gives(residual, crossed):
    module = (cross_block if crossed else block)(residual).double().eval()
    inputs = [torch.randn(2, 5, 16).double() for _ in range(1 + crossed)]
    steps, output = trace(module)
    assert len(steps) == len(list(module.children())) + (2 + crossed) * (residual is sandwich)
    torch.testing.assert_close(run_by_its_steps(steps, output, *inputs), module(*inputs))


def order(module):
    """Return what each step of the description takes, in order, without its facts."""
    said = describe(block_diagram(module)).partition("bottom: ")[2].removesuffix(".")
    parts = list(said.split("; "))
    return [
        f"{part.split(' ')[0]} < {part.rpartition(' takes ')[2]}" for part in parts[:-1]
    ], parts[-1]


def test_before_or_after_is_seen_and_not_assumed():
    assert order(block(pre_norm)) == (
        ["norm_1 < x", "attention < norm_1", "norm_2 < x + attention", "feed_forward < norm_2"],
        "the output is x + attention + feed_forward",
    )
    assert order(block(post_norm)) == (
        ["attention < x", "norm_1 < x + attention", "feed_forward < norm_1",
         "norm_2 < norm_1 + feed_forward"],
        "the output is norm_2",
    )  # fmt: skip
    assert order(block(lambda x, f, n: f(n(x)))) == (
        ["norm_1 < x", "attention < norm_1", "norm_2 < attention", "feed_forward < norm_2"],
        "the output is feed_forward",
    )


def test_cross_attention_reads_the_memory():
    steps, output = order(cross_block())
    assert steps[2:4] == ["norm_2 < x + attention", "cross_attention < norm_2 and memory"]
    assert output == "the output is x + attention + cross_attention + feed_forward"


def test_factors_and_parallel_parts_are_said():
    assert order(block(by_factors(0.5, -0.25)))[0][2] == "norm_2 < 0.5 x + -0.25 attention"
    steps, output = order(Parallel())
    assert steps[2] == "other_norm < x"
    assert output == "the output is x + attention + feed_forward"


def test_parts_that_return_zero_still_have_their_place():
    silent = block()
    for parameter in silent.parameters():
        nn.init.zeros_(parameter)
    assert order(silent) == order(block())


def test_dropout_is_off_and_not_drawn():
    dropout = nn.Dropout(0.9)
    noisy = block(lambda x, f, n: x + dropout(f(n(x))))
    noisy.dropout = dropout
    assert order(noisy) == order(block())
    assert noisy.training and dropout.training


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("residual", [pre_norm, post_norm])
def test_every_precision_shows_the_same_wiring(dtype, residual):
    assert order(block(residual).to(dtype)) == order(block(residual))


def test_a_block_is_left_as_it_was():
    module = block()
    module.attention.eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = torch.random.get_rng_state()
    block_diagram(module)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert module.training and module.feed_forward.training and not module.attention.training
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in module.modules())
    assert all(parameter.grad is None for parameter in module.parameters())


def facts(module):
    return describe(block_diagram(module)).partition("bottom: ")[2]


def test_sizes_and_kinds_are_read_from_the_parts():
    attention = MultiHeadAttention(16, 4, n_kv_heads=2, causal=True, positions=Rotary(4))
    said = facts(block(attention=attention, feed_forward=FEED_FORWARDS["swiglu"](16, 40)))
    assert "attention (4 heads of width 4, 2 for keys and values, causal, Rotary, 784 par" in said
    assert "feed_forward (16 → 40 → 16, SwiGLU, 1,920 parameters)" in said
    said = facts(block(attention=HeadList(16, 2, causal=True), norm=RMSNorm))
    assert "attention (2 heads of width 8, causal, 1,040 parameters)" in said
    assert "norm_1 (RMSNorm, 16 parameters)" in said
    said = facts(block(norm=lambda width: nn.Identity()))
    assert "norm_2 (Identity, 0 parameters)" in said
    assert "(4 heads of width 4, 1,040 parameters)" in said, "neither causal nor with positions"


def test_a_single_head_is_a_head():
    head = nn.Module()
    head.attention = SelfAttention(16, 16, causal=True)
    head.forward = lambda x: x + head.attention(x)
    assert "attention (1 head of width 16, causal, 768 parameters) takes x; the output" in facts(
        head
    )


def texts(fig):
    return [text.get_text() for text in fig.axes[0].texts]


def drawn(fig):
    from matplotlib.patches import Circle, FancyBboxPatch

    patches = fig.axes[0].patches
    boxes = [patch for patch in patches if isinstance(patch, FancyBboxPatch)]
    return boxes, [patch for patch in patches if isinstance(patch, Circle)]


def test_a_box_for_each_part_and_a_plus_for_each_sum_from_top_to_bottom():
    for residual, names, on_stream in (
        (pre_norm, ["norm_1", "attention", "norm_2", "feed_forward"], [False] * 4),
        (post_norm, ["attention", "norm_1", "feed_forward", "norm_2"], [False, True] * 2),
    ):
        fig = block_diagram(block(residual), "A title of its own")
        boxes, pluses = drawn(fig)
        found = [text for text in texts(fig) if text in names]
        assert found == names
        tops = [box.get_bbox().y0 for box in boxes]
        assert tops == sorted(tops) and len(tops) == 4
        low, high = fig.axes[0].get_ylim()
        assert low > high, "y grows downward"
        stream = pluses[0].center[0]
        assert [box.get_bbox().x0 < stream for box in boxes] == on_stream
        assert len(pluses) == 2
        attention = boxes[names.index("attention")].get_bbox()
        assert pluses[0].center[1] > attention.y1
        assert fig.axes[0].get_title(loc="left") == "A title of its own"


def test_a_plus_that_waits_is_drawn_below_both_branches():
    fig = block_diagram(Parallel())
    boxes, pluses = drawn(fig)
    assert len(pluses) == 1
    assert pluses[0].center[1] > max(box.get_bbox().y1 for box in boxes)
    assert fig.axes[0].get_title(loc="left") == "Parallel with 2,640 parameters"


def test_memory_and_factors_are_written_where_they_act():
    assert texts(block_diagram(cross_block())).count("memory") == 1
    assert "memory" not in texts(block_diagram(block()))
    found = [text for text in texts(block_diagram(block(by_factors(0.5, 3)))) if text[0] == "×"]
    assert found == ["× 0.5", "× 3"] * 2
    assert not [text for text in texts(block_diagram(block())) if text[0] == "×"]


def test_all_text_fits_into_its_box():
    attention = MultiHeadAttention(16, 4, n_kv_heads=2, causal=True, positions=Rotary(4))
    for module in (block(attention=attention), cross_block(post_norm)):
        fig = block_diagram(module)
        fig.draw_without_rendering()
        frames = [box.get_window_extent() for box in drawn(fig)[0]]
        spots = [t.get_window_extent() for t in fig.axes[0].texts]
        for spot in spots:
            for frame in frames:
                if frame.overlaps(spot):
                    assert frame.x0 <= spot.x0 and spot.x1 <= frame.x1
                    assert frame.y0 <= spot.y0 and spot.y1 <= frame.y1
        for i, spot in enumerate(spots):
            assert not any(spot.overlaps(other) for other in spots[:i])


def squared(x, sublayer, norm):
    return x * sublayer(norm(x))


class Tuple(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2)

    def forward(self, x):
        return x + self.attention(x, x, x)[0]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            OneNorm(),
            r"beside one residual stream.*feed_forward .* takes norm; the output is x \+ att",
        ),
        (block(squared), "what arrives at norm_2 is no weighted sum of x, norm_1, attention"),
        (LayerNorm(4), "LayerNorm has no matrix"),
        (Tuple(), "attention returns a tuple"),
    ],
    ids=["two ways out", "product", "no block", "tuple"],
)
def test_a_block_that_cannot_be_drawn_is_refused(module, message):
    with pytest.raises(ValueError, match=message):
        block_diagram(module)
    assert all(not part._forward_hooks for part in module.modules())
