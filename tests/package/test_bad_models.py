"""Wrong calls of models, settings and losses: each is refused by a message that teaches.

The parts of a model have theirs in `test_bad_inputs`. The shape checks of jaxtyping are off.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from messages import case, faults, message_of
from torch import nn

from glassbox import masks
from glassbox.classifier import ClassifierConfig, EncoderClassifier
from glassbox.encoder import Encoder, EncoderConfig, MaskedLanguageModel
from glassbox.encoder_decoder import Decoder, EncoderDecoder, EncoderDecoderConfig
from glassbox.gpt import GPT, Bigram, GPTConfig, preset
from glassbox.initialization import initialize_gpt2
from glassbox.losses import Output, contrastive_loss, cross_entropy
from glassbox.pooling import AttentionPooling, FirstToken, MaxPooling, MeanPooling
from glassbox.positions import Rotary
from glassbox.recurrent import (
    GRU,
    LSTM,
    AdditiveAttention,
    Bidirectional,
    DotAttention,
    NoAttention,
    RecurrentClassifier,
    RecurrentConfig,
    RecurrentEncoder,
    RecurrentSeq2Seq,
)

reader = pytest.mark.usefixtures("as_a_reader_runs_it")

SMALL = {"vocab_size": 11, "context_length": 12, "d_model": 8, "n_heads": 2, "n_layers": 2}
CELLS = {"vocab_size": 11, "d_embedding": 4, "d_hidden": 6}
STATES = torch.zeros(2, 5, 8)
EMPTY_ROW = torch.tensor([[1, 2], [0, 0]])


def ids(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.long)


def yes(*shape: int) -> torch.Tensor:
    """A mask that allows everything."""
    return torch.ones(shape, dtype=torch.bool)


def gpt(**change) -> GPT:
    return GPT(GPTConfig(**SMALL | change))


def encoder(**change) -> Encoder:
    return Encoder(EncoderConfig(**SMALL | {"pad_id": 0} | change))


def classifier() -> EncoderClassifier:
    return EncoderClassifier(ClassifierConfig(**SMALL, n_classes=3, pad_id=0))


def blanks() -> MaskedLanguageModel:
    return MaskedLanguageModel(EncoderConfig(**SMALL, pad_id=0))


def both(**change) -> EncoderDecoder:
    return EncoderDecoder(EncoderDecoderConfig(**SMALL | {"pad_id": 0} | change))


def decoder() -> Decoder:
    return Decoder(EncoderDecoderConfig(**SMALL))


def recurrent(**change) -> RecurrentSeq2Seq:
    return RecurrentSeq2Seq(RecurrentConfig(**CELLS | change))


def step(token, state=None, encoded=None):
    """One step of a recurrent decoder after reading two sources."""
    model = recurrent()
    read = model.encode(ids(2, 5))
    return model.decode_step(token, read.final if state is None else state, encoded or read)


def with_uneven_caches():
    model = gpt()
    caches = model.new_caches(2)
    model(ids(2, 3), caches=caches)
    caches[1].clear()
    return model(ids(2, 1), caches=caches)


SETTINGS = [
    case("width-as-float", lambda: GPTConfig(**SMALL | {"d_model": 64.0}), TypeError,
         "d_model is 64.0, of type float", "expected a whole number", "//"),
    case("heads-as-text", lambda: GPTConfig(**SMALL | {"n_heads": "2"}), TypeError,
         "n_heads is '2', of type str", "expected a whole number", "quotes"),
    case("layers-as-switch", lambda: GPTConfig(**SMALL | {"n_layers": True}), TypeError,
         "n_layers is True, of type bool", "expected a whole number"),
    case("heads-do-not-divide", lambda: GPTConfig(**SMALL | {"n_heads": 3}), ValueError,
         "d_model is 8 and n_heads is 3", "6 or 9", "d_model=8: 2"),
    case("kv-heads-do-not-divide", lambda: GPTConfig(**SMALL, n_kv_heads=3), ValueError,
         "n_heads is 2 and n_kv_heads is 3", "n_heads=2: 2"),
    case("dropout-in-percent", lambda: GPTConfig(**SMALL, dropout=10), ValueError,
         "dropout is 10", "expected a share from 0", "write 0.1"),
    case("dropout-of-everything", lambda: GPTConfig(**SMALL, dropout=1.0), ValueError,
         "dropout is 1.0", "not including, 1", "write 0.1"),
    case("positions-nickname", lambda: GPTConfig(**SMALL, positions="rope"), ValueError,
         "positions is 'rope'", "expected one of 'none'", "Did you mean 'rotary'?"),
    case("positions-object", lambda: GPTConfig(**SMALL, positions=Rotary(4)), ValueError,
         "positions is Rotary(", "expected one of 'none', 'sinusoidal'"),
    case("positions-none", lambda: GPTConfig(**SMALL, positions=None), ValueError,
         "positions is None", "Did you mean 'none'?"),
    case("norm-typo", lambda: GPTConfig(**SMALL, norm="rmsnorm"), ValueError,
         "norm is 'rmsnorm'", "expected one of 'layer', 'rms'", "Did you mean 'rms'?"),
    case("norm-in-capitals", lambda: GPTConfig(**SMALL, norm="LayerNorm"), ValueError,
         "norm is 'LayerNorm'", "Did you mean 'layer'?"),
    case("norm-in-a-list", lambda: GPTConfig(**SMALL, norm=["rms"]), ValueError,
         "norm is ['rms']", "expected one of", "Did you mean 'rms'?"),
    case("feed-forward-nickname", lambda: GPTConfig(**SMALL, feed_forward="swish"), ValueError,
         "feed_forward is 'swish'", "Did you mean 'swiglu'?"),
    case("residual-typo", lambda: GPTConfig(**SMALL, residual="prenorm"), ValueError,
         "residual is 'prenorm'", "Did you mean 'pre'?"),
    case("switch-as-text", lambda: GPTConfig(**SMALL, tied="False"), TypeError,
         "tied is 'False'", "expected True or False", "without quotes"),
    case("head-list-shares-nothing",
         lambda: GPTConfig(**SMALL, attention="head_list", n_kv_heads=1), ValueError,
         "n_kv_heads is 1", "share nothing", "attention='multi_head'"),
    case("head-list-with-rotary",
         lambda: gpt(attention="head_list", positions="rotary"), ValueError,
         "positions is 'rotary'", "no place for it", "Write attention='multi_head'"),
    case("rotary-on-odd-heads", lambda: gpt(d_model=6, positions="rotary"), ValueError,
         "d_head is 3", "expected an even number", "Take 4"),
    case("padding-beyond", lambda: EncoderConfig(**SMALL, pad_id=11), ValueError,
         "pad_id is 11", "run from 0 to 10", "write None"),
    case("padding-as-text", lambda: EncoderConfig(**SMALL, pad_id="0"), TypeError,
         "pad_id is '0'", "run from 0 to 10", "Take one of these"),
    case("padding-unknown-to-the-source",
         lambda: EncoderDecoderConfig(**SMALL, source_vocab_size=4, pad_id=7), ValueError,
         "pad_id is 7", "run from 0 to 3"),
    case("classes-by-name",
         lambda: ClassifierConfig(**SMALL, n_classes=["good", "bad"]), TypeError,
         "n_classes is ['good', 'bad'], of type list", "expected a whole number"),
    case("pooling-nickname",
         lambda: ClassifierConfig(**SMALL, n_classes=2, pooling="cls"), ValueError,
         "pooling is 'cls'", "expected one of 'mean', 'max', 'first', 'attention'"),
    case("preset-unknown", lambda: preset("gpt3"), ValueError,
         "name is 'gpt3'", "expected one of 'character'", "Did you mean 'gpt2'?"),
    case("preset-in-capitals", lambda: preset("GPT2"), ValueError,
         "name is 'GPT2'", "Did you mean 'gpt2'?"),
    case("cell-unknown", lambda: RecurrentConfig(**CELLS, cell="rnn"), ValueError,
         "cell is 'rnn'", "expected one of 'gru', 'lstm'"),
    case("cell-of-odd-width",
         lambda: RecurrentConfig(**CELLS | {"d_hidden": 5}, bidirectional=True), ValueError,
         "d_hidden is 5", "even width, such as 6"),
    case("config-class", lambda: GPT(GPTConfig), TypeError,
         "config is the class GPTConfig", "expected settings of type GPTConfig", "preset('gpt2')"),
    case("config-dictionary", lambda: GPT(SMALL), TypeError,
         "config is of type dict", "expected settings of type GPTConfig", "GPTConfig(**settings)"),
    case("config-name", lambda: GPT("gpt2"), TypeError,
         "config is 'gpt2'", "expected settings of type GPTConfig", "preset('gpt2')"),
    case("config-of-an-encoder", lambda: GPT(EncoderConfig(**SMALL)), TypeError,
         "config is of type EncoderConfig", "expected settings of type GPTConfig"),
    case("config-of-a-gpt", lambda: MaskedLanguageModel(GPTConfig(**SMALL)), TypeError,
         "config is of type GPTConfig", "expected settings of type EncoderConfig"),
    case("config-without-classes", lambda: EncoderClassifier(EncoderConfig(**SMALL)), TypeError,
         "config is of type EncoderConfig", "expected settings of type ClassifierConfig"),
    case("config-of-one-half", lambda: EncoderDecoder(EncoderConfig(**SMALL)), TypeError,
         "config is of type EncoderConfig", "expected settings of type EncoderDecoderConfig"),
    case("config-for-a-decoder", lambda: Decoder(GPTConfig(**SMALL)), TypeError,
         "config is of type GPTConfig", "expected settings of type EncoderDecoderConfig"),
    case("config-for-cells", lambda: RecurrentSeq2Seq(GPTConfig(**SMALL)), TypeError,
         "config is of type GPTConfig", "expected settings of type RecurrentConfig"),
    case("config-for-a-reader", lambda: RecurrentEncoder(CELLS), TypeError,
         "config is of type dict", "RecurrentConfig(**settings)"),
    case("config-for-a-bigram", lambda: Bigram(GPTConfig(**SMALL)), TypeError,
         "vocab_size is GPTConfig(", "expected a whole number"),
]  # fmt: skip

DECODER_ONLY = [
    case("tokens-list", lambda: gpt()([[1, 2]]), TypeError,
         "tokens is of type list", "expected a torch.Tensor", "torch.tensor(tokens)"),
    case("tokens-array", lambda: gpt()(np.array([[1, 2]])), TypeError,
         "tokens is of type ndarray", "expected a torch.Tensor", "torch.tensor(tokens)"),
    case("tokens-text", lambda: gpt()("hello"), TypeError,
         "tokens is of type str", "expected a torch.Tensor", "tokenizer turns text into ids"),
    case("tokens-floats", lambda: gpt()(torch.zeros(2, 5)), TypeError,
         "tokens holds torch.float32", "expected token ids, torch.int64", "tokens.long()"),
    case("tokens-bytes", lambda: gpt()(ids(2, 5).to(torch.uint8)), TypeError,
         "tokens holds torch.uint8", "torch.int64", "tokens.long()"),
    case("tokens-one-row", lambda: gpt()(ids(5)), ValueError,
         "tokens has shape (5,)", "expected (batch, tokens)", "tokens.unsqueeze(0)"),
    case("tokens-column", lambda: gpt()(ids(2, 5, 1)), ValueError,
         "tokens has shape (2, 5, 1)", "expected (batch, tokens)", "tokens.squeeze(-1)"),
    case("tokens-one-hot", lambda: gpt()(F.one_hot(ids(2, 5), 11)), ValueError,
         "tokens has shape (2, 5, 11)", "expected (batch, tokens)", "tokens.argmax(-1)"),
    case("tokens-none", lambda: gpt()(ids(2, 0)), ValueError,
         "tokens has shape (2, 0)", "neither of them empty"),
    case("token-at-vocab-size", lambda: gpt()(11 * ids(2, 5)), ValueError,
         "the id 11", "11 entries", "run from 0 to 10", "another tokenizer?"),
    case("token-negative", lambda: gpt()(-ids(2, 5)), ValueError,
         "the id -1", "run from 0 to 10"),
    case("context-too-long", lambda: gpt()(ids(2, 13)), ValueError,
         "13 tokens", "the context holds 12", "tokens[:, -12:]", "larger context_length"),
    case("tokens-elsewhere", lambda: gpt()(ids(2, 5).to("meta")), ValueError,
         "tokens lies on meta", "the model on cpu", "expected one device", "tokens.to('cpu')"),
    case("targets-cut-short", lambda: gpt()(ids(2, 5), ids(2, 4)), ValueError,
         "targets has shape (2, 4)", "(2, 5, 11)", "expected one target for each", "text[:, 1:]"),
    case("targets-of-floats", lambda: gpt()(ids(2, 5), torch.ones(2, 5)), TypeError,
         "targets holds torch.float32", "expected the number of the true class", ".long()"),
    case("targets-one-hot", lambda: gpt()(ids(2, 5), F.one_hot(ids(2, 5), 11)), ValueError,
         "targets has shape (2, 5, 11)", "(2, 5)", "targets.argmax(-1)"),
    case("targets-list", lambda: gpt()(ids(2, 5), [[1] * 5] * 2), TypeError,
         "targets is of type list", "torch.tensor(targets)"),
    case("targets-all-ignored", lambda: gpt()(ids(2, 5), -100 * ids(2, 5)), ValueError,
         "every target is -100", "0 / 0", "Leave such a batch out"),
    case("targets-beyond", lambda: gpt()(ids(2, 5), 11 * ids(2, 5)), ValueError,
         "targets holds 11", "expected 0 to 10", "-100"),
    case("targets-elsewhere", lambda: gpt()(ids(2, 5), ids(2, 5).to("meta")), ValueError,
         "targets lies on meta", "the logits on cpu", "targets.to('cpu')"),
    case("mask-per-sequence", lambda: gpt()(ids(2, 5), mask=yes(2, 5, 5)), ValueError,
         "(2, 5, 5)", "line up with the heads", "mask.unsqueeze(1)"),
    case("mask-per-sequence-head-list",
         lambda: gpt(attention="head_list")(ids(2, 5), mask=yes(2, 5, 5)), ValueError,
         "(2, 5, 5)", "line up with the heads", "mask.unsqueeze(1)"),
    case("mask-of-floats", lambda: gpt()(ids(2, 5), mask=torch.ones(5, 5)), TypeError,
         "mask holds torch.float32", "expected torch.bool", "from_numbers"),
    case("positions-of-floats", lambda: gpt()(ids(2, 5), positions=torch.arange(5.0)), TypeError,
         "positions holds torch.float32", "expected whole numbers", "torch.arange(5)"),
    case("positions-too-few", lambda: gpt()(ids(2, 5), positions=torch.arange(4)), ValueError,
         "positions has shape (4,)", "one position for each token", "torch.arange(5)"),
    case("positions-too-few-for-rotary",
         lambda: gpt(positions="rotary")(ids(2, 5), positions=torch.arange(4)), ValueError,
         "positions has shape (4,)", "one position for each token", "torch.arange(5)"),
    case("positions-beyond", lambda: gpt()(ids(2, 5), positions=torch.arange(5) + 8), ValueError,
         "position 12 has no row", "run from 0 to 11", "larger context_length"),
    case("caches-too-few", lambda: gpt()(ids(2, 5), caches=gpt().new_caches(2)[:1]), ValueError,
         "1 caches for 2 blocks", "model.new_caches(batch)"),
    case("caches-just-one", lambda: gpt()(ids(2, 5), caches=gpt().new_caches(2)[0]), TypeError,
         "caches holds ['KeyValueCache']", "expected a list of 2", "model.new_caches(batch)"),
    case("caches-switched-on", lambda: gpt()(ids(2, 5), caches=True), TypeError,
         "caches holds ['bool']", "expected a list of 2", "model.new_caches(batch)"),
    case("caches-all-the-same",
         lambda: gpt()(ids(2, 5), caches=[gpt().new_caches(2)[0]] * 2), ValueError,
         "only 1 of the 2 caches are distinct", "one of its own", "model.new_caches(batch)"),
    case("caches-uneven", with_uneven_caches, ValueError,
         "[3, 0] positions", "expected the same number in each", "model.new_caches(batch)"),
    case("caches-of-another-batch",
         lambda: gpt()(ids(2, 5), caches=gpt().new_caches(3)), ValueError,
         "keys (2, 2, 5, 4)", "takes (3, 2, 5, 4)", "make a new one"),
    case("caches-of-another-model",
         lambda: gpt()(ids(2, 5), caches=gpt(n_kv_heads=1).new_caches(2)), ValueError,
         "keys (2, 2, 5, 4)", "takes (2, 1, 5, 4)", "make a new one"),
    case("caches-for-tokens", lambda: gpt().new_caches(ids(2, 5)), TypeError,
         "batch is tensor(", "of type Tensor", "expected a whole number"),
    case("bigram-targets", lambda: Bigram(5)(ids(2, 3), ids(2, 2)), ValueError,
         "targets has shape (2, 2)", "(2, 3)", "text[:, :-1]"),
    case("bigram-token-beyond", lambda: Bigram(5)(5 * ids(2, 3)), ValueError,
         "the id 5", "run from 0 to 4"),
    case("initialize-class", lambda: initialize_gpt2(GPT), TypeError,
         "model is the class GPT", "expected a module", "parentheses"),
    case("initialize-both-halves", lambda: initialize_gpt2(both()), ValueError,
         "of type EncoderDecoder", "expected a stack such as GPT", "encoder, decoder"),
    case("initialize-with-zero", lambda: initialize_gpt2(gpt(), std=0), ValueError,
         "std is 0", "expected a positive number, such as 0.02"),
]  # fmt: skip

ENCODERS = [
    case("encoder-row-of-padding", lambda: encoder()(EMPTY_ROW), ValueError,
         "row 1 of tokens", "nothing but padding (id 0)", "Leave empty sequences out"),
    case("encoder-mask-per-sequence", lambda: encoder()(ids(2, 5), mask=yes(2, 5, 5)), ValueError,
         "(2, 5, 5)", "line up with the heads", "mask.unsqueeze(1)"),
    case("encoder-mask-per-sequence-without-padding",
         lambda: encoder(pad_id=None)(ids(2, 5), mask=yes(2, 5, 5)), ValueError,
         "(2, 5, 5)", "line up with the heads", "mask.unsqueeze(1)"),
    case("encoder-mask-of-floats", lambda: encoder()(ids(2, 5), mask=torch.ones(5, 5)), TypeError,
         "mask holds torch.float32", "expected torch.bool", "from_numbers"),
    case("encoder-mask-too-small", lambda: encoder()(ids(2, 5), mask=yes(4, 4)), ValueError,
         "mask has shape (4, 4)", "here (5, 5)"),
    case("encoder-mask-elsewhere",
         lambda: encoder()(ids(2, 5), mask=yes(5, 5).to("meta")), ValueError,
         "mask lies on meta", "expected one device", "mask.to('cpu')"),
    case("encoder-padding-mask-of-a-row",
         lambda: encoder(pad_id=None).padding_mask(ids(5)), ValueError,
         "tokens has shape (5,)", "tokens.unsqueeze(0)"),
    case("blanks-all-ignored", lambda: blanks()(ids(2, 5), -100 * ids(2, 5)), ValueError,
         "every target is -100", "check how the targets were masked"),
    case("classifier-targets-column", lambda: classifier()(ids(2, 5), ids(2, 1)), ValueError,
         "targets has shape (2, 1)", "(2, 3)", "expected one target for each, (2,)", "squeeze(-1)"),
    case("classifier-targets-one-hot",
         lambda: classifier()(ids(2, 5), F.one_hot(ids(2), 3)), ValueError,
         "targets has shape (2, 3)", "expected one target for each, (2,)", "targets.argmax(-1)"),
    case("classifier-targets-probabilities",
         lambda: classifier()(ids(2, 5), torch.tensor([0.9, 0.1])), TypeError,
         "targets holds torch.float32", "expected the number of the true class"),
    case("classifier-class-beyond", lambda: classifier()(ids(2, 5), 3 * ids(2)), ValueError,
         "targets holds 3", "3 classes: expected 0 to 2"),
    case("classifier-texts", lambda: classifier()(["good film", "bad film"]), TypeError,
         "tokens is of type list", "tokenizer turns text into ids"),
    case("batches-differ", lambda: both()(ids(2, 5), ids(3, 5)), ValueError,
         "2 sources and 3 targets", "expected one target for each source"),
    case("source-without-batch", lambda: both()(ids(5), ids(1, 5)), ValueError,
         "source has shape (5,)", "expected (batch, tokens)", "source.unsqueeze(0)"),
    case("target-without-batch", lambda: both()(ids(1, 5), ids(5)), ValueError,
         "target has shape (5,)", "expected (batch, tokens)", "target.unsqueeze(0)"),
    case("source-of-padding", lambda: both()(EMPTY_ROW, ids(2, 3)), ValueError,
         "row 1 of tokens", "nothing but padding"),
    case("source-beyond-its-vocabulary",
         lambda: both(source_vocab_size=4)(5 * ids(1, 3), ids(1, 3)), ValueError,
         "the id 5", "run from 0 to 3"),
    case("targets-of-another-length",
         lambda: both()(ids(2, 5), ids(2, 3), ids(2, 2)), ValueError,
         "targets has shape (2, 2)", "expected one target for each, (2, 3)"),
    case("decoder-without-memory", lambda: decoder()(ids(2, 3), None), TypeError,
         "memory is None", "expected a torch.Tensor", "left out of the call?"),
    case("decoder-memory-of-ids", lambda: decoder()(ids(2, 3), ids(2, 5)), ValueError,
         "memory has shape (2, 5)", "expected (batch, tokens, 8)"),
    case("decoder-memory-width", lambda: decoder()(ids(2, 3), torch.zeros(2, 5, 6)), ValueError,
         "memory has shape (2, 5, 6)", "expected (batch, tokens, 8)", "d_model=8"),
    case("decoder-memory-batch", lambda: decoder()(ids(2, 3), torch.zeros(3, 5, 8)), ValueError,
         "x holds 2 sequences and memory 3", "expected one memory"),
    case("decoder-memory-double", lambda: decoder()(ids(2, 3), STATES.double()), ValueError,
         "memory holds torch.float64", "hold torch.float32", "memory.to(torch.float32)"),
    case("decoder-memory-mask-batch-equals-length",
         lambda: decoder()(ids(2, 2), STATES, memory_mask=yes(2, 5)), ValueError,
         "memory_mask has shape (2, 5)", "expected (batch, 1, 1, source)", "padding_mask(source)"),
    case("decoder-memory-mask-of-floats",
         lambda: decoder()(ids(2, 3), STATES, memory_mask=torch.ones(2, 1, 1, 5)), TypeError,
         "mask holds torch.float32", "expected torch.bool"),
]  # fmt: skip

RECURRENT = [
    case("cell-of-ids", lambda: GRU(3, 4)(ids(2, 5)), ValueError,
         "x holds torch.int64", "embedding first"),
    case("cell-double", lambda: GRU(3, 4)(torch.zeros(2, 5, 3).double()), ValueError,
         "x holds torch.float64", "hold torch.float32", "x.to(torch.float32)"),
    case("cell-width", lambda: LSTM(3, 4)(torch.zeros(2, 5, 4)), ValueError,
         "x has shape (2, 5, 4)", "expected (batch, at least 1 token, 3)", "d_in=3"),
    case("cell-state-alone", lambda: GRU(3, 4)(torch.zeros(2, 5, 3), torch.zeros(2, 4)), ValueError,
         "state is a Tensor", "expected a tuple of 1", "(h,)"),
    case("cell-state-of-a-gru",
         lambda: LSTM(3, 4)(torch.zeros(2, 5, 3), (torch.zeros(2, 4),)), ValueError,
         "[(2, 4)]", "LSTM expects 2 of shape (2, 4)"),
    case("cell-state-double",
         lambda: GRU(3, 4)(torch.zeros(2, 5, 3), (torch.zeros(2, 4).double(),)), ValueError,
         "state holds torch.float64", "hold torch.float32"),
    case("cell-keep-list", lambda: GRU(3, 4)(torch.zeros(2, 5, 3), keep=[[True]]), TypeError,
         "keep is of type list", "expected a torch.Tensor", "torch.tensor(keep)"),
    case("cell-keep-of-floats",
         lambda: GRU(3, 4)(torch.zeros(2, 5, 3), keep=torch.ones(2, 5)), ValueError,
         "keep has shape (2, 5) and holds torch.float32", "expected one boolean"),
    case("cell-step-of-a-sequence",
         lambda: GRU(3, 4).step(torch.zeros(2, 5, 3), GRU(3, 4).start(2)), ValueError,
         "x has shape (2, 5, 3)", "expected (batch, 3)", "call the cell itself"),
    case("cells-as-classes", lambda: Bidirectional(GRU, GRU), TypeError,
         "ahead is the class GRU", "such as GRU(8, 16)", "parentheses"),
    case("cells-of-pytorch", lambda: Bidirectional(nn.GRU(3, 4), nn.GRU(3, 4)), TypeError,
         "of type torch.nn.modules.rnn.GRU", "expected a cell from glassbox.recurrent"),
    case("cells-of-two-widths", lambda: Bidirectional(GRU(3, 4), GRU(5, 4)), ValueError,
         "d_in=3 and back with d_in=5", "expected the same width"),
    case("look-back-width", lambda: DotAttention(3)(torch.zeros(2, 4), STATES[..., :3]), ValueError,
         "query has shape (2, 4)", "expected (batch, 3)"),
    case("look-back-double",
         lambda: AdditiveAttention(8, 8, 4)(STATES[:, 0], STATES.double()), ValueError,
         "keys holds torch.float64", "hold torch.float32", "keys.to(torch.float32)"),
    case("look-back-scores-of-one-query",
         lambda: AdditiveAttention(8, 8, 4).scores(STATES[:1, 0], STATES), ValueError,
         "1 queries and 2 sequences of keys", "expected one query for each"),
    case("look-back-mask-of-floats",
         lambda: DotAttention(8)(STATES[:, 0], STATES, torch.ones(2, 5)), ValueError,
         "holds torch.float32", "expected one boolean for each key"),
    case("look-back-at-one-row", lambda: NoAttention()(STATES[:, 0], STATES[0]), ValueError,
         "keys has shape (5, 8)", "expected (batch, source, d_key)"),
    case("recurrent-batches-differ", lambda: recurrent()(ids(2, 5), ids(3, 5)), ValueError,
         "batch of 3", "source one of 2", "expected one target for each source"),
    case("recurrent-source-list", lambda: recurrent()([[1]], ids(1, 1)), TypeError,
         "source is of type list", "torch.tensor(source)"),
    case("recurrent-elsewhere", lambda: recurrent()(ids(2, 5).to("meta"), ids(2, 5)), ValueError,
         "source lies on meta", "the model on cpu", "source.to('cpu')"),
    case("recurrent-row-of-padding", lambda: recurrent(pad_id=0)(EMPTY_ROW, ids(2, 3)), ValueError,
         "row 1", "nothing but padding"),
    case("recurrent-step-of-a-number", lambda: step(3), TypeError,
         "token is of type int", "torch.tensor(token)"),
    case("recurrent-step-of-a-column", lambda: step(ids(2, 1)), ValueError,
         "token has shape (2, 1)", "expected (batch,)", "call the model itself"),
    case("recurrent-step-of-states", lambda: step(ids(2), encoded=(STATES, STATES)), TypeError,
         "encoded is of type tuple", "expected what model.encode(source) returned"),
    case("recurrent-labels-column",
         lambda: RecurrentClassifier(RecurrentConfig(**CELLS), 2)(ids(2, 5), ids(2, 1)), ValueError,
         "targets has shape (2, 1)", "expected one target for each, (2,)", "squeeze(-1)"),
]  # fmt: skip

LOSSES = [
    case("loss-turned-round", lambda: cross_entropy(ids(2, 5), torch.zeros(2, 5, 11)), TypeError,
         "logits holds torch.int64", "expected floating-point scores", "(logits, targets)"),
    case("loss-of-an-output",
         lambda: cross_entropy(Output(torch.zeros(2, 11), None), ids(2)), TypeError,
         "logits is of type Output", "expected a torch.Tensor", "logits, loss ="),
    case("loss-of-nothing", lambda: cross_entropy(torch.zeros(0, 11), ids(0)), ValueError,
         "there is no target", "Leave such a batch out"),
    case("loss-of-a-number", lambda: cross_entropy(torch.tensor(1.0), torch.tensor(1)), TypeError,
         "of shape ()", "expected floating-point scores, shape (..., classes)"),
    case("contrast-of-unequal-sides",
         lambda: contrastive_loss(torch.zeros(4, 3), torch.zeros(5, 3)), ValueError,
         "(4, 3)", "(5, 3)", "expected the same of both: (pairs, d_model)"),
    case("contrast-of-two-types",
         lambda: contrastive_loss(torch.zeros(4, 3), torch.zeros(4, 3).double()), ValueError,
         "torch.float32", "torch.float64", "expected the same of both"),
    case("contrast-of-one-pair",
         lambda: contrastive_loss(torch.zeros(1, 3), torch.zeros(1, 3)), ValueError,
         "hold 1 vectors", "expected 2 or more"),
    case("contrast-without-temperature",
         lambda: contrastive_loss(torch.zeros(4, 3), torch.zeros(4, 3), 0), ValueError,
         "temperature is 0", "expected a positive number, such as 0.05"),
    case("pooling-of-ints", lambda: AttentionPooling(8)(STATES, ids(2, 5)), TypeError,
         "real holds torch.int64", "expected torch.bool", "tokens != pad_id"),
    case("pooling-of-floats", lambda: MeanPooling(8)(STATES, torch.ones(2, 5)), TypeError,
         "real holds torch.float32", "expected torch.bool", "tokens != pad_id"),
    case("pooling-of-a-mask", lambda: MeanPooling(8)(STATES, yes(2, 1, 1, 5)), ValueError,
         "real (2, 1, 1, 5)", "expected (batch, tokens, d_model) and (batch, tokens)"),
    case("pooling-that-would-stretch", lambda: MaxPooling(8)(STATES, yes(2, 1)), ValueError,
         "real (2, 1)", "expected (batch, tokens, d_model) and (batch, tokens)"),
    case("mean-of-padding", lambda: MeanPooling(8)(STATES, ~yes(2, 5)), ValueError,
         "row 0, 1 of real holds nothing but padding", "Expected a real token"),
    case("maximum-of-padding", lambda: MaxPooling(8)(STATES, EMPTY_ROW.repeat(1, 3)[:, :5] > 0),
         ValueError, "row 1 of real holds nothing but padding", "Expected a real token"),
    case("first-token-is-padding",
         lambda: FirstToken(8)(STATES, torch.arange(5).expand(2, 5) > 0), ValueError,
         "row 0, 1 of real starts with padding", "with the padding behind it"),
    case("pooling-double", lambda: AttentionPooling(8)(STATES.double(), yes(2, 5)), ValueError,
         "states holds torch.float64", "hold torch.float32", "states.to(torch.float32)"),
]  # fmt: skip

CASES = [*SETTINGS, *DECODER_ONLY, *ENCODERS, *RECURRENT, *LOSSES]


@reader
@pytest.mark.parametrize("wrong", CASES)
def test_a_wrong_call_is_told_what_was_given_what_was_expected_and_a_way_out(wrong):
    message = message_of(wrong)
    for part in wrong.parts:
        assert part in message, f"{part!r} is not in {message!r}"
    assert not faults(message), f"{faults(message)}: {message}"


def test_many_wrong_calls_are_tried_each_under_a_name_of_its_own():
    assert len({wrong.id for wrong in CASES}) == len(CASES) >= 130


@reader
@pytest.mark.parametrize(
    "call",
    [
        lambda: gpt()(ids(2, 12)).logits,
        lambda: gpt()(ids(1, 1)).logits,
        lambda: gpt()(10 * ids(2, 5)).logits,
        lambda: gpt()(ids(2, 5).int()).logits,
        lambda: gpt(n_heads=8)(ids(2, 5)).logits,
        lambda: gpt(n_kv_heads=1)(ids(2, 5)).logits,
        lambda: gpt()(ids(2, 12), caches=gpt().new_caches(2)).logits,
        lambda: gpt()(ids(2, 4), caches=gpt().new_caches(2, capacity=4)).logits,
        lambda: gpt()(ids(2, 5), positions=torch.arange(5) + 7).logits,
        lambda: gpt(causal=False)(ids(2, 5), mask=masks.prefix(5, 5)).logits,
        lambda: gpt()(ids(1, 3), torch.tensor([[-100, -100, 10]])).loss,
        lambda: gpt()(ids(1, 3), ids(1, 3).to(torch.uint8)).loss,
        lambda: gpt(dropout=0.999)(ids(2, 5)).logits,
        lambda: encoder()(torch.tensor([[1, 0, 0], [1, 2, 3]])),
        lambda: encoder(pad_id=10)(torch.tensor([[0, 10, 10]])),
        lambda: encoder(pad_id=None)(torch.tensor([[0, 0]])),
        lambda: encoder()(ids(2, 5), mask=yes(2, 1, 5, 5)),
        lambda: classifier()(ids(2, 5), torch.tensor([0, 2])).loss,
        lambda: both()(ids(2, 12), ids(2, 12)).logits,
        lambda: both(source_vocab_size=4)(3 * ids(1, 2), 10 * ids(1, 2)).logits,
        lambda: decoder()(ids(2, 3), STATES[:, :1], memory_mask=yes(2, 1, 1, 1)),
        lambda: recurrent(pad_id=0)(torch.tensor([[0, 1]]), ids(1, 1)).logits,
        lambda: cross_entropy(torch.zeros(11), torch.tensor(3)),
        lambda: contrastive_loss(torch.ones(2, 3), torch.ones(2, 3)),
        lambda: MeanPooling(8)(STATES, torch.arange(5).expand(2, 5) == 4),
        lambda: FirstToken(8)(STATES, torch.arange(5).expand(2, 5) == 0),
        lambda: initialize_gpt2(gpt()).head.weight,
    ],
)
def test_what_is_just_inside_the_border_works(call):
    assert call().isfinite().all()


@reader
def test_a_refused_call_leaves_the_caches_as_they_were():
    model = gpt()
    caches = model.new_caches(2)
    model(ids(2, 3), caches=caches)
    for tokens in (11 * ids(2, 1), ids(2, 10), ids(3, 1)):
        with pytest.raises(ValueError):
            model(tokens, caches=caches)
    assert [cache.length for cache in caches] == [3, 3]


@reader
def test_autocast_may_mix_types():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for positions in ("learned", "sinusoidal", "rotary"):
            assert gpt(positions=positions)(ids(2, 5), ids(2, 5)).loss.isfinite()
        assert recurrent(attention="additive")(ids(2, 5), ids(2, 3)).logits.isfinite().all()
