"""The options of sbatch, so that a slip in one is told before anything is submitted, and where there is no SLURM."""

from collections.abc import Iterable

from sbn.config.errors import unknown

# The long options of SLURM 22.05 to 24.11 that say something about a job; those that submitit needs are left out
_NAMES = """
account acctg-freq batch bb bbf begin chdir cluster-constraint clusters comment constraint container container-id
contiguous core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot dependency
distribution exclude exclusive export export-file extra extra-node-info get-user-env gid gpu-bind gpu-freq gpus
gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint hold input job-name kill-on-invalid-dep licenses
mail-type mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mincpus network nice no-kill no-requeue nodefile
nodelist nodes ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket oom-kill-step open-mode
overcommit oversubscribe partition power prefer priority profile propagate qos reboot requeue reservation
resv-ports segment signal sockets-per-node spread-job stepmgr switches thread-spec threads-per-core time time-min
tmp tres-bind tres-per-task uid use-min-nodes wait-all-nodes wckey
"""
OPTIONS = frozenset(_NAMES.split())


def check_options(names: Iterable[str]) -> None:
    """Refuses a name that is no option of sbatch; underscores stand for dashes, as submitit has it.

    Raises:
        ConfigError: for the first such name.
    """
    for name in names:
        if name.replace("_", "-") not in OPTIONS:
            raise unknown("option of sbatch in --engine_set", name, [option.replace("-", "_") for option in OPTIONS])
