"""What each process of test_distributed runs: a few steps, in each strategy, saved as they go.

Started by torchrun with the folder of the runs. Each strategy trains a model of its own from the
first step, and goes on from a checkpoint that one process alone wrote.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.data import TensorDataset

from glassbox.distributed import STRATEGIES, process_group
from glassbox.gpt import GPT, GPTConfig
from glassbox.training import Batches, TrainingConfig, train

SETTINGS = TrainingConfig(steps=6, learning_rate=0.01, warmup=2, accumulate=2, decay="constant")


def model_and_batches() -> tuple[GPT, Batches]:
    """A model, and items of which some have fewer targets than others."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 13, "context_length": 6, "d_model": 16, "n_heads": 2, "n_layers": 2}
    model = GPT(GPTConfig(**sizes, tied=True, initialization="gpt2")).double()
    tokens = torch.randint(13, (24, 7), generator=torch.Generator().manual_seed(1))
    targets = tokens[:, 1:].clone()
    targets[::3, :5] = -100
    targets[::2] = -100  # a part of a batch may have no target at all
    return model, Batches(TensorDataset(tokens[:, :-1], targets), 8, seed=3)


def main(folder: Path) -> None:
    """Train in both ways, and write down the losses."""
    with process_group(device="cpu") as joined:
        for group in (replace(joined, strategy=strategy) for strategy in STRATEGIES):
            for run, steps in (("from the start", 6), ("on from alone", 9)):
                model, batches = model_and_batches()
                history = train(
                    group.share(model),
                    batches.shard(group.rank, group.world),
                    replace(SETTINGS, steps=steps, save_every=3),
                    held_out=Batches(batches.dataset, 8, shuffle=False),
                    run=folder / group.strategy / run,
                )
                if group.leads:
                    said = {"losses": history.losses, "held_out": history.evaluations[-1].loss}
                    said["norms"] = [record.gradient_norm for record in history.records]
                    said["targets"] = [record.targets for record in history.records]
                    (folder / group.strategy / f"{run}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
