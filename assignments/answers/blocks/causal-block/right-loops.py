# Text by text, head by head, token by token: each looks back at what it may see.
class Block(nn.Module):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__()
        self.n_heads, self.d_head = n_heads, d_model // n_heads
        self.norm_1 = nn.LayerNorm(d_model)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, d_model, bias=False)
        self.w_v = nn.Linear(d_model, d_model, bias=False)
        self.w_o = nn.Linear(d_model, d_model)
        self.norm_2 = nn.LayerNorm(d_model)
        self.w_in = nn.Linear(d_model, d_ff)
        self.w_out = nn.Linear(d_ff, d_model)

    def head(self, q, k, v, real):
        rows = []
        for t in range(q.shape[1]):
            scores = (k[:, : t + 1] * q[:, t : t + 1]).sum(-1) / self.d_head**0.5
            if real is not None:
                scores = scores.masked_fill(~real[:, : t + 1], -torch.inf)
            rows.append((scores.softmax(-1)[..., None] * v[:, : t + 1]).sum(1))
        return torch.stack(rows, dim=1)

    def forward(self, x, real=None):
        normed, heads = self.norm_1(x), []
        q, k, v = self.w_q(normed), self.w_k(normed), self.w_v(normed)
        for h in range(self.n_heads):
            own = slice(h * self.d_head, (h + 1) * self.d_head)
            heads.append(self.head(q[..., own], k[..., own], v[..., own], real))
        x = x + self.w_o(torch.cat(heads, dim=-1))
        return x + self.w_out(F.gelu(self.w_in(self.norm_2(x))))
