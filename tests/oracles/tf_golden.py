"""SHA-256 sums of what the TensorFlow code's ops make of a 16 x 16 image, with filling grey 128."""

import hashlib

import numpy as np

# (op, signed argument, sum)
GOLDEN = [
    ("AutoContrast", None, "9a6eb1716166a1a437905381695d74e2097461b6c98d9a0b7544654deb04a4e6"),
    ("Equalize", None, "e5c2b31ce0fff070da5cb7868c8258581821fd49387393623a654090eb630aba"),
    ("Color", 0.1, "a371f8e8326a76310da203318c57250e942c04cf2c7fdb99f9b9c8c3d90dab39"),
    ("Contrast", 0.1, "c90c72991862bd6a4b887a39990833794fbf7d8be97e59c06909cc7f834513ab"),
    ("Brightness", 0.1, "a676cce61c5b3ccf1006631e2390f1147ff8ec9843b23087ff8e1720fbfea713"),
    ("Sharpness", 0.1, "61439d838b30f84f45a95432e756ac572219bdb9feadd5252354f94a6630274f"),
    ("Color", 0.46, "0359405f85023ca90fed22ce5254fd1e777586fb47d921eaaa67d795782e389e"),
    ("Contrast", 0.46, "9c3ba6711d3f43736a414990753ab9625bfd74fbbb8bca12ed4d188361a69dce"),
    ("Brightness", 0.46, "8bb0862a4c4a430b1b81300fed97ec09ae8726215ee9101a9ab840e113aad6ac"),
    ("Sharpness", 0.46, "6e95fb760c2a533de9aa2f5713a57d92394c2e87662f8652dbda1c9bbba3e885"),
    ("Color", 1.36, "793f53bbb5d79d352fe8fb764889cbe8b4e7f8f2cdd67fbd8f9cb73d565bc34c"),
    ("Contrast", 1.36, "eb042e5ccaec2908e9277bbbe0570d7bf177eb36b000489a954137c053603bb2"),
    ("Brightness", 1.36, "c45c69959b98138f797fa6356f1b123868ca28defe33c34fab4b6746473c08f6"),
    ("Sharpness", 1.36, "cf70c0e3851db5cc303cb96c41b873cac83d386475e716f56cd5232f138b1270"),
    ("Color", 1.9, "07fdd1a46f22a0361f7c5156290a69e6a087b6910b7206739e11615f9051dd08"),
    ("Contrast", 1.9, "d90b3181e3c7877525ab0d706e4c9f5532d85648698d4bb3e78ffeab052db54d"),
    ("Brightness", 1.9, "3066752ce2360034a9c08710330ed987cd094361eeab566a797cd9cd515c913d"),
    ("Sharpness", 1.9, "dae44b40234005219725219bb824d30c0595763b58ded3d59809f7f29223f5c2"),
    ("SolarizeAdd", 55, "673f0dd35eb40e7bc563a40b775325c205127c34605346c405a331fa5be47c5a"),
    ("ShearX", 0.09, "92f3d315c641cc36799c88c285358bd546642ce949865be71056e2d5496537c3"),
    ("ShearY", 0.09, "d034125d700d33cf512f16d34f6bb4b47034ee6bd57bd1149de6017e1a367b5f"),
    ("ShearX", -0.21, "e2c517a58cd2c910ce7a4635778bee03306c80db02524a60ebed702bbba43058"),
    ("ShearY", -0.21, "495ccf14640567f9354739508f216f2b00f9bacbc90ee1b3ab6b99f7ccee4e90"),
    ("ShearX", 0.3, "29209d4dda035577132132e54f3c796dd64ce787a2646470604ac985386c1cb5"),
    ("ShearY", 0.3, "e7aebd9380cccf402a30b0596456e1742af0123282aa2e18f03aea68cce35ce5"),
    ("Rotate", 6, "b5970534ddfd636c77c6ff8b13edeb3532c76b7142f56c2c1998fea5d57b6c0e"),
    ("Rotate", -27, "ed78f054a05cc6d5adc436d1d6cf955a9ab238fff837325951871aa8b6cedfe6"),
    ("Rotate", 30, "7e5836401defbbcff209186d879f49518ba5196db3da242e3cc93d29ba87d5cf"),
]


def image():
    """The image, (16, 16, 3) uint8."""
    y, x, c = np.ogrid[:16, :16, :3]
    return ((37 * y + 91 * x + 53 * c + 7 * x * y + 11 * c * y) % 229 + 5 * (c == 1)).astype(np.uint8)


def digest(rgb):
    """The sum of a result."""
    return hashlib.sha256(np.ascontiguousarray(rgb).tobytes()).hexdigest()
