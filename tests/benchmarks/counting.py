"""A bench that takes no time: its ratio is its batch."""

from benchmarks import rounds


def bench(*, batch, variants):
    if variants == "all":
        raise SystemExit(3)
    return [rounds.line("batch", batch)], {"variants": variants}


if __name__ == "__main__":
    rounds.main(__doc__, bench, cached=False, batch=(32, 4), variants=("plain,split", "plain"))
