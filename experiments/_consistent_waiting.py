"""Tables of Consistent Normalization that can't be run yet: segmentation and translation."""

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
_TRANSLATION = "translation: the Transformer, WMT16 English to German"
_LENGTHS = "sentences as they are, and of 0.5 and 1.5 times their length"
TABLE7 = Table(
    "Translation, BLEU on newstest2014 (big Transformer)",
    {
        "ln": Row(
            {}, (Paper(29.3, "test/main/bleu", scale=1),), "Table 7, LN (Ott et al. 2018)", waits_for=_TRANSLATION
        ),
        "cn": Row({}, (Paper(29.4, "test/main/bleu", scale=1),), "Table 7, CN", note=_LENGTHS, waits_for=_TRANSLATION),
        "ln_three_lengths": Row({}, where="LN shared by CN's three lengths (ours)", waits_for=_TRANSLATION),
    },
)
