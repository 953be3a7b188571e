"""The post-norm Transformer in float64 loops over sentences without padding: slow, and plain to see."""

import math

import numpy as np


def positions(length, width, first=2):
    half = width // 2
    table = np.zeros((length, width))
    for p in range(length):
        for i in range(half):
            angle = (p + first) / 10000 ** (i / (half - 1))
            table[p, i], table[p, half + i] = math.sin(angle), math.cos(angle)
    return table


def embed(tokens, params):
    table = params["embedding"]
    return table[tokens] * math.sqrt(table.shape[1]) + positions(len(tokens), table.shape[1])


def norm(x, of, epsilon):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon) * of["scale"] + of["bias"]


def dense(x, of):
    return x @ of["kernel"] + of["bias"]


def attention(queries, keys, values, heads, causal):
    out = np.zeros_like(queries)
    size = queries.shape[1] // heads
    for h in range(heads):
        own = slice(h * size, (h + 1) * size)
        for t in range(len(queries)):
            seen = t + 1 if causal else len(keys)
            scores = keys[:seen, own] @ queries[t, own] / math.sqrt(size)
            weights = np.exp(scores - scores.max())
            out[t, own] = (weights / weights.sum()) @ values[:seen, own]
    return out


def layer(x, params, heads, epsilon, source=None):
    def feed_forward(x):
        return dense(np.maximum(dense(x, params["widen"]), 0), params["narrow"])

    own = params["self_attention"]
    q, k, v = np.split(dense(x, own["projections"]), 3, axis=1)
    x = norm(x + dense(attention(q, k, v, heads, source is not None), own["out"]), params["attention_norm"], epsilon)
    if source is not None:
        own = params["cross_attention"]
        k, v = np.split(dense(source, own["projections"]), 2, axis=1)
        found = attention(dense(x, own["query"]), k, v, heads, False)
        x = norm(x + dense(found, own["out"]), params["source_norm"], epsilon)
    return norm(x + feed_forward(x), params["feed_forward_norm"], epsilon)


def logits(source, target_in, params, heads, layers, epsilon=1e-5):
    """(S,) and (T,) tokens without padding -> (T, V)."""
    x, y = embed(source, params), embed(target_in, params)
    for i in range(layers):
        x = layer(x, params[f"encoder_{i}"], heads, epsilon)
    for i in range(layers):
        y = layer(y, params[f"decoder_{i}"], heads, epsilon, x)
    return y @ params["embedding"].T
