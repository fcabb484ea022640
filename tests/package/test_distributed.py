"""Two processes train as one does: same losses, same gradients, and each other's checkpoints."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
import torch
from torch.testing import assert_close
from two_processes import SETTINGS, model_and_batches

from glassbox.distributed import Group, mean, parted_like, process_group, rank, whole
from glassbox.training import Batches, latest, load_model, train

ALONE, BOTH = "from the start", ("ddp", "fsdp")


def train_alone(run, steps=6):
    model, batches = model_and_batches()
    settings = replace(SETTINGS, steps=steps, save_every=None if run is None else 3)
    held_out = Batches(batches.dataset, 8, shuffle=False)
    return model, train(model, batches, settings, held_out=held_out, run=run)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Train alone for 6 steps, then let two processes train, from the start and on from there."""
    folder = tmp_path_factory.mktemp("runs")
    train_alone(folder / "alone")
    for strategy in BOTH:
        copytree(folder / "alone", folder / strategy / "on from alone")
    script = Path(__file__).with_name("two_processes.py")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launcher, "--nproc-per-node=2", str(script), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    return folder


def told(folder, strategy, run):
    return json.loads((folder / strategy / f"{run}.json").read_text())


@pytest.mark.parametrize("strategy", BOTH)
def test_two_processes_compute_what_one_computes(folder, strategy):
    _, history = train_alone(None)
    found = told(folder, strategy, ALONE)
    assert found["targets"] == [record.targets for record in history.records]
    norms = [record.gradient_norm for record in history.records]
    for name, numbers in (("losses", history.losses), ("norms", norms)):
        assert_close(found[name], numbers, rtol=0, atol=1e-9, msg=name)
    assert_close(found["held_out"], history.held_out_loss, rtol=0, atol=1e-9)
    assert len(set(history.losses)) == 6


@pytest.mark.parametrize("strategy", BOTH)
def test_two_processes_go_on_from_the_checkpoint_of_one(folder, strategy):
    _, history = train_alone(None, steps=9)
    found = told(folder, strategy, "on from alone")
    assert_close(found["losses"], history.losses, rtol=0, atol=1e-9)


@pytest.mark.parametrize("strategy", BOTH)
def test_one_process_goes_on_from_the_checkpoint_of_two(folder, strategy, tmp_path):
    copytree(folder / strategy / ALONE, tmp_path / "run")
    model, history = train_alone(tmp_path / "run", steps=9)
    alone, expected = train_alone(None, steps=9)
    assert_close(history.losses, expected.losses, rtol=0, atol=1e-9)
    for (name, one), other in zip(model.named_parameters(), alone.parameters(), strict=True):
        assert_close(one, other, rtol=0, atol=1e-8, msg=name)


@pytest.mark.parametrize("strategy", BOTH)
def test_a_checkpoint_of_two_processes_is_a_whole_model(folder, strategy):
    path = latest(folder / strategy / ALONE)
    assert path.name == "step-000006"
    model = load_model(path)
    assert model.head.weight is model.token_embedding.weight
    for one, other in zip(
        model.parameters(), load_model(folder / "alone").parameters(), strict=True
    ):
        assert one.shape == other.shape
        assert_close(one, other, rtol=0, atol=1e-8)


def test_without_torchrun_there_is_one_process_and_nothing_is_wrapped():
    with process_group(device="cpu") as group:
        assert group == Group(0, 1, torch.device("cpu"), "ddp")
        assert group.leads and not group.sharded
        model, _ = model_and_batches()
        assert group.share(model) is model
    assert rank() == 0 and mean(2.5) == 2.5
    x = torch.ones(2)
    assert whole(x) is x and torch.equal(parted_like(x, torch.zeros(2)), x)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"strategy": "tensor"}, "strategy is 'tensor'; expected one of 'ddp', 'fsdp'"),
        ({"device": "gpu"}, "device is 'gpu'; expected one of 'cpu', 'cuda'"),
        ({"device": "cuda"}, "PyTorch sees no GPU here. Use device='cpu'"),
    ],
)
def test_an_unknown_way_of_sharing_is_refused(arguments, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=said), process_group(**arguments):
        pass
