# Takes document 0 for padding.
# says: document 0 is taken for padding
def pack(rows, documents):
    inputs = rows[:, :-1]
    d = documents[:, :-1]
    nxt = documents[:, 1:]
    same = (d == nxt) & (d > 0)
    targets = torch.where(same, rows[:, 1:], -100)
    T = inputs.shape[1]
    positions = torch.zeros_like(inputs)
    for t in range(1, T):
        cont = (d[:, t] == d[:, t - 1]) & (d[:, t] > 0)
        positions[:, t] = torch.where(cont, positions[:, t - 1] + 1, 0)
    eq = d[:, None, :, None] == d[:, None, None, :]
    causal = torch.tril(torch.ones(T, T, dtype=torch.bool))
    real = (d > 0)[:, None, :, None]
    mask = (eq & causal & real) | torch.eye(T, dtype=torch.bool)
    return inputs, targets, positions, mask
