"""A command of the tests' own: prints hashes of the arrays of a run's last state, or of an exported network."""

import hashlib
import json

import jax
import numpy as np
from etils import epath

from sbn import export
from sbn.config import tree
from sbn.nn.branches import select_branch
from sbn.runs import commands, files
from tests.e2e import runs


@commands.command("ends")
def main(words):
    """`state RUN` prints the hashes of a run's last state; `export FOLDER` compares an export with the run it names."""
    kind, folder = words
    if kind == "state":
        print(json.dumps(_hashes(runs.final_state(folder))))
        return
    net = export.load(folder)
    about = net.about["run"]
    branches = tree.branch_names(files.read_config(epath.Path(about["workdir"])))
    state = runs.final_state(about["workdir"])
    whole = select_branch(state.variables, branches.index(net.about["branch"]))
    assert about["step"] == int(state.step)
    assert _hashes(net.variables) == _hashes(whole), f"not the branch {net.about['branch']} that its description names"


def _hashes(arrays):
    leaves = jax.tree_util.tree_leaves_with_path(arrays)
    return {jax.tree_util.keystr(path): hashlib.sha256(np.asarray(leaf).tobytes()).hexdigest() for path, leaf in leaves}
