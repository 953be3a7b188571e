"""What benches take from the package is there: most of them run in slow tests alone."""

import ast
import importlib
import importlib.util
import pathlib

BENCHES = sorted((pathlib.Path(__file__).parents[2] / "benchmarks").glob("*.py"))
OURS = ("sbn", "experiments", "launch")


def missing(source):
    """Names imported from our packages, and attributes of modules imported from them, that are not there."""
    nodes, modules, lacking = list(ast.walk(ast.parse(source))), {}, []
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in OURS:
            origin = importlib.import_module(node.module)
            for alias in node.names:
                path = f"{node.module}.{alias.name}"
                if hasattr(origin, "__path__") and importlib.util.find_spec(path):
                    modules[alias.asname or alias.name] = importlib.import_module(path)
                elif not hasattr(origin, alias.name):
                    lacking.append(path)
    # a variable may have a module's name
    taken = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    taken |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id not in taken:
            module = modules.get(node.value.id)
            if module is not None and not hasattr(module, node.attr):
                lacking.append(f"{module.__name__}.{node.attr}")
    return lacking


def test_what_benches_take_from_the_package_is_there():
    assert {path.name: lacking for path in BENCHES if (lacking := missing(path.read_text()))} == {}


def test_what_is_not_there_is_found():
    code = (
        "from sbn.data import sources\ndef f():\n    from sbn.data.views import View, Viwe\n    sources.CHANNELS['a']"
    )
    assert missing(code) == ["sbn.data.views.Viwe", "sbn.data.sources.CHANNELS"]
