"""Kill training runs at random moments, start them again, and compare what becomes of them.

It runs as a program of its own, `python kill_lab.py ROUNDS FOLDER`, and prints a report as JSON:
its children are forked from it, so it must be small and have a single thread.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from torch.utils.data import TensorDataset

from glassbox.gpt import GPT, GPTConfig
from glassbox.training import Batches, TrainingConfig, latest, train

STEPS = 9


def train_here(run: Path, optimizer: str) -> None:
    """Train a small model with dropout, or go on with it."""
    torch.manual_seed(1)
    model = GPT(
        GPTConfig(vocab_size=11, context_length=12, d_model=8, n_heads=2, n_layers=1, dropout=0.2)
    )
    text = torch.randint(0, 11, (20, 13), generator=torch.Generator().manual_seed(2))
    batches = Batches(TensorDataset(text[:, :-1], text[:, 1:]), batch_size=4)
    config = TrainingConfig(
        steps=STEPS, optimizer=optimizer, warmup=2, save_every=2, evaluate_every=4
    )
    train(model, batches, config, held_out=[(text[:2, :-1], text[:2, 1:])], run=run)


def start(run: Path, optimizer: str) -> int:
    """Train in a child process, and return its id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            train_here(run, optimizer)
            code = 0
        finally:
            os._exit(code)
    return child


def finish(child: int) -> bool:
    """Wait for a child; return whether it was killed."""
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError("a child failed by itself")
    return killed


def outcome(run: Path) -> dict[str, object]:
    """Everything that a finished run has left, but for how long it took."""
    last = latest(run)
    state = json.loads((last / "state.json").read_text())
    assert state["step"] == STEPS
    del state["history"]["seconds"]
    return {file.name: file.read_bytes() for file in last.glob("*.safetensors")} | state


def kill_until_finished(run: Path, optimizer: str, within: float, dice: random.Random) -> dict:
    """Start a run as often as it takes, killing it each time after a random while."""
    counts = {"kills": 0, "after_a_checkpoint": 0, "while_writing": 0}
    while True:
        child = start(run, optimizer)
        # The while grows, so that a run ends also on a machine that has slowed down since.
        time.sleep(dice.uniform(0, within * (1 + counts["kills"] / 4)))
        os.kill(child, signal.SIGKILL)  # no error: whoever has ended is there until waited for
        if not finish(child):
            return counts
        counts["kills"] += 1
        counts["after_a_checkpoint"] += latest(run) is not None
        counts["while_writing"] += any(run.glob(".writing-*"))


def main(rounds: int, folder: Path) -> None:
    """Print what was killed, and whether the outcomes are those of runs left alone."""
    torch.set_num_threads(1)
    dice = random.Random(0)
    train_here(folder / "first", "muon")  # what PyTorch imports late, children inherit
    alone, took = {}, {}
    for optimizer in ("adamw", "muon"):
        begin = time.perf_counter()
        assert not finish(start(folder / optimizer, optimizer))
        took[optimizer] = time.perf_counter() - begin
        alone[optimizer] = outcome(folder / optimizer)
    report = []
    while len(report) < rounds:
        optimizer = ("adamw", "adamw", "muon")[len(report) % 3]
        run = folder / f"round-{len(report)}"
        counts = kill_until_finished(run, optimizer, took[optimizer], dice)
        if counts["kills"]:
            same = outcome(run) == alone[optimizer]
            report.append(counts | {"same": same})
        else:
            folder = folder / "again"  # it was too fast for a kill
    print(json.dumps(report))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
