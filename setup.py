"""Builds what setup.cfg describes; only where packages go is said here.

An installed wheel claims no import name but `sbn`: `experiments` and `launch` go inside of it, as sbn/bundled, from
where the `sbn` command reads them (sbn/config/beside.py). An editable installation leaves the checkout as it is.
"""

import sys

from setuptools import find_packages, setup

_BESIDE = ["experiments", "launch"]

if "editable_wheel" in sys.argv or "develop" in sys.argv:
    setup(
        packages=find_packages(include=["sbn*", *(f"{name}*" for name in _BESIDE)]), package_data={"sbn": ["py.typed"]}
    )
else:
    inside = find_packages(include=[f"{name}*" for name in _BESIDE])
    setup(
        packages=[*find_packages(include=["sbn*"]), *(f"sbn.bundled.{name}" for name in inside)],
        package_dir={"sbn.bundled.experiments": "experiments", "sbn.bundled.launch": "launch"},
        package_data={"sbn": ["py.typed"], "sbn.bundled.launch.notebooks": ["text/*.py"]},
    )
