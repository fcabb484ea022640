"""Positions that are added to the embeddings: the waves and their properties, and the tables."""

from math import cos, sin

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from glassbox.positions import Learned, Sinusoidal, angles, sinusoids

reader = pytest.mark.usefixtures("as_a_reader_runs_it")


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_the_waves_are_the_reference_values():
    expected = [[0, 1, 0, 1], [0.8415, 0.5403, 0.01, 0.9999]]
    expected += [[0.9093, -0.4161, 0.02, 0.9998], [0.1411, -0.99, 0.03, 0.9996]]
    assert_close(Sinusoidal(4, 4).table, torch.tensor(expected), rtol=0, atol=6e-5)
    table = Sinusoidal(128, 100).table
    assert_close(table.norm(dim=1), torch.full((100,), 8.0))
    dots = [64.0, 62.0937, 57.3819, 52.1862, 48.5860, 47.1850, 47.0667, 46.8218]
    assert_close(table[:8] @ table[0], torch.tensor(dots), rtol=0, atol=1e-4)
    assert_close(table[5] @ table[8], table[8] @ table[11])
    rates = angles(torch.ones(1, dtype=torch.float64), 128)[0]
    assert [round(2 * torch.pi / rate.item(), 2) for rate in rates[[0, -1]]] == [6.28, 54410.14]


def test_far_waves_are_as_exact_as_near_ones():
    rates = [1, 0.1, 0.01, 0.001]
    exact = [wave(30_000 * rate) for rate in rates for wave in (sin, cos)]
    far = Sinusoidal(8, 30_001).table[-1]
    assert_close(far, torch.tensor(exact), rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 8), st.integers(-50, 50), st.integers(-50, 50), st.floats(2.0, 1e6))
def test_a_shift_by_k_turns_every_pair_of_waves_by_a_fixed_angle(pairs, t, k, base):
    here, there, by = (torch.tensor(float(n), dtype=torch.float64) for n in (t, t + k, k))
    wave, phi = (
        sinusoids(here, 2 * pairs, base).unflatten(-1, (pairs, 2)),
        angles(by, 2 * pairs, base),
    )
    sine, cosine = wave.unbind(-1)
    turned = torch.stack(
        [sine * phi.cos() + cosine * phi.sin(), cosine * phi.cos() - sine * phi.sin()], -1
    )
    assert_close(sinusoids(there, 2 * pairs, base), turned.flatten(-2))


@settings(deadline=None, max_examples=30)
@given(st.booleans(), st.integers(1, 4), st.integers(1, 9), st.data())
def test_each_token_gets_the_row_of_its_own_position(learned, batch, seq, data):
    positions = (Learned(8, 16) if learned else Sinusoidal(8, 16)).double()
    x = random(batch, seq, 8)
    rows = st.lists(st.integers(0, 15), min_size=seq, max_size=seq)
    where = torch.tensor(data.draw(st.lists(rows, min_size=batch, max_size=batch)))
    table = positions.table.weight if learned else positions.table
    out = positions(x, where)
    for b in range(batch):
        assert_close(positions(x[b], where[b]), out[b])
        for t in range(seq):
            assert_close(out[b, t], x[b, t] + table[where[b, t]])


@pytest.mark.parametrize("build", [lambda: Sinusoidal(4, 8), lambda: Learned(4, 8)])
def test_the_table_follows_the_module_to_another_device(build):
    x, where = torch.zeros(2, 5, 4, device="meta"), torch.arange(5, device="meta")
    assert build().to("meta")(x, where).device.type == "meta"


def test_a_learned_table_has_one_parameter_for_each_entry():
    ((name, table),) = Learned(64, 8).named_parameters()
    assert (name, table.numel()) == ("table.weight", 512)


@reader
@pytest.mark.parametrize("build", [lambda: Sinusoidal(4, 8), lambda: Learned(4, 8)])
@pytest.mark.parametrize(
    ("shape", "where", "message"),
    [
        ((9, 4), torch.arange(9), "position 8 has no row.*context_length=8.*0 to 7.*larger"),
        ((2, 1, 4), torch.tensor([[3], [21]]), "position 21 has no row"),
        ((2, 4), torch.tensor([-1, 5]), "position -1 has no row"),
        ((2, 4), torch.arange(1), r"positions has shape \(1,\).*\(2, 4\).*torch.arange\(2\)"),
        ((2, 3, 4), torch.zeros(1, 3).long(), r"positions has shape \(1, 3\)"),
        ((2, 5), torch.arange(2), r"x has shape \(2, 5\); expected \(\.\.\., tokens, 4\)"),
        ((2, 1), torch.arange(2), r"x has shape \(2, 1\)"),
    ],
)
def test_a_token_without_a_row_is_told_which_and_why(build, shape, where, message):
    with pytest.raises(ValueError, match=message):
        build()(torch.zeros(shape), where)


@reader
@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: Sinusoidal(5, 8), "d_model is 5; expected an even number.*Take 6"),
        (lambda: sinusoids(torch.zeros(3), 5), "width is 5; expected an even number"),
        (lambda: Sinusoidal(4, 0), "context_length is 0"),
        (lambda: Learned(4, 0), "context_length is 0"),
        (lambda: Learned(0, 4), "d_model is 0"),
    ],
)
def test_a_wrong_size_is_told_what_was_expected(action, message):
    with pytest.raises(ValueError, match=message):
        action()
