"""How far apart two colours are to a reader, also to one who sees no red, no green or no blue.

Sight is simulated after Machado, Oliveira and Fernandes (2009), severity 1; distances are CIEDE2000, in which 1 is the
least that is seen side by side and some 10 what is told apart across a chart. Colours are `#rrggbb`.
"""

from __future__ import annotations

from math import atan2, cos, degrees, exp, hypot, radians, sin, sqrt

Rows = tuple[tuple[float, float, float], ...]
SIGHTS: dict[str, Rows] = {
    "all colours": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
_XYZ: Rows = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)


def linear(colour: str) -> list[float]:
    """Give red, green and blue in proportion to light."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def distance(one: str, other: str, sight: str) -> float:
    """Return CIEDE2000 between two colours as a reader of that sight has them."""
    return _ciede2000(_lab(one, sight), _lab(other, sight))


def _times(rows: Rows, values: list[float]) -> list[float]:
    return [sum(weight * value for weight, value in zip(row, values, strict=True)) for row in rows]


def _lab(colour: str, sight: str) -> tuple[float, float, float]:
    seen = [min(1.0, max(0.0, part)) for part in _times(SIGHTS[sight], linear(colour))]
    shares = [part / white for part, white in zip(_times(_XYZ, seen), _WHITE, strict=True)]
    x, y, z = [share ** (1 / 3) if share > 0.008856 else 7.787 * share + 16 / 116 for share in shares]
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _ciede2000(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    (light1, a1, b1), (light2, a2, b2) = one, other
    mean = (hypot(a1, b1) + hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * sqrt(mean**7 / (mean**7 + 25**7))
    chroma1, chroma2 = hypot(a1 * stretch, b1), hypot(a2 * stretch, b2)
    hue1, hue2 = degrees(atan2(b1, a1 * stretch)) % 360, degrees(atan2(b2, a2 * stretch)) % 360
    turn = (hue2 - hue1 + 180) % 360 - 180 if chroma1 * chroma2 else 0.0
    light, chroma, hue = (light1 + light2) / 2, (chroma1 + chroma2) / 2, (hue1 + turn / 2) % 360
    tone = (
        1
        - 0.17 * cos(radians(hue - 30))
        + 0.24 * cos(radians(2 * hue))
        + 0.32 * cos(radians(3 * hue + 6))
        - 0.20 * cos(radians(4 * hue - 63))
    )
    by_light = (light2 - light1) / (1 + 0.015 * (light - 50) ** 2 / sqrt(20 + (light - 50) ** 2))
    by_chroma = (chroma2 - chroma1) / (1 + 0.045 * chroma)
    by_hue = 2 * sqrt(chroma1 * chroma2) * sin(radians(turn / 2)) / (1 + 0.015 * chroma * tone)
    twist = -sin(radians(60 * exp(-(((hue - 275) / 25) ** 2)))) * 2 * sqrt(chroma**7 / (chroma**7 + 25**7))
    return sqrt(by_light**2 + by_chroma**2 + by_hue**2 + twist * by_chroma * by_hue)
