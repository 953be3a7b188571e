"""A worker whose measures count up and down."""

from benchmarks import worker


def build(*, start):
    count = [start]

    def moved(by):
        print("working")
        count[0] += by
        return {"wall": count[0]}

    return {"start": start}, {"up": lambda: moved(1), "down": lambda: moved(-1)}


if __name__ == "__main__":
    worker.serve(build)
