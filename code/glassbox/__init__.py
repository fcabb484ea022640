"""The Glass-Box Transformer: every part of a transformer, small enough to see through.

The package is a house of seven floors. A module imports from its own floor and from those below it,
never from above, so it can be read from the ground up::

    floor 6  bench  cli  __main__
    floor 5  costs  exercises  explorer  figures  generation  inspection  invariants  mistakes
             recipes  training
    floor 4  gpt  encoder  classifier  encoder_decoder  recurrent  distributed
    floor 3  config  block  initialization  assembly  transformer  pooling  losses  pretrained
    floor 2  attention  norms  feedforward
    floor 1  masks  positions  tokenizers  corpora
    floor 0  blank  checks  tap

Floor 0 checks arguments. Floor 1 says who may attend to whom and where tokens stand, and turns text
into token ids; floor 2 holds the parts of a block, floor 3 puts them together, floor 4 is what one
trains; floor 5 trains it, lets it write and looks into it, and floor 6 is the command line. The way
of a text through a GPT::

    tokens (B, T)
      token_embedding, then positions if they act at the embeddings
      each block:
        x + attention(norm_1(x))       w_q, w_k, w_v; positions turn queries and keys;
                                       a cache adds the keys of earlier tokens;
                                       scores + bias of positions; mask; softmax; w_o
        x + feed_forward(norm_2(x))    w_in, activation, w_out
      norm, head
    Output(logits (B, T, vocab_size), loss)

A model takes its parts by name from a configuration. To add one: a position scheme is a subclass of
`Positions` and a line in `POSITIONS`; a norm, a line in `NORMS`; a feed-forward network, a line in
`FEED_FORWARDS`. Whatever has no name is handed to `Block` directly. Attention weights are seen from
outside: `with record_attention(model) as recorded: model(tokens)`.
"""

from typing import Any

__all__ = ["check"]


def __getattr__(name: str) -> Any:
    """Import `check` when it is asked for, so that `import glassbox` stays quick."""
    if name == "check":
        from glassbox.invariants import check

        return check
    raise AttributeError(f"module 'glassbox' has no attribute {name!r}")
