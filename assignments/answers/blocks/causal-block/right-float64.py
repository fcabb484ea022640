# The softmax in double precision, by hand; heads are chunks; the result is cast back.
class Block(nn.Module):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__()
        self.n_heads = n_heads
        self.norm_1, self.norm_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, d_model, bias=False)
        self.w_v = nn.Linear(d_model, d_model, bias=False)
        self.w_o = nn.Linear(d_model, d_model)
        self.w_in, self.w_out = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(self, x, real=None):
        normed = self.norm_1(x)
        places = torch.arange(x.shape[1])
        allowed = (places <= places[:, None]).expand(len(x), -1, -1)
        if real is not None:
            allowed = allowed & real.unsqueeze(1)
        heads = []
        triples = zip(
            *(w(normed).chunk(self.n_heads, -1) for w in (self.w_q, self.w_k, self.w_v)),
            strict=True,
        )
        for q, k, v in triples:
            scores = torch.bmm(q.double(), k.double().transpose(1, 2)) / q.shape[-1] ** 0.5
            scores = scores - scores.amax(-1, keepdim=True)
            powers = scores.exp() * allowed
            heads.append((powers / powers.sum(-1, keepdim=True)).to(v.dtype) @ v)
        x = x + self.w_o(torch.cat(heads, -1))
        return x + self.w_out(F.gelu(self.w_in(self.norm_2(x))))
