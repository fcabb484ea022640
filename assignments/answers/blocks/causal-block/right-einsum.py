# Attention and merging in einsums; a mask that is added.
class Block(nn.Module):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__()
        self.heads = n_heads, d_model // n_heads
        for name in ("w_q", "w_k", "w_v"):
            setattr(self, name, nn.Linear(d_model, d_model, bias=False))
        self.w_o = nn.Linear(d_model, d_model)
        self.w_in = nn.Linear(d_model, d_ff)
        self.w_out = nn.Linear(d_ff, d_model)
        self.norm_1 = nn.LayerNorm(d_model)
        self.norm_2 = nn.LayerNorm(d_model)
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, x, real=None):
        normed, seq = self.norm_1(x), x.shape[1]
        w_q, w_k, w_v = (w.weight.unflatten(0, self.heads) for w in (self.w_q, self.w_k, self.w_v))
        q, k, v = (torch.einsum("btc,hdc->bthd", normed, w) for w in (w_q, w_k, w_v))
        scores = torch.einsum("bthd,bshd->bhts", q, k) * self.heads[1] ** -0.5
        scores = scores + torch.full((seq, seq), -torch.inf).triu(1)
        if real is not None:
            scores = torch.where(real[:, None, None], scores, -1e9)
        w_o = self.w_o.weight.unflatten(1, self.heads)
        written = torch.einsum("bhts,bshd,chd->btc", scores.softmax(-1), v, w_o)
        middle = x + written + self.w_o.bias
        return middle + self.w_out(F.gelu(self.w_in(self.norm_2(middle))))
