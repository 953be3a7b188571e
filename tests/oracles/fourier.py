"""Fourier noise and filters the long way: NumPy's FFT, float64, one frequency and one image after the other."""

import numpy as np


def conjugate(i, n):
    """Where the conjugate of the centred index i stands (Yin et al.'s code)."""
    return (n - i) % n if n % 2 == 0 else n - 1 - i


def basis(i, j, height, width):
    """The paper's U_ij, (H, W) of L2 norm 1, by an inverse FFT of a spectrum with one pair of entries.

    (i, j) are indices of the centred spectrum. Of a pair, the first row by row gets 0.5 + 0.5i.
    """
    a, b = (i, j), (conjugate(i, height), conjugate(j, width))
    spectrum = np.zeros((height, width), complex)
    if a == b:
        spectrum[a] = 1
    else:
        spectrum[min(a, b)], spectrum[max(a, b)] = 0.5 + 0.5j, 0.5 - 0.5j
    return np.sqrt(height * width) * np.fft.ifft2(np.fft.ifftshift(spectrum)).real


def low_pass(image, size):
    """An image (H, W, C) of which the centred square of frequencies is left, channel by channel."""
    out = np.zeros(image.shape)
    for c in range(image.shape[2]):
        spectrum = np.fft.fftshift(np.fft.fft2(image[:, :, c]))
        for i in range(image.shape[0]):
            for j in range(image.shape[1]):
                u, v = i - image.shape[0] // 2, j - image.shape[1] // 2
                if size % 2:
                    kept = abs(u) <= (size - 1) / 2 and abs(v) <= (size - 1) / 2
                else:
                    kept = -size / 2 <= u < size / 2 and -size / 2 <= v < size / 2
                if not kept:
                    spectrum[i, j] = 0
        out[:, :, c] = np.fft.ifft2(np.fft.ifftshift(spectrum)).real
    return out
