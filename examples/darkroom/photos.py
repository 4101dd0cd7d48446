"""Writes photos for a class: small grey pictures, and some files that are no photos.

    photos.py FOLDER [PHOTOS] [SPOILT]

240 photos and 3 that are spoilt, unless it's said otherwise. Needs nothing but Python.
"""

import math
import sys
from pathlib import Path

import png

SIZE = 96


def photo(number: int) -> bytes:
    """Rings around a point, another one on each photo."""
    x, y = SIZE * (number * 37 % 100) / 100, SIZE * (number * 61 % 100) / 100
    width = 3 + number % 7
    return png.write(
        [
            bytes(int(127 + 127 * math.cos(math.dist((column, row), (x, y)) / width)) for column in range(SIZE))
            for row in range(SIZE)
        ]
    )


def main(folder: str, photos: str = "240", spoilt: str = "3") -> None:
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for number in range(int(photos)):
        (place / f"photo-{number:03}.png").write_bytes(photo(number))
    for number in range(int(spoilt)):
        # Half of a photo: as after a transfer that broke off.
        whole = photo(number)
        # Among the others, by their names.
        (place / f"photo-{number * 17 + 5:03}-spoilt.png").write_bytes(whole[: len(whole) // 2])
    print(f"{photos} photos and {spoilt} spoilt ones in {folder}")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
