"""Makes a picture of an image. Runs in the process of its own, where whatever goes wrong harms nobody."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from .sizes import Cut, Size, cut

_LOADED = (
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    # What many phones write as JPEG: several images in one file.
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
FORMATS = tuple(form for form in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP") if form in Image.OPEN)
"""What is opened, whatever a file's name says it is. Others of Pillow's formats start programs, or have nobody who looks after
them."""
QUALITY = 82
LONGEST_COVER = 4
"""How much longer than the frame's a side of a cover may become: a long thin line covers only what is nothing."""
_PROFILE_BYTES = 4194304
_SRGB = ImageCms.createProfile("sRGB")


class Unshowable(Exception):
    """There is no picture of this, and there will be none."""


def load() -> None:
    """Load what will be needed: later no file can be opened any more."""
    Image.MAX_IMAGE_PIXELS = None
    Image.preinit()
    for form in ("JPEG", "PNG"):
        file = BytesIO()
        Image.new("RGB", (8, 8)).save(file, form)
        with Image.open(BytesIO(file.getvalue()), formats=FORMATS) as image:
            image.load()


def draw(data: Any, way: str, frame: Size, enlarge: bool, pixels: int, most: int) -> tuple[str, bytes]:
    """The media type and the bytes of a picture of the image in `data`, of at most `most` bytes; `pixels` is how many the
    decoded image may have. Raises `Unshowable`, and what Pillow raises about broken images."""
    with Image.open(BytesIO(data), formats=FORMATS) as opened:
        if isinstance(opened, JpegImagePlugin.JpegImageFile):
            # Turned or not, both sides are then long enough. libjpeg makes it smaller while decoding, up to eight times.
            longest = max(frame) if way == "fit" else LONGEST_COVER * max(frame)
            opened.draft(None, (longest, longest))
        if opened.width * opened.height > pixels:
            raise Unshowable(f"the image has more than {pixels} pixels")
        opened.load()
        image = _upright(opened)
    plan = cut(way, image.size, frame, enlarge)
    if way == "cover":
        plan = _bounded(plan, max(frame) * LONGEST_COVER)
    profile = image.info.get("icc_profile")
    image = _plain(image).resize(plan.size, Image.Resampling.LANCZOS, plan.box, 2.0)
    return saved(_in_srgb(image, profile), most)


def _bounded(plan: Cut, longest: int) -> Cut:
    scale = min(1.0, longest / max(plan.size))
    return Cut(plan.box, (max(1, round(plan.size[0] * scale)), max(1, round(plan.size[1] * scale))))


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        # Broken notes about the image are no reason not to show it; what they break in Pillow is not to be foreseen.
        return image.copy()


def _plain(image: Image.Image) -> Image.Image:
    """The image in a mode that can be made smaller well: L, RGB or RGBA."""
    mode = image.mode
    if "transparency" in image.info and mode in ("1", "L", "P", "RGB"):
        return image.convert("RGBA")
    if mode in ("L", "RGB", "RGBA"):
        return image
    if mode.startswith("I"):
        # 16 bits for each pixel, of which 8 are shown.
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if mode in ("LA", "PA", "La", "RGBa"):
        return image.convert("RGBA")
    return image.convert("L" if mode in ("1", "F") else "RGB")


def _in_srgb(image: Image.Image, profile: Any) -> Image.Image:
    """With the colours that programs show which know nothing of profiles; the picture has none."""
    if not isinstance(profile, bytes) or not 0 < len(profile) <= _PROFILE_BYTES or image.mode == "L":
        return image
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        done = ImageCms.profileToProfile(image, source, _SRGB, outputMode=image.mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        # A profile for another kind of image, or none at all.
        return image
    return image if done is None else done


def saved(image: Image.Image, most: int) -> tuple[str, bytes]:
    """The media type and the bytes of a picture in L, RGB or RGBA. Raises `Unshowable` if they are more than `most`."""
    if image.mode == "RGBA":
        lowest = image.getchannel("A").getextrema()[0]
        if isinstance(lowest, (int, float)) and lowest < 255:
            data = _bytes(image, "PNG")
            if len(data) <= most:
                return "image/png", data
        ground = Image.new("RGBA", image.size, "white")
        ground.alpha_composite(image)
        image = ground.convert("RGB")
    data = _bytes(image, "JPEG", quality=QUALITY)
    if len(data) > most:
        raise Unshowable(f"the preview would have more than {most} bytes")
    return "image/jpeg", data


def _bytes(image: Image.Image, form: str, **how: Any) -> bytes:
    image.info = {}
    file = BytesIO()
    image.save(file, form, **how)
    return file.getvalue()
