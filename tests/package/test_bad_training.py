"""Wrong calls of training: each is refused by a message that teaches."""

from math import inf, nan

import pytest
import torch
from messages import case, faults, message_of
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from twins import SMALL, some_tokens

from glassbox.corpora import Corpus
from glassbox.gpt import GPT, Bigram, GPTConfig
from glassbox.tokenizers import AdderTokenizer
from glassbox.training import (
    Batches,
    CheckpointError,
    Diverged,
    History,
    TrainingConfig,
    build_optimizers,
    choose_precision,
    estimate_losses,
    evaluate,
    load,
    load_model,
    read_state,
    save,
    train,
)

reader = pytest.mark.usefixtures("as_a_reader_runs_it")

TEXT = some_tokens(10, 7)
DATA = TensorDataset(TEXT[:, :-1], TEXT[:, 1:])
NOTHING = TensorDataset(TEXT, torch.full_like(TEXT, -100))
CORPUS = Corpus(DATA, DATA, AdderTokenizer())
UNEVEN = [(torch.ones(n).long(), torch.ones(n).long()) for n in (3, 4)]


def settings(**change) -> TrainingConfig:
    return TrainingConfig(**{"steps": 4} | change)


def gpt(**change) -> GPT:
    return GPT(GPTConfig(**SMALL | change))


def frozen() -> GPT:
    return gpt().requires_grad_(False)


def start(model=None, batches=None, config=None, **more) -> History:
    return train(model or gpt(), batches or Batches(DATA, 4), config or settings(), **more)


def saved(folder, *, edit=("", ""), model=None):
    """A checkpoint whose state says something else, with checksums that fit."""
    from glassbox.training import folders

    path = save(folder, model or Bigram(11), [], 3)
    state = path / "state.json"
    state.write_text(state.read_text().replace(*edit))
    names = [line.split()[1] for line in (path / folders.SUMS).read_text().splitlines()]
    (path / folders.SUMS).write_text(folders._sums(path, names))
    return path


CASES = [
    case("steps-none", lambda: settings(steps=0), ValueError, "steps is 0", "at least 1"),
    case("steps-as-float", lambda: settings(steps=1e3), TypeError,
         "steps is 1000.0, of type float", "expected a whole number"),
    case("rate-negative", lambda: settings(learning_rate=-1), ValueError,
         "learning_rate is -1", "expected a positive number, such as 0.001"),
    case("rate-as-text", lambda: settings(learning_rate="1e-3"), TypeError,
         "learning_rate is '1e-3'", "expected a positive number"),
    case("rate-infinite", lambda: settings(learning_rate=inf), ValueError, "learning_rate is inf"),
    case("rate-as-switch", lambda: settings(learning_rate=True), TypeError, "rate is True"),
    case("decay-infinite", lambda: settings(weight_decay=inf), ValueError, "weight_decay is inf"),
    case("rate-nan", lambda: settings(learning_rate=nan), ValueError, "learning_rate is nan"),
    case("muon-rate-zero", lambda: settings(matrix_rate=0), ValueError, "matrix_rate is 0"),
    case("optimizer-unknown", lambda: settings(optimizer="adam"), ValueError,
         "optimizer is 'adam'", "expected one of 'adamw', 'muon'", "Did you mean 'adamw'?"),
    case("decay-unknown", lambda: settings(decay="cos"), ValueError,
         "decay is 'cos'", "Did you mean 'cosine'?"),
    case("precision-nickname", lambda: settings(precision="bf16"), ValueError,
         "precision is 'bf16'", "Did you mean 'bfloat16'?"),
    case("precision-half", lambda: choose_precision("half", torch.device("cpu")), ValueError,
         "precision is 'half'", "expected one of 'float32', 'bfloat16', 'auto'"),
    case("decay-negative", lambda: settings(weight_decay=-0.1), ValueError,
         "weight_decay is -0.1", "at least 0, such as 0.1"),
    case("decay-as-text", lambda: settings(weight_decay="0.1"), TypeError,
         "weight_decay is '0.1'", "expected a number"),
    case("betas-one", lambda: settings(betas=0.9), TypeError,
         "betas is 0.9", "expected two shares, such as (0.9, 0.95)"),
    case("betas-three", lambda: settings(betas=(0.9, 0.9, 0.9)), TypeError, "expected two shares"),
    case("beta-of-one", lambda: settings(betas=(0.9, 1)), ValueError, "betas[1] is 1", "a share"),
    case("warmup-too-long", lambda: settings(warmup=4), ValueError,
         "warmup is 4 and steps is 4", "never reach its peak", "expected a warmup below steps"),
    case("warmup-negative", lambda: settings(warmup=-1), ValueError,
         "warmup is -1", "at least 0"),
    case("warmup-as-share", lambda: settings(warmup=0.1), TypeError,
         "warmup is 0.1", "expected a whole number"),
    case("final-share-in-percent", lambda: settings(final_share=10), ValueError,
         "final_share is 10", "write 0.1"),
    case("clip-zero", lambda: settings(clip=0), ValueError, "clip is 0", "such as 1"),
    case("smoothing-of-all", lambda: settings(label_smoothing=1.0), ValueError,
         "label_smoothing is 1.0", "expected a share"),
    case("accumulate-none", lambda: settings(accumulate=0), ValueError, "accumulate is 0"),
    case("save-never", lambda: settings(save_every=0), ValueError, "save_every is 0"),
    case("evaluate-never", lambda: settings(evaluate_every=0), ValueError, "evaluate_every is 0"),
    case("evaluate-nothing", lambda: settings(evaluate_batches=0), ValueError, "batches is 0"),
    case("keep-nothing", lambda: settings(keep=0), ValueError, "keep is 0"),
    case("seed-negative", lambda: settings(seed=-1), ValueError, "seed is -1", "at least 0"),
    case("seed-none", lambda: settings(seed=None), TypeError, "seed is None", "whole number"),
    case("batches-of-nothing", lambda: Batches([], 4), ValueError, "0 items", "shorter than one"),
    case("batches-too-large", lambda: Batches(DATA, 11), ValueError,
         "batch_size is 11, but the dataset has 10 items", "smaller batch_size"),
    case("batches-too-large-in-order", lambda: Batches(DATA, 11, shuffle=False)[0], ValueError,
         "batch_size is 11, but the dataset has 10 items"),
    case("batches-of-a-stream", lambda: Batches(iter(DATA), 4), TypeError,
         "dataset is of type", "expected one with a length"),
    case("batches-of-tensors", lambda: Batches(TEXT, 4)[0], TypeError,
         "an item of the dataset is tensor(", "expected a tuple of tensors"),
    case("batches-of-inputs", lambda: Batches(TensorDataset(TEXT), 4)[0], TypeError,
         "expected a tuple of tensors", "last the targets"),
    case("batches-of-lists", lambda: Batches([([1, 2], [2, 3])] * 4, 4)[0], TypeError,
         "item of the dataset is ([1, 2], [2, 3])", "a tuple of tensors", "torch.tensor"),
    case("batches-of-a-corpus", lambda: Batches(CORPUS, 1), TypeError,
         "type Corpus, which has two parts", "Batches(corpus.train"),
    case("batches-uneven", lambda: Batches(UNEVEN, 2)[0], ValueError,
         "the items of a batch do not stack", "[3]", "[4]", "Cut or pad"),
    case("batch-negative", lambda: Batches(DATA, 4)[-1], ValueError, "step is -1", "at least 0"),
    case("batch-size-none", lambda: Batches(DATA, 0), ValueError, "batch_size is 0"),
    case("shuffle-as-text", lambda: Batches(DATA, 4, shuffle="no"), TypeError, "shuffle is 'no'"),
    case("shards-uneven", lambda: Batches(DATA, 4).shard(0, 3), ValueError,
         "batch_size is 4 and world is 3", "3 or 6"),
    case("shard-beyond", lambda: Batches(DATA, 4).shard(2, 2), ValueError,
         "rank is 2 and world is 2", "expected a rank from 0 to 1"),
    case("train-on-a-loader", lambda: start(batches=DataLoader(DATA, 4)), TypeError,
         "batches is of type DataLoader", "expected Batches", "Batches(dataset, batch_size=32)"),
    case("train-by-a-dictionary", lambda: start(config={"steps": 4}), TypeError,
         "config is of type dict", "expected TrainingConfig"),
    case("train-a-class", lambda: start(model=GPT), TypeError,
         "model is the class GPT", "expected a module"),
    case("train-nothing", lambda: start(model=nn.Identity()), ValueError,
         "model is of type Identity and has 0 parameters", "expected a model"),
    case("train-frozen", lambda: start(model=frozen()), ValueError,
         "no parameter that requires a gradient", "requires_grad_()"),
    case("train-in-uneven-parts", lambda: start(config=settings(accumulate=3)), ValueError,
         "batch_size is 4 and accumulate is 3", "3 or 6"),
    case("evaluate-on-nothing", lambda: start(config=settings(evaluate_every=2)), ValueError,
         "evaluate_every is 2, but held_out was not given", "leave evaluate_every out"),
    case("save-nowhere", lambda: start(config=settings(save_every=2)), ValueError,
         "save_every is 2, but run was not given", "Name the folder"),
    case("held-out-as-dataset", lambda: start(held_out=DATA), TypeError,
         "held_out is of type TensorDataset", "Batches(dataset, batch_size=32"),
    case("run-as-switch", lambda: start(run=True), TypeError, "run is True", "run='runs/first'"),
    case("run-inside-a-file", lambda: start(run=f"{__file__}/run"), CheckpointError,
         "cannot be made", "Give another one"),
    case("extra-nowhere", lambda: start(extra={"a": 1}), ValueError, "extra is {'a': 1}", "run"),
    case("extra-no-json", lambda: start(run="no/such", extra=gpt()), TypeError, "to_dict()"),
    case("step-negative", lambda: save("no/such/run", gpt(), [], -1), ValueError, "step is -1"),
    case("held-out-once", lambda: start(held_out=iter([DATA[:4]])), TypeError,
         "used up after one evaluation", "expected batches that can be read again"),
    case("no-target-counts", lambda: start(batches=Batches(NOTHING, 4)), ValueError,
         "every target of a batch is -100", "0 / 0"),
    case("diverged", lambda: start(config=settings(learning_rate=1e30, steps=9)), Diverged,
         "at step", "no checkpoint was saved before", "smaller learning_rate"),
    case("muon-without-blocks",
         lambda: build_optimizers(Bigram(11), settings(optimizer="muon")), ValueError,
         "optimizer is 'muon'", "of type Bigram", "Take optimizer='adamw'"),
    case("evaluate-a-dataset", lambda: evaluate(gpt(), DATA), TypeError,
         "type TensorDataset", "expected batches", "Batches(dataset, batch_size=32"),
    case("evaluate-a-corpus", lambda: evaluate(gpt(), CORPUS), TypeError,
         "type Corpus", "Batches(corpus.held_out, batch_size=32"),
    case("evaluate-text", lambda: evaluate(gpt(), "To be"), TypeError, "type str", "of a dataset"),
    case("evaluate-a-tensor", lambda: evaluate(gpt(), TEXT), TypeError, "of type Tensor"),
    case("evaluate-none", lambda: evaluate(gpt(), None), TypeError, "expected batches"),
    case("evaluate-one-batch", lambda: evaluate(gpt(), (TEXT, TEXT)), TypeError,
         "a batch is of type Tensor", "[(tokens, targets)]"),
    case("evaluate-inputs", lambda: evaluate(gpt(), [[TEXT]]), TypeError, "last the targets"),
    case("evaluate-ids", lambda: evaluate(gpt(), [3, 7]), TypeError, "a batch is of type int"),
    case("progress-as-text", lambda: start(progress="no"), TypeError, "progress is 'no'"),
    case("load-from-none", lambda: load(None, gpt()), TypeError, "path is None", "'runs/first'"),
    case("evaluate-no-batch", lambda: evaluate(gpt(), []), ValueError,
         "0 targets that count", "Give at least one batch"),
    case("evaluate-no-target", lambda: evaluate(gpt(), Batches(NOTHING, 4)), ValueError,
         "0 targets that count", "every target is -100"),
    case("evaluate-zero-batches", lambda: evaluate(gpt(), [], 0), ValueError, "max_batches is 0"),
    case("evaluate-no-model", lambda: evaluate(None, []), TypeError, "model is None"),
    case("estimate-no-batch", lambda: estimate_losses(gpt(), {"train": []}), ValueError,
         "0 targets that count"),
    case("plot-nothing", lambda: History("").plot(), ValueError, "holds 0 steps", "Train first"),
    case("load-from-nowhere", lambda: load("no/such/run", gpt()), CheckpointError,
         "no/such/run", "no such folder", "working directory"),
    case("keep-none", lambda: save("no/such/run", gpt(), [], 1, keep=0), ValueError, "keep is 0"),
]  # fmt: skip


@reader
@pytest.mark.parametrize("wrong", CASES)
def test_a_wrong_call_is_refused_by_a_message_that_teaches(wrong):
    message = message_of(wrong)
    assert faults(message) == [], message
    for part in wrong.parts:
        assert part in message, f"{part!r} is missing in: {message}"


def test_many_wrong_calls_are_tried_each_under_a_name_of_its_own():
    assert len({wrong.id for wrong in CASES}) == len(CASES) >= 55


@reader
@pytest.mark.parametrize(
    ("made", "call", "parts"),
    [
        (lambda folder: folder.mkdir(), read_state, ("0 checkpoints", "train(..., run=folder)")),
        (saved, load_model, ("class Bigram", "GPT", "load(path, model)")),
        (
            lambda folder: saved(folder, edit=('"format": 1', '"format": 9')),
            read_state,
            ("format 9", "expected 1"),
        ),
        (
            saved,
            lambda folder: load(folder, Bigram(7)),
            ("another model", "table.weight is (11, 11)", "(7, 7)"),
        ),
        (
            lambda folder: saved(folder, model=gpt()),
            lambda folder: load(folder, *(lambda m: (m, build_optimizers(m, settings())))(gpt())),
            ("holds the memory of []", "['AdamW']"),
        ),
        (
            lambda folder: folder.write_text("a file in the way"),
            lambda folder: save(folder, Bigram(3), [], 1),
            ("step-000001 could not be written", "name another folder"),
        ),
    ],
    ids=["empty-run", "unknown-class", "format", "other-model", "other-memory", "file-in-the-way"],
)
def test_a_wrong_checkpoint_is_refused_by_a_message_that_teaches(made, call, parts, tmp_path):
    made(tmp_path / "run")
    with pytest.raises(CheckpointError) as raised:
        call(tmp_path / "run")
    message = str(raised.value)
    assert faults(message) == [], message
    assert all(part in message for part in parts), message


@reader
def test_an_older_pytorch_has_no_muon_and_the_message_says_since_when(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(RuntimeError) as raised:
        build_optimizers(gpt(), settings(optimizer="muon"))
    assert "2.9 or newer" in str(raised.value) and faults(str(raised.value)) == []
    assert build_optimizers(gpt(), settings())


@reader
def test_what_is_just_inside_the_border_works():
    edge = settings(warmup=3, clip=1e-9, weight_decay=0, final_share=0.0, betas=[0.0, 0.999])
    assert len(start(config=edge).losses) == 4
    assert len(start(batches=Batches(DATA, 10), config=settings(accumulate=10)).losses) == 4
    assert len(start(held_out=DataLoader(DATA, 4)).evaluations) == 1
    assert len(start(config=settings(weight_decay=2.0, steps=1)).losses) == 1
