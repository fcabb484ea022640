def pack(rows, documents):
    """Starts of documents by a running maximum; everything but the mask in float64."""
    length = rows.shape[1]
    place = torch.arange(length, dtype=torch.float64).expand_as(rows)
    new = torch.ones_like(rows, dtype=torch.bool)
    new[:, 1:] = documents[:, 1:] != documents[:, :-1]
    start = (place * new).cummax(dim=1).values
    padding = documents < 0
    positions = (place - start).masked_fill(padding, 0)
    start = torch.where(padding, place, start)
    mask = (place[:, None, :] <= place[:, :, None]) & (place[:, None, :] >= start[:, :, None])
    ignored = new[:, 1:] | padding[:, 1:]
    targets = rows[:, 1:].double().masked_fill(ignored, -100)
    return rows[:, :-1].double(), targets, positions[:, :-1], mask[:, None, :-1, :-1]
