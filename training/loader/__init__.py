"""From the Parquet parts of a split to batches of arrays, in an order that can be told again.

`order` says which rows come when and which of them are a shard's, `encoding` turns columns into arrays,
`batches` reads and cuts; these need numpy alone. `torch_batches` is what PyTorch's DataLoader takes, `handing` brings
batches out of its workers; only these two import torch, an optional extra.
"""
