"""The command line, as somebody meets it who has read nothing."""

import re
import subprocess
import sys

import pytest
import torch

from glassbox.cli import main
from glassbox.training import load_model

pytestmark = pytest.mark.usefixtures("as_a_reader_runs_it")
POEM = "so much depends upon a red wheel barrow glazed with rain water " * 40


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of one's own, with a text in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poem.txt").write_text(POEM)
    return tmp_path


def train(*more):
    small = ["--steps", "3", "--batch-size", "2", "--sample", "9"]
    return main(["train", "--text", "poem.txt", *small, *more])


def test_a_run_says_what_it_does_saves_it_and_shows_a_sample(folder, capsys):
    assert train() == 0
    out, err = capsys.readouterr()
    assert re.search(r"A GPT of [\d,]+ parameters, 3 steps on cpu\.", out)
    assert re.search(r"Held-out loss \d\.\d{3} nats a token after 3 steps\.", out)
    assert "Saved in runs/first/step-000003" in out.replace("\\", "/")
    assert "python -m glassbox generate --folder" in out and not err
    sample = out.split("step-000003\n")[1].split("\nMore:")[0]
    assert len(sample) == 12 and set(sample) <= set(POEM) | {"\n"}


def test_what_was_trained_writes_the_same_text_again_with_and_without_a_cache(folder, capsys):
    train("--folder", "mine")
    capsys.readouterr()
    texts = []
    for more in ([], [], ["--no-cache"], ["--seed", "1"], ["--temperature", "0"]):
        asked = ["--folder", "mine", "--prompt", "so ", "--tokens", "90", *more]
        assert main(["generate", *asked]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] == texts[2]
    assert len({*texts}) == 3 and all(len(text) == 94 for text in texts)
    assert all(text.startswith("so ") for text in texts)


def test_the_filters_of_a_draw_reach_the_sampler(folder, capsys):
    train("--folder", "mine")
    texts = {}
    for option in ("--top-k=1", "--top-p=0.001", "--min-p=0.999", "--temperature=0"):
        capsys.readouterr()
        assert (
            main(["generate", "--folder", "mine", "--tokens", "40", "--prompt", "so", option]) == 0
        )
        texts[option] = capsys.readouterr().out
    assert len(set(texts.values())) == 1  # each leaves only the likeliest token
    assert main(["generate", "--folder", "mine", "--top-k=0"]) == 1


def test_a_run_that_is_there_goes_on_and_another_one_is_not_written_over(folder, capsys):
    train()
    before = load_model("runs/first").head.weight.clone()
    capsys.readouterr()
    assert train() == 0
    assert "Goes on from" in capsys.readouterr().out
    assert train("--seed", "1") == 1
    err = capsys.readouterr().err
    assert "CheckpointError" in err and "seed was 0 and is 1" in err and "Traceback" not in err
    assert torch.equal(load_model("runs/first").head.weight, before)


def test_the_seed_decides_what_is_trained(folder):
    for run, seed in (("a", "0"), ("b", "0"), ("c", "5")):
        assert train("--folder", run, "--seed", seed) == 0
    a, b, c = (load_model(run).head.weight for run in "abc")
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--text", "no.txt"], "there is no such file"),
        (["generate", "--folder", "nowhere"], "nowhere was given, but there is no such folder"),
        (["train", "--text", "poem.txt", "--steps", "0"], "steps is 0"),
        (["generate", "--gpt2", "no/such/place"], "expected a folder with model.safetensors"),
        (["trace", "--folder", "nowhere"], "there is no such folder"),
    ],
)
def test_a_mistake_is_a_sentence_and_no_traceback(folder, capsys, arguments, said):
    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("preset", "shown"),
    [("character", ["208,193", "(1, 8, 65)"]), ("gpt2-xl", ["1,557,611,200", "(1, 1024, 50257)"])],
)
def test_trace_shows_shapes_parameters_and_costs_of_any_size(capsys, preset, shown):
    assert main(["trace", "--preset", preset]) == 0
    out = capsys.readouterr().out
    for text in [*shown, "forward and backward", "cache for each token"]:
        assert text in out


def test_trace_of_a_run_shows_the_model_that_was_trained(folder, capsys):
    train()
    capsys.readouterr()
    assert main(["trace", "--folder", "runs/first", "--batch", "2", "--seq", "5"]) == 0
    assert f"(2, 5, {len(set(POEM))})" in capsys.readouterr().out


def test_help_names_every_command_and_what_each_option_does(capsys):
    for arguments, words in {
        ("--help",): ["train", "generate", "trace", "bench", "Start with"],
        ("train", "--help"): ["--text", "shakespeare", "--folder", "runs/first", "(default:"],
        ("generate", "--help"): ["--temperature", "--top-p", "--no-cache"],
    }.items():
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        assert left.value.code == 0
        out = capsys.readouterr().out
        assert all(word in out for word in words)
        assert "None" not in out


def test_it_runs_as_a_module_and_imports_no_plotting(folder):
    code = (
        "import sys; from glassbox.cli import main; "
        "main(['train', '--text', 'poem.txt', '--steps', '1', '--sample', '0']); "
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"
    asked = [sys.executable, "-m", "glassbox", "generate", "--tokens", "5"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0 and len(done.stdout) >= 5, done.stderr


def test_the_seed_decides_how_the_model_starts(folder, monkeypatch):
    starts = []

    def stop(model, *given, **options):
        starts.append(model.token_embedding.weight.detach().clone())
        raise RuntimeError("far enough")

    monkeypatch.setattr(sys.modules["glassbox.cli.train"], "train", stop)
    for seed in ("0", "0", "5"):
        assert train("--seed", seed) == 1
    assert torch.equal(starts[0], starts[1]) and not torch.equal(starts[0], starts[2])


MODEL = """
import torch
from torch import nn


class Bag(nn.Module):
    def __init__(self, leak=False):
        super().__init__()
        self.embed, self.leak = nn.Embedding(9, 9), leak

    def forward(self, ids):
        logits = self.embed(ids).cumsum(1)
        return logits.flip(1) if self.leak else logits


def loss(model, texts):
    return nn.functional.cross_entropy(model(texts[:, :-1]).flatten(0, 1), texts[:, 1:].flatten())


def build_model():
    torch.manual_seed(0)
    return Bag()


leaky, number = Bag(leak=True), 7
"""


@pytest.fixture
def module(folder, monkeypatch):
    """A module of a user's own, in the folder where the command is run."""
    (folder / "bag_model.py").write_text(MODEL)
    monkeypatch.syspath_prepend(str(folder))
    yield "bag_model"
    sys.modules.pop("bag_model", None)


def test_check_prints_the_report_and_ends_with_0_where_all_holds(module, capsys):
    words = ["--skip", "first_loss", "overfits", "--loss", "loss"]
    assert main(["check", f"{module}:build_model", *words]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Bag: ") and "0 fail" in out and not err
    assert re.search(r"next_token_loss +holds", out) and re.search(r"overfits +skipped", out)


def test_check_ends_with_1_where_an_invariant_fails(module, capsys):
    assert main(["check", f"{module}:leaky", "--trained"]) == 1
    assert re.search(r"future_by_value +FAILS", capsys.readouterr().out)
    assert main(["check", f"{module}:leaky", "--trained", "--two-way"]) == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("nowhere:build_model", "there is no module 'nowhere'"),
        ("bag_model.py:build_model", "without '.py'"),
        ("bag_model:bulid", "has no 'bulid'.*build_model"),
        ("bag_model:number", "expected a module"),
        ("bag_model:loss", "TypeError"),
    ],
)
def test_check_says_what_it_could_not_find(module, capsys, asked, said):
    assert main(["check", asked]) == 1
    assert re.search(said, capsys.readouterr().err)
