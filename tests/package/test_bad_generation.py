"""Wrong calls of generation: each is told what was given, what was expected, and a way out."""

from math import nan

import pytest
import torch
from messages import case, faults, message_of
from torch import nn
from twins import SMALL

from glassbox.classifier import ClassifierConfig, EncoderClassifier
from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.generation import Sampler, beam_search, filters, generate, pad_left, stream
from glassbox.gpt import GPT, Bigram, GPTConfig

reader = pytest.mark.usefixtures("as_a_reader_runs_it")
Z = torch.zeros(2, 11)
TEXT = torch.ones(2, 3, dtype=torch.long)
REAL = torch.tensor([[False, True, True], [True, True, True]])


def gpt(**change) -> GPT:
    return GPT(GPTConfig(**SMALL | change))


def ruined() -> GPT:
    model = gpt()
    model.head.weight.data[3, 0] = nan
    return model


def write(model=None, tokens=TEXT, n=4, **options):
    return generate(gpt() if model is None else model, tokens, n, **options)


FILTERS = [
    case("logits-of-all-positions", lambda: filters.top_k(torch.zeros(2, 3, 11), 2), ValueError,
         "(2, 3, 11)", "expected floating-point scores", "logits[:, -1]"),
    case("logits-of-one-text", lambda: filters.top_p(Z[0], 0.5), ValueError,
         "shape (11,)", "(batch, vocab_size)"),
    case("logits-of-ids", lambda: filters.min_p(TEXT, 0.5), ValueError, "holds torch.int64"),
    case("logits-as-list", lambda: filters.temperature([[1.0]], 1), TypeError,
         "logits is of type list", "torch.tensor(logits)"),
    case("temperature-zero", lambda: filters.temperature(Z, 0), ValueError,
         "t is 0", "expected a positive number"),
    case("k-zero", lambda: filters.top_k(Z, 0), ValueError, "k is 0", "at least 1"),
    case("k-as-share", lambda: filters.top_k(Z, 0.9), TypeError, "k is 0.9", "whole number"),
    case("p-in-percent", lambda: filters.top_p(Z, 90), ValueError, "p is 90", "write 0.9"),
    case("p-zero", lambda: filters.min_p(Z, 0), ValueError, "p is 0", "above 0 and at most 1"),
    case("p-as-text", lambda: filters.min_p(Z, "0.1"), TypeError, "p is '0.1'"),
    case("penalty-zero", lambda: filters.repetition_penalty(Z, TEXT, 0), ValueError,
         "penalty is 0", "such as 1.2"),
    case("penalty-for-another-text", lambda: filters.repetition_penalty(Z, TEXT[:1], 2),
         ValueError, "1 rows of tokens and 2 of logits"),
    case("penalty-beyond", lambda: filters.repetition_penalty(Z[:, :1], TEXT, 2), ValueError,
         "the id 1", "ids run from 0 to 0"),
    case("penalty-padding", lambda: filters.repetition_penalty(Z, TEXT, 2, TEXT), TypeError,
         "holds torch.int64", "tokens != pad_id"),
    case("runs-of-none", lambda: filters.block_repeats(Z, TEXT, 0), ValueError, "n is 0"),
    case("runs-padding", lambda: filters.block_repeats(Z, TEXT, 1, REAL[:1]), ValueError,
         "shape (1, 3)", "(2, 3)"),
    case("nothing-left", lambda: filters.block_repeats(Z[:, :2], TEXT * 0 + torch.tensor([0, 1, 0]),
         1), ValueError, "every one of the 2 tokens", "larger n"),
]  # fmt: skip

SAMPLERS = [
    case("sampler-cold", lambda: Sampler(temperature=-1), ValueError, "temperature is -1"),
    case("sampler-hot-text", lambda: Sampler(temperature="hot"), TypeError, "temperature is 'hot'"),
    case("sampler-no-temperature", lambda: Sampler(temperature=None), TypeError, "is None"),
    case("sampler-k", lambda: Sampler(top_k=0), ValueError, "top_k is 0"),
    case("sampler-p", lambda: Sampler(top_p=95), ValueError, "top_p is 95", "write 0.9"),
    case("sampler-min-p", lambda: Sampler(min_p=-0.1), ValueError, "min_p is -0.1"),
    case("sampler-penalty", lambda: Sampler(repetition_penalty=0), ValueError, "1.2"),
    case("sampler-runs", lambda: Sampler(block_repeats=2.5), TypeError, "block_repeats is 2.5"),
    case("sampler-without-effect", lambda: Sampler(temperature=0, top_k=5, top_p=0.9), ValueError,
         "temperature is 0", "top_k and top_p would change nothing", "above 0"),
    case("sampler-without-generator", lambda: Sampler()(Z, TEXT), TypeError,
         "generator is None", "manual_seed(0)"),
]  # fmt: skip

CALLS = [
    case("model-as-class", lambda: write(GPT), TypeError, "the class GPT", "parentheses"),
    case("model-of-pytorch", lambda: write(nn.Embedding(11, 11)), TypeError,
         "model returned Tensor", "expected an Output"),
    case("model-classifier",
         lambda: write(EncoderClassifier(ClassifierConfig(**SMALL, n_classes=3))), TypeError,
         "logits (2, 3) for tokens (2, 3)", "(batch, tokens, vocab_size)"),
    case("model-of-two-texts", lambda: write(EncoderDecoder(EncoderDecoderConfig(**SMALL))),
         TypeError, "EncoderDecoder", "'target'", "such as a GPT"),
    case("prompt-empty", lambda: write(tokens=TEXT[:, :0]), ValueError,
         "(2, 0)", "the prompt is empty", "start token"),
    case("prompt-of-no-rows", lambda: write(tokens=TEXT[:0]), ValueError, "(0, 3)"),
    case("prompt-flat", lambda: write(tokens=TEXT[0]), ValueError, "(3,)", "tokens.unsqueeze(0)"),
    case("prompt-text", lambda: write(tokens="Once"), TypeError, "type str", "tokenizer"),
    case("prompt-floats", lambda: write(tokens=TEXT.float()), TypeError, "torch.float32"),
    case("prompt-beyond", lambda: write(tokens=11 * TEXT), ValueError, "the id 11", "0 to 10"),
    case("no-new-tokens", lambda: write(n=0), ValueError, "max_new_tokens is 0", "at least 1"),
    case("new-tokens-as-float", lambda: write(n=4.0), TypeError, "max_new_tokens is 4.0"),
    case("sampler-as-number", lambda: write(sampler=0.8), TypeError,
         "sampler is 0.8", "Sampler(temperature=0.8)"),
    case("stop-as-text", lambda: write(stop="end"), TypeError, "stop is 'end'", "stop=(0,)"),
    case("stop-as-float", lambda: write(stop=[0.5]), TypeError, "stop is 0.5", "from 0 to 10"),
    case("stop-none", lambda: write(stop=[None]), TypeError, "stop holds None", "Leave it out"),
    case("stop-beyond", lambda: write(stop=11), ValueError, "stop is 11", "from 0 to 10"),
    case("padding-beyond", lambda: write(stop=1, pad_id=-1), ValueError, "pad_id is -1"),
    case("padded-on-the-right", lambda: write(real=REAL.flip(1)), ValueError,
         "row 0 of real", "predicted from the last position", "on the left"),
    case("nothing-but-padding", lambda: write(real=REAL & REAL[:1]& False), ValueError,
         "row 0, 1 of real"),
    case("padding-inside", lambda: write(real=torch.tensor([[True, False, True]] * 2)), ValueError,
         "padding behind a real token"),
    case("real-as-numbers", lambda: write(real=REAL.long()), TypeError, "torch.int64"),
    case("real-of-one-row", lambda: write(real=REAL[:1]), ValueError, "(1, 3)", "(2, 3)"),
    case("real-for-a-bigram", lambda: write(Bigram(11), real=REAL), ValueError,
         "a Bigram takes no mask", "each text alone"),
    case("cache-for-a-bigram", lambda: write(Bigram(11), use_cache=True), ValueError,
         "a Bigram has no new_caches", "use_cache=None"),
    case("cache-for-a-list-of-heads", lambda: write(gpt(attention="head_list"), use_cache=True),
         ValueError, "attention='head_list'", "use_cache=None"),
    case("cache-without-order", lambda: write(gpt(causal=False), use_cache=True), ValueError,
         "causal=False", "use_cache=None"),
    case("full-typo", lambda: write(when_full="slid"), ValueError,
         "when_full is 'slid'", "Did you mean 'slide'?"),
    case("too-many", lambda: write(n=11, when_full="error"), ValueError,
         "3 columns and 11 more", "holds 12", "at most 2"),
    case("prompt-longer-than-the-context",
         lambda: write(tokens=TEXT.repeat(1, 5), when_full="stop"), ValueError,
         "15 columns", "holds 12", "when_full='slide'"),
    case("prompt-shorter-than-needed",
         lambda: write(n=13, when_full="error"), ValueError,
         "3 columns and 13 more", "holds 12", "Ask for at most 10 tokens"),
    case("seed-negative", lambda: write(seed=-1), ValueError, "seed is -1", "from 0"),
    case("seed-too-large", lambda: write(seed=2**63), ValueError, "2**63 - 1"),
    case("sampler-as-class", lambda: write(sampler=Sampler), TypeError, "the class Sampler"),
    case("ruined-model", lambda: write(ruined()), ValueError, "'nan'", "an earlier checkpoint"),
    case("ruined-beams", lambda: beam_search(ruined(), TEXT, 4), ValueError, "'nan'"),
    case("stop-as-shares", lambda: write(stop=torch.tensor([0.5])), TypeError, "stop is 0.5"),
    case("prompts-in-a-list", lambda: write(tokens=[[3, 7], [5]]), TypeError,
         "type list", "torch.tensor([ids])", "tokens, real = pad_left(texts)"),
    case("pad-text", lambda: pad_left("To be"), TypeError, "texts is 'To be'", "A tokenizer"),
    case("pad-no-text", lambda: pad_left([]), ValueError, "texts is []"),
    case("pad-texts", lambda: pad_left([[3], "be"]), TypeError, "texts[1] is 'be'", "token ids"),
    case("pad-one-text", lambda: pad_left([3, 7]), TypeError, "texts[0] is 3"),
    case("pad-shares", lambda: pad_left([torch.ones(2)]), TypeError, "texts[0] is tensor"),
    case("pad-an-empty-text", lambda: pad_left([[3], []]), ValueError, "texts[1] is []"),
    case("pad-by-none", lambda: pad_left([[3]], -1), ValueError, "pad_id is -1"),
    case("seed-as-text", lambda: write(seed="0"), TypeError, "seed is '0'", "whole number"),
    case("generator-as-seed", lambda: write(generator=0), TypeError, "generator is 0", "seed=0"),
    case("two-sources", lambda: write(generator=torch.Generator(), seed=1), ValueError,
         "seed=1", "Leave out the seed"),
    case("stream-speaks-before-it-runs", lambda: stream(gpt(), TEXT, 0), ValueError,
         "max_new_tokens is 0"),
    case("no-beams", lambda: beam_search(gpt(), TEXT, 4, beams=0), ValueError, "beams is 0"),
    case("beams-length-as-text", lambda: beam_search(gpt(), TEXT, 4, length_penalty="1"),
         TypeError, "length_penalty is '1'", "expected a number"),
    case("beams-length-nan", lambda: beam_search(gpt(), TEXT, 4, length_penalty=nan), ValueError,
         "length_penalty is nan", "expected a number"),
    case("beams-empty", lambda: beam_search(gpt(), TEXT[:, :0], 4), ValueError, "prompt is empty"),
    case("beams-stop", lambda: beam_search(gpt(), TEXT, 4, stop=12), ValueError, "stop is 12"),
    case("beams-cache", lambda: beam_search(Bigram(11), TEXT, 4, use_cache=True), ValueError,
         "use_cache=None"),
]  # fmt: skip


@reader
@pytest.mark.parametrize("wrong", [*FILTERS, *SAMPLERS, *CALLS])
def test_a_wrong_call_is_told_what_was_given_what_was_expected_and_a_way_out(wrong):
    message = message_of(wrong)
    for part in wrong.parts:
        assert part in message, f"{part!r} is not in {message!r}"
    assert not faults(message), f"{faults(message)}: {message}"


@reader
def test_a_refused_call_leaves_the_mode_of_the_model_alone():
    model = gpt().train()
    with pytest.raises(ValueError):
        write(model, tokens=11 * TEXT)
    assert all(module.training for module in model.modules())
