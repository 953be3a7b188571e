"""Published facts that tests hold the code against, as JSON: settings and numbers of the papers' rows, AutoAugment's
sub-policies, AlexNet's errors on ImageNet-C.

The entries of a paper stand in the order of its tables. `not_in_paper` names settings that the paper leaves open: these
come from its code or from a companion paper.
"""

import functools
import json
import pathlib

# Of each experiments file
TITLES = {
    "split_bn": "Does Data Augmentation Benefit from Split BatchNorms? (Merchant, Zoph, Cubuk 2020)",
    "refine": "Data Augmentation Revisited: Rethinking the Distribution Gap between Clean and Augmented Data"
    " (He et al. 2019)",
    "consistent": "Towards Improving Generalization of Deep Networks via Consistent Normalization (Zhou et al. 2019)",
}


@functools.cache
def load(name):
    """Returns the content of NAME.json."""
    return json.loads((pathlib.Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
