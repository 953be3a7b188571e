"""The table of Consistent Normalization that can't be run yet: segmentation."""

from sbn.config.rows import Paper, Row, Table

_TABLE6 = {"bn": (69.8, 70.63, "BN"), "bn_gta": (60.9, 64.05, "BN + GTAV"), "cn_gta": (70.7, 71.85, "CN + GTAV")}
TABLE6 = Table(
    "Segmentation of Cityscapes, with and without GTA5 (DeepLab, ResNet-50)",
    {
        name: Row(
            {},
            (Paper(printed, "validation/main/miou"),),
            f"Table 6, {words}",
            note=f"the mean of the row's own 19 classes is {mean:g}",
            waits_for="segmentation: DeepLab, Cityscapes and GTA5",
        )
        for name, (printed, mean, words) in _TABLE6.items()
    },
)
