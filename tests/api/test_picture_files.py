from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from opt_tool.api.picture_files import Preprocessing, read_picture
from opt_tool.api.samples import SampleFolder
from opt_tool.errors import DamagedFileError, FileAccessError, UnsupportedError, UsageError
from opt_tool.ir import DType, TensorType

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8)


def floats(*shape: int | str) -> TensorType:
    return TensorType(DType.FLOAT32, shape)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(PIXELS).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def test_pixels_become_numbers_from_0_to_1_by_themselves(picture: Path) -> None:
    array = read_picture(picture, "x", floats(1, 3, 8, 10))
    assert array.dtype == np.float32
    np.testing.assert_allclose(array[0].transpose(1, 2, 0), PIXELS / 255, atol=1e-7)


@pytest.mark.parametrize("shape", [(1, 3, 8, 10), (1, 8, 10, 3), (3, 8, 10)], ids=str)
def test_the_layout_is_that_of_the_input(picture: Path, shape: tuple[int, ...]) -> None:
    array = read_picture(picture, "x", floats(*shape))
    assert array.shape == shape
    last = array if shape[-1] == 3 else np.moveaxis(array, -3, -1)
    np.testing.assert_allclose(last.reshape(PIXELS.shape), PIXELS / 255, atol=1e-7)


def test_mean_and_std_are_of_pixels_up_to_255_and_in_the_order_of_the_colours(
    picture: Path,
) -> None:
    how = Preprocessing(mean=(104, 117, 123), std=(2,), color="bgr")
    array = read_picture(picture, "x", floats(1, 3, 8, 10), how)
    expected = (PIXELS[..., ::-1].astype(np.float64) - [104, 117, 123]) / 2
    np.testing.assert_allclose(array[0].transpose(1, 2, 0), expected, atol=1e-5)


def test_one_channel_is_gray(picture: Path) -> None:
    array = read_picture(picture, "x", floats(1, 1, 8, 10))
    gray = PIXELS @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(array[0, 0] * 255, gray, atol=1.01)


def test_a_picture_is_resized_as_a_whole(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None], 32, axis=0)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    array = read_picture(tmp_path / "ramp.png", "x", floats(1, 1, 8, 16))
    rows = array[0, 0]
    assert (np.diff(rows, axis=1) > 0).all()
    assert np.ptp(rows, axis=0).max() == 0
    assert (rows[0, 0] * 255, rows[0, -1] * 255) == pytest.approx((6, 249), abs=3)


def test_integers_get_the_pixels(picture: Path) -> None:
    type = TensorType(DType.UINT8, (1, 8, 10, 3))
    np.testing.assert_array_equal(read_picture(picture, "x", type)[0], PIXELS)
    with pytest.raises(UsageError, match="leave --mean and --std out"):
        read_picture(picture, "x", type, Preprocessing(mean=(1,)))


@pytest.mark.parametrize(
    ("type", "how", "fact"),
    [
        (floats(1, 10), Preprocessing(), "does not take a picture"),
        (floats(4, 3, 8, 10), Preprocessing(), "4 pictures at once"),
        (floats(1, 3, "h", "w"), Preprocessing(), "--input-shape x=1,3,224,224"),
        (floats(1, 7, 8, 10), Preprocessing(), "give --layout"),
        (floats(1, 7, 8, 10), Preprocessing(layout="nchw"), "takes 7 channels, rgb has 3"),
        (floats(1, 3, 8, 10), Preprocessing(color="gray"), "takes 3 channels, gray has 1"),
        (floats(1, 3, 8, 10), Preprocessing(mean=(1, 2)), "one number or 3, which"),
        (TensorType(DType.INT64, (1, 3, 8, 10)), Preprocessing(), "holds int64"),
    ],
)
def test_refuses_inputs_that_a_picture_does_not_fit(
    picture: Path, type: TensorType, how: Preprocessing, fact: str
) -> None:
    with pytest.raises(UsageError, match=fact):
        read_picture(picture, "x", type, how)


def test_numbers_for_pixels_up_to_1_are_refused_with_those_that_are_meant() -> None:
    with pytest.raises(UsageError, match=r"--mean 123.675,116.28,103.53 --std 58.395,57.12,57.375"):
        Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    "wrong", [{"std": (0.0,)}, {"mean": ()}, {"layout": "chwn"}, {"color": "cmyk"}], ids=str
)
def test_refuses_preprocessing_that_means_nothing(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Preprocessing(**wrong)  # type: ignore[arg-type]  # that is the test


def test_refuses_files_that_are_cut_or_no_pictures(tmp_path: Path, picture: Path) -> None:
    (tmp_path / "cut.png").write_bytes(picture.read_bytes()[:100])
    (tmp_path / "text.jpg").write_text("no picture")
    for name in ("cut.png", "text.jpg"):
        with pytest.raises(DamagedFileError, match="not a whole picture"):
            read_picture(tmp_path / name, "x", floats(1, 3, 8, 10))
    with pytest.raises(FileAccessError, match="no such file"):
        read_picture(tmp_path / "missing.png", "x", floats(1, 3, 8, 10))


def test_says_how_to_install_what_reads_pictures(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # noqa: ARG005
    with pytest.raises(UnsupportedError, match=r"pip install 'opt-tool\[images\]'"):
        read_picture(picture, "x", floats(1, 3, 8, 10))


def test_a_folder_of_samples_may_hold_pictures(picture: Path) -> None:
    np.save(picture.with_name("array.npy"), np.zeros((3, 8, 10), np.float32))
    samples = SampleFolder(picture.parent, {"x": floats(1, 3, 8, 10)})
    assert len(samples) == 2
    np.testing.assert_array_equal(samples[1]["x"], read_picture(picture, "x", floats(1, 3, 8, 10)))
