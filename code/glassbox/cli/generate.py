"""`python -m glassbox generate`: let a trained model write."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from torch import nn

from glassbox.cli.sample import write_sample
from glassbox.generation import Sampler
from glassbox.gpt import GPT
from glassbox.pretrained import tokenizer_folder
from glassbox.tokenizers import BytePairTokenizer, Tokenizer, build_tokenizer
from glassbox.training import load_model, read_state

SUMMARY = "Let a trained model write."


def add_options(parser: ArgumentParser) -> None:
    """Describe the options."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--folder",
        type=Path,
        default=Path("runs/first"),
        help="folder of a run, or of a checkpoint (default: %(default)s)",
    )
    source.add_argument(
        "--gpt2",
        metavar="NAME|FOLDER",
        help="GPT-2 instead: its name on the Hugging Face hub, such as 'gpt2', or a folder with "
        "its files",
    )
    parser.add_argument("--prompt", help="what the text begins with (default: a new line)")
    parser.add_argument(
        "--tokens", type=int, default=300, help="how many tokens to add (default: 300)"
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.8,
        help="0 always takes the most likely token (default: 0.8)",
    )
    parser.add_argument("--top-k", type=int, help="draw from the k most likely tokens only")
    parser.add_argument(
        "--top-p", type=float, help="draw from the fewest tokens that have this probability"
    )
    parser.add_argument(
        "--min-p", type=float, help="draw from tokens at least this likely, beside the likeliest"
    )
    parser.add_argument("--repetition-penalty", type=float, help="above 1, old tokens get rarer")
    parser.add_argument(
        "--seed", type=int, default=0, help="another seed, another text (default: 0)"
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="compute all anew for each token, to compare"
    )


def run(given: Namespace) -> None:
    """Load and write."""
    model, tokenizer = _gpt2(given.gpt2) if given.gpt2 else _trained(given.folder)
    filters = {
        name: getattr(given, name)
        for name in ("top_k", "top_p", "min_p", "repetition_penalty")
        if getattr(given, name) is not None
    }
    write_sample(
        model,
        tokenizer,
        prompt=given.prompt,
        tokens=given.tokens,
        sampler=Sampler(temperature=given.temperature, **filters),
        seed=given.seed,
        use_cache=False if given.no_cache else None,
    )


def _trained(run: Path) -> tuple[nn.Module, Tokenizer]:
    """Return the model of a run and its tokenizer."""
    stored = (read_state(run).get("extra") or {}).get("tokenizer")
    if stored is None:
        raise ValueError(
            f"{run} holds a model without a tokenizer, so its tokens have no text. Train it with "
            "`python -m glassbox train`, or with extra={'tokenizer': tokenizer.to_dict()}."
        )
    return load_model(run), build_tokenizer(stored)


def _gpt2(source: str) -> tuple[nn.Module, Tokenizer]:
    """Return GPT-2 and its tokenizer."""
    return GPT.from_pretrained(source), BytePairTokenizer.from_gpt2(tokenizer_folder(source))
