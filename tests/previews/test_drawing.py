"""What becomes of images and texts; in the test's own process, and without its limits."""

from __future__ import annotations

import pytest
from PIL import Image

from clawgate.previews import drawing, writing
from clawgate.previews.drawing import Unshowable, draw
from clawgate.previews.writing import lines, write

from ..pictures import bomb, image, opened, png

MOST = 1 << 20


@pytest.fixture(autouse=True)
def _as_in_the_process(monkeypatch):
    """Pillow's own check is off there."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)


def drawn(data: bytes, way: str = "fit", frame: tuple[int, int] = (50, 50), pixels: int = 1_000_000) -> tuple[str, Image.Image]:
    kind, made = draw(data, way, frame, False, pixels, MOST)
    return kind, opened(made)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_forms(form):
    kind, made = drawn(image(form=form))

    assert (kind, made.size, made.format) == ("image/jpeg", (50, 33), "JPEG")
    red, green, blue = made.convert("RGB").getpixel((25, 16))
    assert red > 180 and green < 60 and blue < 60


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "found"),
    [
        ("L", 128, "image/jpeg", "L"),
        ("1", 1, "image/jpeg", "L"),
        ("P", 3, "image/jpeg", "RGB"),
        ("I;16", 40000, "image/jpeg", "L"),
        ("RGBA", (1, 2, 3, 255), "image/jpeg", "RGB"),
        ("RGBA", (1, 2, 3, 100), "image/png", "RGBA"),
        ("LA", (1, 100), "image/png", "RGBA"),
    ],
)
def test_modes(mode, colour, kind, found):
    told, made = drawn(image(mode=mode, colour=colour))

    assert (told, made.mode) == (kind, found)
    if mode == "I;16":
        assert made.getpixel((1, 1)) in range(150, 162)


def test_sixteen_inks():
    assert drawn(image(form="TIFF", mode="CMYK", colour=(0, 0, 0, 0)))[1].getpixel((1, 1)) == (255, 255, 255)


def test_a_transparent_colour():
    kind, made = drawn(image(mode="L", colour=7, transparency=7))

    assert (kind, made.getchannel("A").getextrema()) == ("image/png", (0, 0))


def test_pictures_stand_upright_and_tell_nothing_else():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "the camera's maker"
    data = image((300, 200), "JPEG", exif=exif.tobytes())
    _, made = draw(data, "fit", (60, 60), False, 1_000_000, MOST)

    assert opened(made).size == (40, 60)
    assert b"the camera" in data and b"the camera" not in made and b"Exif" not in made


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_notes_are_no_reason_not_to_show_it():
    assert drawn(image((300, 200), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40))[1].size == (50, 33)


def test_a_jpeg_counts_as_it_is_decoded():
    large = image((2000, 2000), "JPEG")

    assert drawn(large, pixels=1_000_000)[1].size == (50, 50)
    with pytest.raises(Unshowable, match="1000 pixels"):
        drawn(large, pixels=1000)


@pytest.mark.parametrize("data", [png(50_000, 50_000), bomb(1100)], ids=["said", "true"])
def test_too_many_pixels(data):
    with pytest.raises(Unshowable, match="1000000 pixels"):
        drawn(data)


def test_a_line_covers_only_so_much():
    assert drawn(image((3000, 10)), "cover")[1].size == (200, 1)


def test_a_picture_that_would_be_too_large():
    with pytest.raises(Unshowable, match="100 bytes"):
        draw(image(), "fit", (50, 50), False, 1_000_000, 100)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"a\r\nb", ["a", "b"]),
        ("ä\tb\x1b[31m".encode(), ["ä   b [31m"]),
        ("ä\n".encode("latin-1"), ["ä"]),
        ("häh".encode("utf-16"), ["häh"]),
        ("\ufeffx".encode(), ["x"]),
        ("xä".encode()[:-1], ["x"]),
    ],
)
def test_lines(data, found):
    assert lines(data, 10) == found


@pytest.mark.parametrize("data", [b"", b" \n ", b"a\0b"])
def test_what_is_no_text(data):
    with pytest.raises(Unshowable):
        lines(data, 10)


def test_texts():
    kind, made = write(b"x" * 100_000 + b"\nsecond", (48, 64), MOST)
    page = opened(made)

    assert (kind, page.size) == ("image/jpeg", (48, 64))
    assert page.convert("L").getextrema()[0] < 200, "there is nothing on it"


def test_what_is_needed_later_can_be_loaded():
    drawing.load()
    writing.load()
