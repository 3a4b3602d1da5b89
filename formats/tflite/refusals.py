"""Why operators cannot be read, with the way out."""

from __future__ import annotations

from collections.abc import Mapping

from opt_tool.formats.tflite.schema import CUSTOM, Operator

QUANTIZED = (
    "its integers stand for other numbers, scale * (q - zero point), and an operator reads them "
    "as they are. Export the model with float activations, or cut it in front with --output"
)
STATE = (
    "it keeps a state from one run to the next, which the target's operators do not. Export the "
    "model with its state as inputs and outputs, or cut it in front with --output"
)
FOUND = (
    "how many elements it finds only the run knows. Do this step in the application, or cut the "
    "model in front of it with --output"
)
LOOKED_UP = (
    "it adds up rows that only the run chooses, any number for each. Export the model with "
    "EMBEDDING_LOOKUP or GATHER and a sum, for a fixed number of rows"
)
LEFT_OVER = (
    "it is an operator of StableHLO that TFLite's converter left as it was. Export the model with "
    "TFLite's own operators, or cut it in front with --output"
)
TEXT = (
    "it works on text or tables of it, which Paddle Lite's tensors cannot hold. Do this step in "
    "the application and feed the model with numbers"
)
RANDOM = (
    "it draws random numbers, and Paddle Lite's runtime would draw others. Make them an input "
    "of the model, or take the node out"
)

REASONS: Mapping[str, str] = {
    "ASSIGN_VARIABLE": STATE,
    "CALL_ONCE": STATE,
    "EMBEDDING_LOOKUP_SPARSE": LOOKED_UP,
    "HASHTABLE": TEXT,
    "HASHTABLE_FIND": TEXT,
    "HASHTABLE_IMPORT": TEXT,
    "HASHTABLE_LOOKUP": TEXT,
    "HASHTABLE_SIZE": TEXT,
    "LSH_PROJECTION": TEXT,
    "MULTINOMIAL": RANDOM,
    "RANDOM_STANDARD_NORMAL": RANDOM,
    "RANDOM_UNIFORM": RANDOM,
    "READ_VARIABLE": STATE,
    "SKIP_GRAM": TEXT,
    "UNIQUE": FOUND,
    "VAR_HANDLE": STATE,
}


def refusal_of(operator: Operator) -> str:
    """Why an operator without importer cannot be converted."""
    if operator.code == CUSTOM:
        return (
            f"the custom operator {operator.custom_code!r} is defined outside of TFLite. Export "
            "the model with TFLite's own operators, or cut it in front with --output"
        )
    if operator.code.startswith("STABLEHLO_"):
        return LEFT_OVER
    return REASONS.get(
        operator.code,
        f"operator {operator.code} is not supported; "
        "`opt list-ops --supported --framework tflite` prints what is",
    )
