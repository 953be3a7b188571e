"""What has become of a sweep: `python -m launch.status --experiment=split_bn:table3 --seeds=0:10 --root=runs`."""

from collections.abc import Sequence

from launch import summary, sweep
from launch.plan import remarks
from launch.state import look
from sbn.config.arguments import Parser
from sbn.runs import commands
from sbn.runs.text import plain


@commands.command("python -m launch.status")
def main(argv: Sequence[str]) -> int:
    """Returns the exit code: 0 if every job is done, 1 if not, 2 for a bad command line."""
    parser = Parser(
        "python -m launch.status",
        description="Prints the state of the jobs of a sweep: give the same --experiment, --seeds, --set and --root.",
        examples=("--experiment=split_bn:table3 --seeds=0:10 --root=runs",),
    )
    sweep.arguments(parser)
    options = parser.parse_args(argv)
    jobs = sweep.plan(options)
    states = [look(job) for job in jobs]
    print(
        plain("\n".join([*remarks(options.experiment), *summary.by_row(jobs, states), *summary.describe(jobs, states)]))
    )
    if others := summary.others(jobs):
        print(plain("\n".join(others)))
    if left := summary.time_left(jobs, states, parallel=1):
        print(left)
    return int(any(state.kind != "done" for state in states))


if __name__ == "__main__":
    commands.start(main)
