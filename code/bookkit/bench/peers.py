"""Other implementations of the same model, called the same way."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from glassbox.bench.work import SHAPE


class TorchGPT(nn.Module):
    """The small model out of PyTorch's own layers: `nn.TransformerEncoder` with a causal mask."""

    def __init__(self) -> None:
        """Build it with the sizes of the comparison."""
        super().__init__()
        width, length = SHAPE["d_model"], SHAPE["context_length"]
        self.tokens = nn.Embedding(SHAPE["vocab_size"], width)
        self.places = nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(
            width, SHAPE["n_heads"], 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        options = {"enable_nested_tensor": False, "norm": nn.LayerNorm(width)}
        self.blocks = nn.TransformerEncoder(layer, SHAPE["n_layers"], **options)
        self.head = nn.Linear(width, SHAPE["vocab_size"], bias=False)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of each next token."""
        x = self.tokens(tokens) + self.places.weight
        return self.head(self.blocks(x, mask=self.mask, is_causal=True))


def hugging_face(vocab_size: int, length: int, width: int, heads: int, layers: int) -> nn.Module:
    """Return Hugging Face's GPT-2 of these sizes, with random parameters and no dropout."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"vocab_size": vocab_size, "n_positions": length, "n_embd": width}
    depth = {"n_head": heads, "n_layer": layers}
    still = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    ends = {"bos_token_id": None, "eos_token_id": None}
    return GPT2LMHeadModel(GPT2Config(**sizes, **depth, **still, **ends))


def x_transformers(length: int) -> nn.Module:
    """Return x-transformers' decoder of the small sizes, with learned positions."""
    from x_transformers import Decoder, TransformerWrapper

    heads = SHAPE["n_heads"]
    options = {"attn_dim_head": SHAPE["d_model"] // heads, "attn_flash": True}
    layers = Decoder(dim=SHAPE["d_model"], depth=SHAPE["n_layers"], heads=heads, **options)
    return TransformerWrapper(
        num_tokens=SHAPE["vocab_size"], max_seq_len=length, attn_layers=layers
    )


def hugging_face_writes(model: nn.Module, n_tokens: int) -> Callable[[], None]:
    """Return a function that lets Hugging Face's model write, always the likeliest token."""
    prompt = torch.zeros(1, 1, dtype=torch.long)

    def write() -> None:
        options = {"do_sample": False, "use_cache": True, "pad_token_id": 0}
        with torch.no_grad():
            model.generate(
                prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=n_tokens, **options
            )

    return write


def x_transformers_writes(model: nn.Module, n_tokens: int) -> Callable[[], None]:
    """Return a function that lets x-transformers' model write, always the likeliest token."""
    from x_transformers import AutoregressiveWrapper

    writer = AutoregressiveWrapper(model)
    prompt = torch.zeros(1, 1, dtype=torch.long)

    def write() -> None:
        with torch.no_grad():
            writer.generate(prompt, n_tokens, temperature=0.0, cache_kv=True)

    return write
