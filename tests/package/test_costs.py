"""Costs by formula, held equal to what PyTorch counts and keeps while a model runs."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from messages import case, faults, message_of
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from twins import some_tokens

from glassbox import costs
from glassbox.encoder import EncoderConfig
from glassbox.gpt import GPT, GPTConfig, preset
from glassbox.inspection import record_attention

reader = pytest.mark.usefixtures("as_a_reader_runs_it")

SMALL = {"vocab_size": 50, "context_length": 32, "d_model": 16, "n_heads": 4, "n_layers": 2}
VARIANTS = {
    "plain": {},
    "tied": {"tied": True},
    "grouped": {"n_kv_heads": 2, "qkv_bias": True},
    "one key head": {"n_kv_heads": 1, "feed_forward": "relu", "d_ff": 24},
    "gated": {"feed_forward": "swiglu", "d_ff": 40, "bias": False},
    "squared": {"feed_forward": "squared_relu", "head_bias": True},
    "rotary": {"positions": "rotary", "norm": "rms", "bias": False},
    "query norm": {"qk_norm": True, "n_kv_heads": 2},
    "rotary and query norm": {"positions": "rotary", "qk_norm": True, "norm": "rms"},
    "post-norm": {"residual": "post", "n_layers": 3},
    "no positions": {"positions": "none", "residual": "post", "norm": "rms"},
    "list of heads": {"attention": "head_list"},
    "one head": {"n_heads": 1, "vocab_size": 7},
}


def variant(name: str, **change) -> GPTConfig:
    return GPTConfig(**SMALL | VARIANTS[name] | change)


def watching(model: GPT, attention: str):
    """What makes the model compute its weights, or lets it do without."""
    return record_attention(model) if attention == "explicit" else nullcontext()


def counted(config: GPTConfig, batch: int, seq: int, attention: str) -> tuple[int, int]:
    """What PyTorch's counter sees: operations forward, and forward and backward."""
    model, tokens = GPT(config), some_tokens(batch, seq, vocab_size=config.vocab_size)
    counter = FlopCounterMode(display=False)
    # PyTorch's counter does not know the fused kernel of CPUs; this one is made of what it knows.
    with watching(model, attention), sdpa_kernel(SDPBackend.MATH), counter:
        loss = model(tokens, tokens).loss
        forward = counter.get_total_flops()
        loss.backward()
    return forward, counter.get_total_flops()


@pytest.mark.parametrize(("attention", "sizes"), [("explicit", (3, 20)), ("fused", (2, 7))])
@pytest.mark.parametrize("name", VARIANTS)
def test_operations_are_those_that_pytorch_counts(name, attention, sizes):
    config = variant(name)
    formula = costs.forward_flops(config, *sizes), costs.training_flops(config, *sizes)
    assert counted(config, *sizes, attention) == formula


@pytest.mark.parametrize("positions", ["alibi", "t5", "sinusoidal"])
def test_biases_and_waves_take_no_products(positions):
    config = variant("plain", positions=positions)
    assert counted(config, 2, 9, "explicit")[0] == costs.forward_flops(config, 2, 9)


def test_operations_of_every_part_are_those_of_its_modules():
    config = variant("grouped", n_layers=3)
    model, counter = GPT(config), FlopCounterMode(display=False)
    with record_attention(model), counter:
        model(some_tokens(2, 9, vocab_size=50))
    total = {name: sum(count.values()) for name, count in counter.get_flop_counts().items()}
    parts = costs.flops_by_part(config, 2, 9)
    inside = sum(total[f"GPT.blocks.{i}.attention"] for i in range(3))
    roles = ("w_q", "w_k", "w_v", "w_o")
    assert parts["projections"] == sum(
        total[f"GPT.blocks.{i}.attention.{role}"] for i in range(3) for role in roles
    )
    assert parts["attention"] == inside - parts["projections"]
    assert parts["feed_forward"] == sum(total[f"GPT.blocks.{i}.feed_forward"] for i in range(3))
    assert parts["head"] == total["GPT.head"]
    assert costs.forward_flops(config, 2, 9) == sum(parts.values())


def test_gpt2_takes_six_operations_per_matrix_entry_and_twelve_per_key_and_column():
    """The formula of Chowdhery et al. (2022), appendix B, with N counted from the model."""
    config = preset("gpt2")
    with torch.device("meta"):
        modules = GPT(config).modules()
    entries = sum(m.weight.numel() for m in modules if isinstance(m, nn.Linear))
    per_token = 6 * entries + 12 * config.n_layers * config.d_model * 1_024
    assert costs.training_flops(config, 1, 1_024) == 1_024 * per_token


def test_attention_outgrows_the_matrices_of_a_block_beyond_six_widths():
    config = variant("plain", context_length=1_000)
    for seq, larger in ((6 * 16 - 1, False), (6 * 16 + 1, True)):
        parts = costs.flops_by_part(config, 1, seq)
        assert (parts["attention"] > parts["projections"] + parts["feed_forward"]) is larger


def kept(config: GPTConfig, batch: int, seq: int, attention: str, autocast: bool = False) -> int:
    """The bytes that autograd keeps for the backward pass: each storage once, parameters not."""
    model = GPT(config)
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    storages = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage  # held, so that no address comes twice
        return tensor

    tokens, targets = (some_tokens(batch, seq, vocab_size=config.vocab_size) for _ in range(2))
    with (
        watching(model, attention),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast),
        saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        model(tokens, targets)
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize("attention", ["explicit", "fused"])
@pytest.mark.parametrize("name", VARIANTS)
def test_activations_are_those_that_autograd_keeps(name, attention):
    config = variant(name, d_model=32, d_ff=None if name == "plain" else 80)
    for batch, seq in ((2, 32), (8, 9)):
        estimate = costs.memory(config, batch, seq, attention=attention).activations
        measured = kept(config, batch, seq, attention)
        assert abs(estimate / measured - 1) < 0.01, estimate / measured


@pytest.mark.parametrize("name", ["plain", "tied", "grouped", "gated", "squared", "post-norm"])
def test_autocast_keeps_what_is_estimated_but_for_the_ways_of_a_cpu(name):
    config, tokens = variant(name, d_model=32, d_ff=80), 4 * 24
    options = {"precision": "bfloat16", "attention": "explicit"}
    estimate = costs.memory(config, 4, 24, **options).activations
    softmax = 2 * config.n_layers * tokens * config.n_heads * 24  # a CPU's is in half precision
    measured = kept(config, 4, 24, "explicit", autocast=True) + softmax
    assert abs(estimate / measured - 1) < 0.01, estimate / measured
    estimate = costs.memory(config, 4, 24, precision="bfloat16").activations
    # A CPU's fused kernel works in single precision, and a copy of what it returns is made in half.
    kernel = (4 * 2 + 2) * config.n_layers * tokens * 32
    measured = kept(config, 4, 24, "fused", autocast=True) - kernel
    assert abs(estimate / measured - 1) < 0.01, estimate / measured


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adamw", "muon"])
@pytest.mark.parametrize("name", ["plain", "tied", "list of heads"])
def test_parameters_gradients_and_optimizer_states_are_those_of_a_step(name, optimizer):
    config = variant(name)
    model, tokens = GPT(config), some_tokens(2, 9, vocab_size=50)
    own = list(model.parameters())
    matrices = {id(p) for p in model.blocks.parameters() if p.ndim == 2}
    inside, others = ([p for p in own if (id(p) in matrices) is which] for which in (True, False))
    steppers = {
        "sgd": lambda: [torch.optim.SGD(own)],
        "momentum": lambda: [torch.optim.SGD(own, momentum=0.9)],
        "adamw": lambda: [torch.optim.AdamW(own)],
        "muon": lambda: [torch.optim.Muon(inside), torch.optim.AdamW(others)],
    }[optimizer]()
    model(tokens, tokens).loss.backward()
    for stepper in steppers:
        stepper.step()
    states = [x for s in steppers for state in s.state.values() for x in state.values()]
    numbers = [x for x in states if isinstance(x, torch.Tensor) and x.ndim]  # no step counters
    estimate = costs.memory(config, 2, 9, optimizer=optimizer)
    assert estimate.parameters == sum(p.nbytes for p in own)
    assert estimate.gradients == sum(p.grad.nbytes for p in own)
    assert estimate.optimizer == sum(x.nbytes for x in numbers)
    assert estimate.total - estimate.activations == 4 * sum(p.numel() for p in own) * 2 + (
        estimate.optimizer
    )


@pytest.mark.parametrize(("n_kv_heads", "numbers"), [(4, 128), (2, 64), (1, 32)])
def test_shared_heads_shrink_the_cache(n_kv_heads, numbers):
    config = GPTConfig(**SMALL | {"d_model": 64, "n_layers": 5}, n_kv_heads=n_kv_heads)
    assert costs.cache_size(config, dtype=torch.float16) == 5 * numbers * 2
    caches = GPT(config).new_caches(1, capacity=7)
    measured = sum(cache.keys.nbytes + cache.values.nbytes for cache in caches)
    assert costs.cache_size(config, tokens=7) == measured
    assert costs.memory(config, 3, 7).cache_per_token == measured // 7
    halved = costs.memory(config, 3, 7, precision="bfloat16")
    assert halved.cache_per_token == measured // 14


@pytest.mark.parametrize(("n_kv_heads", "size"), [(64, 2_621_440), (8, 327_680), (1, 40_960)])
def test_the_cache_of_a_large_model(n_kv_heads, size):
    large = GPTConfig(
        vocab_size=32_000,
        context_length=4_096,
        d_model=64 * 128,
        n_heads=64,
        n_layers=80,
        n_kv_heads=n_kv_heads,
        positions="rotary",
    )
    assert costs.cache_size(large, dtype=torch.float16) == size


@pytest.mark.parametrize("name", ["plain", "grouped", "list of heads"])
def test_attention_weights_take_what_the_recorded_ones_take(name):
    model = GPT(variant(name))
    with record_attention(model) as recorded, torch.no_grad():
        model(some_tokens(3, 20, vocab_size=50))
    measured = sum(weights.nbytes for weights in recorded.values())
    assert costs.attention_weights_size(model.config, 3, 20) == measured
    gpt2 = costs.attention_weights_size(preset("gpt2"), 1, 1_024)
    assert round(gpt2 / 1e6) == 604


def test_doubling_the_length_doubles_what_fused_attention_keeps_and_more_than_that_explicit():
    config = variant("plain", d_model=64, context_length=1_024)
    grows = {
        kind: costs.memory(config, 1, 1_024, attention=kind).activations
        / costs.memory(config, 1, 512, attention=kind).activations
        for kind in ("fused", "explicit")
    }
    assert grows["fused"] == 2
    assert 3.5 < grows["explicit"] < 4


def test_an_estimate_takes_no_memory_and_draws_no_random_numbers():
    state = torch.get_rng_state()
    huge = replace(preset("gpt2-xl"), d_model=64_000, n_layers=2)  # 400 GB of parameters
    assert costs.memory(huge, 1, 1_024).parameters > 4e11
    assert torch.equal(torch.get_rng_state(), state)


@reader
def test_utilization_is_the_share_of_the_peak():
    assert costs.utilization(2 * 10**12, 4, 1e12) == 0.5
    assert costs.utilization(6e12, 0.5, 12e12) == 1.0


def test_the_rate_of_a_product_is_its_operations_over_the_median_time(monkeypatch):
    """With a clock that is told when to advance: 1, 8 and 3 seconds, after one that is ignored."""
    ticks = map(float, [0, 100, 100, 101, 101, 109, 109, 112])
    monkeypatch.setattr("glassbox.costs.speed.perf_counter", lambda: next(ticks))
    assert costs.matmul_rate(seconds=8.0, size=16) == 2 * 16**3 / 3
    assert next(ticks, None) is None


def test_the_rate_is_measured_for_at_least_three_products_and_as_long_as_asked(monkeypatch):
    now = [0.0]

    def clock():
        now[0] += 0.5
        return now[0]

    monkeypatch.setattr("glassbox.costs.speed.perf_counter", clock)
    for seconds, runs in ((0.1, 3), (5.0, 10)):
        now[0] = 0.0
        assert costs.matmul_rate(seconds=seconds, size=8) == 2 * 8**3 / 0.5
        assert now[0] == 2 * 0.5 * (runs + 1)


def test_measuring_a_rate_leaves_the_random_numbers_alone_and_takes_the_type_asked_for():
    state = torch.get_rng_state()
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        assert costs.matmul_rate(dtype, seconds=0.001, size=32) > 0
    assert torch.equal(torch.get_rng_state(), state)


def test_peaks_are_listed_from_fast_to_slow():
    rates = list(costs.PEAKS.values())
    assert rates == sorted(rates, reverse=True)
    assert costs.PEAKS["A100"] == 312e12 and costs.PEAKS["T4"] == 65e12


def test_a_summary_shows_operations_and_memory_with_their_shares():
    config = variant("gated")
    table = costs.summary(config, 4, 24, optimizer="sgd", attention="explicit")
    assert table.training == costs.training_flops(config, 4, 24)
    assert table.memory == costs.memory(config, 4, 24, optimizer="sgd", attention="explicit")
    text = repr(table)
    assert "Batch of 4 × 24 tokens" in text and "sgd, float32 and explicit" in text
    for part in ("projections", "attention", "feed-forward", "head", "activations", "optimizer"):
        assert f"  {part} " in text
    shares = [float(line.split()[-1][:-1]) for line in text.splitlines() if line.endswith("%")]
    assert len(shares) == 8
    assert abs(sum(shares[:4]) - 100) < 0.3 and abs(sum(shares[4:]) - 100) < 0.3
    assert "<table>" in table._repr_html_()


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (3.5e12, "3.50 TB"),
        (35e12, "35.0 TB"),
        (999e3, "999 kB"),
        (0, "0 B"),
        (1e15, "1.00 PB"),
        (999, "999 B"),
        (9.999e6, "10.00 MB"),
        (2e18, "2000 PB"),
    ],
)
def test_amounts_have_three_digits_and_a_prefix(amount, text):
    from glassbox.costs.summary import scaled

    assert scaled(amount, "B") == text


GPT2 = preset("gpt2")
WRONG = [
    case("model", lambda: costs.forward_flops(GPT(preset("character")), 1, 8), TypeError,
         "config is of type GPT", "expected settings of type GPTConfig"),
    case("encoder", lambda: costs.memory(EncoderConfig(**SMALL), 1, 8), TypeError,
         "config is of type EncoderConfig", "expected settings of type GPTConfig"),
    case("name", lambda: costs.summary("gpt2", 1, 8), TypeError,
         "config is 'gpt2'", "preset('gpt2')"),
    case("cache-of-a-name", lambda: costs.cache_size("gpt2"), TypeError,
         "config is 'gpt2'", "preset('gpt2')"),
    case("batch", lambda: costs.training_flops(GPT2, 0, 8), ValueError, "batch is 0", "at least 1"),
    case("seq", lambda: costs.memory(GPT2, 1, 8.0), TypeError, "seq is 8.0", "whole number"),
    case("length", lambda: costs.summary(GPT2, 1, 1_025), ValueError,
         "seq is 1025", "context holds 1024", "replace(config, context_length=...)"),
    case("weights-length", lambda: costs.attention_weights_size(GPT2, 1, 1_025), ValueError,
         "seq is 1025", "context holds 1024"),
    case("tokens", lambda: costs.cache_size(GPT2, 0), ValueError, "tokens is 0", "at least 1"),
    case("optimizer", lambda: costs.memory(GPT2, 1, 8, optimizer="adam"), ValueError,
         "optimizer is 'adam'", "Did you mean 'adamw'?"),
    case("precision", lambda: costs.memory(GPT2, 1, 8, precision="bf16"), ValueError,
         "precision is 'bf16'", "'bfloat16'"),
    case("attention", lambda: costs.memory(GPT2, 1, 8, attention="flash"), ValueError,
         "attention is 'flash'", "'fused'"),
    case("positions-with-matrices",
         lambda: costs.forward_flops(variant("plain", positions="deberta"), 1, 8), ValueError,
         "is 'deberta'", "operations are counted", "'rotary'"),
    case("positions-with-a-bias",
         lambda: costs.memory(variant("plain", positions="alibi"), 1, 8), ValueError,
         "is 'alibi'", "memory is estimated", "'rotary'"),
    case("no-time", lambda: costs.utilization(1e12, 0, 1e12), ValueError,
         "seconds is 0", "a positive number"),
    case("no-work", lambda: costs.utilization(-1, 1, 1e12), ValueError,
         "flops is -1", "a positive number"),
    case("peak-by-name", lambda: costs.utilization(1e12, 1, "T4"), TypeError,
         "peak_flops is 'T4'", "a positive number, such as 6.5e+13"),
    case("rate-of-whole-numbers", lambda: costs.matmul_rate(torch.int64), TypeError,
         "dtype is torch.int64", "torch.float32"),
    case("rate-by-name", lambda: costs.matmul_rate("float32"), TypeError,
         "dtype is 'float32'", "torch.float32"),
    case("rate-in-no-time", lambda: costs.matmul_rate(seconds=0), ValueError,
         "seconds is 0", "a positive number"),
    case("rate-of-nothing", lambda: costs.matmul_rate(size=0), ValueError,
         "size is 0", "at least 1"),
]  # fmt: skip


@reader
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_question_is_refused_by_a_message_that_teaches(wrong):
    message = message_of(wrong)
    for part in wrong.parts:
        assert part in message, f"{part!r} is not in {message!r}"
    assert not faults(message), f"{faults(message)}: {message}"
