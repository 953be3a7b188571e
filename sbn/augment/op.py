"""What an op of a pipeline string is: a frozen dataclass that checks its own arguments."""

import dataclasses
from typing import ClassVar

from sbn.augment.arguments import checked


@dataclasses.dataclass(frozen=True)
class Op:
    """One step of a pipeline.

    `where` says what the op needs: `'image'` ops see one image at a time and run in the data pipeline, `'batch'` ops
    need the other images and `'model'` ops the network; those two run inside the training step.

    Raises:
        ValueError: an argument of the wrong type or out of range.
    """

    name: ClassVar[str] = ""
    where: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = checked(self.name, field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """Returns how many uint32 draws an image of (height, width) consumes."""
        raise NotImplementedError
