"""The measurements themselves: fair turns, right units, and an exponent that is one."""

from itertools import count

import pytest
import torch

from glassbox import bench
from glassbox.bench import (
    Timing,
    attention_memory,
    comparison,
    decoding,
    growth,
    interleave,
    small_gpt,
    training_step,
)


def test_contestants_take_turns_and_the_first_round_does_not_count():
    calls, clock = [], count()
    contestants = {name: lambda name=name: calls.append(name) for name in "ab"}
    timings = interleave(contestants, rounds=3, clock=lambda: next(clock))
    assert calls == ["a", "b"] * 4
    assert {name: len(timing.seconds) for name, timing in timings.items()} == {"a": 3, "b": 3}


def test_a_duration_is_that_of_the_contestant():
    now = [0.0]

    def takes(seconds):
        def run():
            now[0] += seconds

        return run

    timings = interleave({"slow": takes(4.0), "fast": takes(1.0)}, 3, clock=lambda: now[0])
    assert timings["slow"].median == 4 and timings["fast"].median == 1
    rows = comparison("Race", timings, scale=2).rows
    assert rows[0].cells == ("slow", "2000.00", "0%", "1.00")
    assert rows[1].cells == ("fast", "500.00", "0%", "4.00")


def test_the_spread_is_that_of_the_middle_half():
    assert Timing((1.0, 2.0, 2.0, 2.0, 9.0)).spread == 0
    assert Timing((1.0, 3.0)).spread == 1.0
    assert Timing((1.0, 1.0, 2.0, 3.0, 4.0)).spread == 1.0


def test_an_exponent_comes_from_both_ends():
    assert growth({1: 1.0, 2: 100.0, 4: 16.0}) == 2
    assert growth({8: 5.0, 16: 5.0}) == 0


def test_a_training_step_changes_the_parameters_and_writing_asks_for_as_many_tokens():
    model = small_gpt(n_layers=1)
    before = [p.clone() for p in model.parameters()]
    training_step(model)()
    assert not any(map(torch.equal, before, model.parameters()))
    rows = []
    model.token_embedding.register_forward_hook(lambda *hook: rows.append(hook[2].shape[1]))
    decoding(model, 4, start=3)()
    assert rows == [3, 1, 1, 1]
    rows.clear()
    decoding(model, 4, start=3, use_cache=False)()
    assert rows == [3, 4, 5, 6]


def test_memory_is_measured_where_all_weights_are_kept():
    kept = 4 * 2048**2 * 4  # heads × pairs × bytes, once
    assert kept < attention_memory(2048, "explicit") < 8 * kept
    assert attention_memory(2048, "fused") < kept / 4


def test_a_process_that_fails_is_told_of(monkeypatch):
    monkeypatch.setattr("sys.executable", "false")
    with pytest.raises(RuntimeError, match="fused attention at 8 tokens could not be measured"):
        attention_memory(8, "fused")


def test_nothing_to_time_is_refused():
    with pytest.raises(ValueError, match="contestants holds 0 functions"):
        interleave({})


def test_the_machine_is_named_and_the_tables_are_complete(monkeypatch):
    sizes = {("explicit", 2048): 100, ("explicit", 4096): 400}
    monkeypatch.setattr(
        "glassbox.bench.tables.attention_memory",
        lambda seq, path: 1_000_000 * sizes.get((path, seq), 50),
    )
    monkeypatch.setattr(
        "glassbox.bench.tables.decoding", lambda model, n, use_cache=None: lambda: None
    )
    training, writing, memory = bench.measure(rounds=1)
    assert [row.cells[0] for row in training.rows] == ["single precision", "precision 'auto'"]
    assert "GFLOP/s" in training.notes[0] and torch.__version__ in training.notes[-1]
    assert len(writing.rows) == 2
    assert [row.cells for row in memory.rows][-1] == ("4,096", "400", "50")
    assert "to the power 2.0 and 0.0" in memory.notes[0]
