# One matrix of turns for each token, and one einsum.
def turn_part(x, positions, r, base=10000.0):
    batch, seq = positions.shape
    turn = torch.eye(x.shape[-1]).repeat(batch, seq, 1, 1)
    for i in range(0, r, 2):
        phi = positions * base ** (-i / r)
        turn[:, :, i, i] = turn[:, :, i + 1, i + 1] = phi.cos()
        turn[:, :, i, i + 1] = -phi.sin()
        turn[:, :, i + 1, i] = phi.sin()
    return torch.einsum("btij,bhtj->bhti", turn, x)
