"""What a finished job's result.json holds."""


def result_of(job, *, seconds=1.0, config=None):
    """Every field that the file must have, of a run of one step."""
    names = {"experiment": "split_bn", "row": job.row, "seed": job.seed, "overrides": {}, "metrics": {}}
    return {**names, "steps": 1, "seconds": seconds, "config": job.config if config is None else config}
