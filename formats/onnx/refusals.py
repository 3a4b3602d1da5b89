"""Operators that cannot be converted whatever their attributes are, with the reason.

Each sentence says the fact and the way out; ``{cut}`` stands for the options that make the
node's operands the model's outputs. An operator that only some models use in a
way that cannot be converted has an importer, which says so itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

RANDOM = (
    "it draws random numbers, and Paddle Lite's runtime would draw others. Make them an input "
    "of the model, or take the node out"
)
SEQUENCE = (
    "it works on a sequence of tensors, which only conversion knows; a tensor is all that Paddle "
    "Lite's kernels take here. Export the model with Split, Concat or Gather instead, or cut it "
    "in front with {cut}"
)
TEXT = (
    "it works on text, which Paddle Lite's tensors cannot hold. Do this step in the application "
    "and feed the model with numbers"
)
TRAINING = (
    "it is a step of training; Paddle Lite only infers. Export the model in evaluation mode, or "
    "choose what is to be computed with {cut}"
)
CLASSICAL = (
    "it is an operator of classical machine learning; Paddle Lite has neural networks only. Cut "
    "the model in front with {cut} and compute this step in the application"
)
MAP = (
    "it makes or reads a map from labels to numbers; Paddle Lite has tensors only. Cut the model "
    "in front with {cut} and look labels up in the application"
)

ON_SEQUENCES = frozenset(
    (
        "ConcatFromSequence",
        "Identity",
        "Loop",
        "Optional",
        "OptionalGetElement",
        "OptionalHasElement",
        "SequenceAt",
        "SequenceErase",
        "SequenceInsert",
        "SequenceLength",
    )
)
"""Operators that are read with a sequence of tensors among their operands."""

STANDARD: Mapping[str, str] = {
    "Bernoulli": RANDOM,
    "BitCast": (
        "it takes the bits of numbers for other numbers, which no kernel of Paddle Lite does. "
        "Store the tensor in the element type that is meant"
    ),
    "Det": (
        "Paddle Lite computes no determinants. Cut the model in front with {cut} and compute it "
        "in the application"
    ),
    "ImageDecoder": (
        "it decodes an image file, which no kernel of Paddle Lite does. Decode in the application "
        "and feed the model with pixels"
    ),
    "MaxRoiPool": "Paddle Lite has no kernel for roi_pool on ARM or x86; use RoiAlign",
    "Multinomial": RANDOM,
    "RandomNormal": RANDOM,
    "RandomNormalLike": RANDOM,
    "RandomUniform": RANDOM,
    "RandomUniformLike": RANDOM,
    "RegexFullMatch": TEXT,
    "SequenceMap": SEQUENCE,
    "StringConcat": TEXT,
    "StringNormalizer": TEXT,
    "StringSplit": TEXT,
    "TfIdfVectorizer": (
        "it counts sequences of tokens, for which Paddle Lite has no kernel. Count them in the "
        "application and feed the model with the vector"
    ),
    "Unique": (
        "how many different elements there are is known only at run time, and runtimes before "
        "2.13 have no kernel for it. Cut the model in front with {cut} and find them in the "
        "application"
    ),
}
"""Of the standard domain, by operator."""

LABELS = frozenset({"CastMap", "DictVectorizer", "ZipMap"})
"""Operators of ai.onnx.ml that make or read maps."""

TEXTS = frozenset({"CategoryMapper", "LabelEncoder"})
"""Operators of ai.onnx.ml that are mostly used on text."""

TRAINING_DOMAINS = frozenset({"ai.onnx.preview.training", "ai.onnx.training"})


def refusal_of(domain: str, operator: str, operands: Iterable[str] = ()) -> str | None:
    """Why an operator cannot be converted, if it never can.

    Args:
        domain: The operator's domain.
        operator: Its name.
        operands: What the node reads that could be an output of the model.
    """
    reason = _reason(domain, operator)
    return None if reason is None else _with_cut(reason, operands)


def refusal_of_sequence(operands: Iterable[str] = ()) -> str:
    """Why an operator that reads tensors cannot read a sequence; ``operands`` as above."""
    return _with_cut(SEQUENCE, operands)


def _with_cut(reason: str, operands: Iterable[str]) -> str:
    import shlex

    cut = " ".join(f"--output {shlex.quote(name)}" for name in operands)
    return reason.format(cut=cut or "--output NAME")


def _reason(domain: str, operator: str) -> str | None:
    if domain == "":
        return STANDARD.get(operator)
    if domain in TRAINING_DOMAINS:
        return TRAINING
    if domain != "ai.onnx.ml":
        return None
    if operator in LABELS:
        return MAP
    return TEXT if operator in TEXTS else CLASSICAL
