"""A SLURM cluster of two nodes on this machine, for as long as a block runs."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

PROGRAMS = ("munged", "slurmctld", "slurmd", "scontrol", "sinfo", "srun", "sbatch")
NODES = ("sbn1", "sbn2")


def why_not() -> str:
    """What keeps a cluster from running here; '' if nothing does."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)}: apt-get install slurmctld slurmd slurm-client munge"
    return "" if os.geteuid() == 0 else "needs root: slurmd starts tasks as other users"


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


CONFIG = """
ClusterName=sbn
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdTimeout=10
KillWait=120
{nodes}
PartitionName=all Nodes={names} Default=YES MaxTime=INFINITE State=UP
"""


class Cluster:
    """Two running nodes; `env` is what its clients need."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, *words: str) -> str:
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self._processes[name] = subprocess.Popen(words, env=self.env, stdout=out, stderr=subprocess.STDOUT)

    def start_node(self, name: str) -> None:
        self.start(name, "slurmd", "-D", "-N", name)

    def kill_node(self, name: str) -> None:
        """As when a machine dies: the daemon, and all that runs under it."""
        daemon = self._processes.pop(name)
        daemon.kill()
        daemon.wait()
        kill_tasks(name)

    def stop(self) -> None:
        """Ends the daemons, and what still runs of their jobs: it would go on in folders of later tests."""
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for name in NODES:
            kill_tasks(name)


def kill_tasks(node: str) -> None:
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may end while we look
            if f"SLURMD_NODENAME={node}".encode() in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


@contextlib.contextmanager
def cluster(folder: pathlib.Path) -> Iterator[Cluster]:
    """Yields a cluster whose files lie in a folder, which must be reachable by every user."""
    controller, *ports = free_ports(1 + len(NODES))
    host = socket.gethostname().split(".")[0]
    nodes = "\n".join(
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={os.cpu_count()} RealMemory=4000"
        for name, port in zip(NODES, ports, strict=True)
    )
    for name in ("munge", "state", *(f"spool.{node}" for node in NODES)):
        (folder / name).mkdir(parents=True)
    text = CONFIG.format(host=host, controller=controller, folder=folder, nodes=nodes, names=",".join(NODES))
    (folder / "slurm.conf").write_text(text)
    munge = folder / "munge"
    (munge / "key").write_bytes(os.urandom(128))
    (munge / "key").chmod(0o400)
    for path in (munge, munge / "key"):
        shutil.chown(path, "munge", "munge")
    munge.chmod(0o755)
    hosts = pathlib.Path("/etc/hosts").read_text()
    one = Cluster(folder)
    try:
        pathlib.Path("/etc/hosts").write_text(f"{hosts.rstrip()}\n127.0.0.1 {' '.join(NODES)}\n")
        files = [f"--{name}-file={munge}/{name}" for name in ("key", "pid", "log", "seed")]
        one.start("munged", "runuser", "-u", "munge", "--", "munged", "-F", f"--socket={munge}/socket", *files)
        while not (munge / "socket").exists():
            time.sleep(0.05)
        one.start("slurmctld", "slurmctld", "-D", "-i")
        for node in NODES:
            one.start_node(node)
        deadline = time.monotonic() + 60
        while not all_idle(one):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the nodes are {status(one)!r}: see {folder}")
            time.sleep(0.2)
        yield one
    finally:
        one.stop()
        pathlib.Path("/etc/hosts").write_text(hosts)


def all_idle(one: Cluster) -> bool:
    """Whether every node is there and has nothing to do."""
    return status(one).split() == ["idle"] * len(NODES)


def status(one: Cluster) -> str:
    try:
        return one.run("sinfo", "-h", "-N", "-o", "%t")
    except RuntimeError as error:
        return str(error)
