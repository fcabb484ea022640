# Queries, keys and values have biases that the text does not name.
# points: causal-block-values 2, causal-block-mask 2, causal-block-learning 2
# says: does not name
class Block(nn.Module):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__()
        self.n_heads = n_heads
        self.norm_1, self.norm_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.w_q = nn.Linear(d_model, d_model)
        self.w_k = nn.Linear(d_model, d_model)
        self.w_v = nn.Linear(d_model, d_model)
        self.w_o = nn.Linear(d_model, d_model)
        self.w_in, self.w_out = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def split(self, x):
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)

    def attention(self, x, real):
        seq = x.shape[1]
        q, k, v = self.split(self.w_q(x)), self.split(self.w_k(x)), self.split(self.w_v(x))
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        allowed = torch.ones(seq, seq, dtype=torch.bool).tril()
        if real is not None:
            allowed = allowed & real[:, None, None, :]
        weights = scores.masked_fill(~allowed, -torch.inf).softmax(dim=-1)
        return self.w_o((weights @ v).transpose(1, 2).flatten(2))

    def forward(self, x, real=None):
        x = x + self.attention(self.norm_1(x), real)
        return x + self.w_out(F.gelu(self.w_in(self.norm_2(x))))
