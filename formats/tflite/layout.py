"""Where things stand in a TFLite file: field numbers and codes of the public schema.

Table: field number in order of declaration in tensorflow/lite/schema/schema.fbs. A union
takes two numbers, the first for its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

IDENTIFIER = b"TFL3"
IDENTIFIER_AT = 4

EXTENDED_CODE = 127
"""In the old one-byte field: the code is in the new one."""


class Model:
    """The fields of table Model."""

    VERSION, OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS = range(5)


class SubGraph:
    """The fields of table SubGraph."""

    TENSORS, INPUTS, OUTPUTS, OPERATORS, NAME = range(5)


class Tensor:
    """The fields of table Tensor."""

    SHAPE, TYPE, BUFFER, NAME, QUANTIZATION, IS_VARIABLE, SPARSITY, SHAPE_SIGNATURE = range(8)


class Buffer:
    """The fields of table Buffer; offset and size are of bytes behind the flatbuffer."""

    DATA, OFFSET, SIZE = range(3)


class Operator:
    """The fields of table Operator."""

    OPCODE_INDEX, INPUTS, OUTPUTS, OPTIONS_TYPE, OPTIONS, CUSTOM_OPTIONS = range(6)
    LATER_OPTIONS_TYPE, LATER_OPTIONS = 11, 12


class OperatorCode:
    """The fields of table OperatorCode."""

    SHORT_CODE, CUSTOM_CODE, VERSION, CODE = range(4)


class Quantization:
    """The fields of table QuantizationParameters."""

    MIN, MAX, SCALE, ZERO_POINT, DETAILS_TYPE, DETAILS, AXIS = range(7)


class Sparsity:
    """The fields of table SparsityParameters."""

    TRAVERSAL_ORDER, BLOCK_MAP, LEVELS = range(3)


class SparseLevel:
    """The fields of table DimensionMetadata; both lists are unions of three vectors."""

    FORMAT, DENSE_SIZE, SEGMENTS_TYPE, SEGMENTS, INDICES_TYPE, INDICES = range(6)


DENSE, SPARSE = 0, 1
"""The values of DimensionMetadata.format."""

INDEX_CODES: Mapping[int, str] = {1: "i", 2: "H", 3: "B"}
"""The element of each vector in the union SparseIndexVector."""

_NAMES = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
    EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
    LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1
    RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS
    SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
    BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE
    UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT
    LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS
    NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE
    TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT
    REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN
    FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR
    LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND
    COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH
    IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY
    SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO
    RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT
    HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE
    BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU
    DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
    UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
    STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM
    STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM
    STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS
    STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG
    STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER
    STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER
    STABLEHLO_COMPARE STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE
    STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT
    STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR
    REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
"""

OPERATORS: tuple[str, ...] = tuple(_NAMES.split())
"""The names of enum BuiltinOperator by number."""


class Field(NamedTuple):
    """A field of an operator's options.

    ``code`` is that of ``struct``, with ``*`` behind it for a vector, or ``text`` for a string.
    """

    number: int
    code: str
    default: float = 0


def _window(first: int = 0) -> dict[str, Field]:
    """Padding and strides, which convolutions and pools begin with."""
    return {
        "padding": Field(first, "b"),
        "stride_w": Field(first + 1, "i"),
        "stride_h": Field(first + 2, "i"),
    }


_ACTIVATION = {"fused_activation_function": Field(0, "b")}
_REDUCER = {"keep_dims": Field(0, "?")}
_POOL = {
    **_window(),
    "filter_width": Field(3, "i"),
    "filter_height": Field(4, "i"),
    "fused_activation_function": Field(5, "b"),
}

_VOLUME = {
    "padding": Field(0, "b"),
    "stride_d": Field(1, "i"),
    "stride_w": Field(2, "i"),
    "stride_h": Field(3, "i"),
    "fused_activation_function": Field(4, "b"),
    "dilation_d_factor": Field(5, "i", 1),
    "dilation_w_factor": Field(6, "i", 1),
    "dilation_h_factor": Field(7, "i", 1),
}
_LSTM = {
    "fused_activation_function": Field(0, "b"),
    "cell_clip": Field(1, "f"),
    "proj_clip": Field(2, "f"),
}
_RNN = {"time_major": Field(0, "?"), "fused_activation_function": Field(1, "b")}

OPTIONS: Mapping[str, Mapping[str, Field]] = {
    "ADD": _ACTIVATION,
    "ARG_MAX": {"output_type": Field(0, "b")},
    "ARG_MIN": {"output_type": Field(0, "b")},
    "AVERAGE_POOL_2D": _POOL,
    "BATCH_MATMUL": {"adj_x": Field(0, "?"), "adj_y": Field(1, "?")},
    "BIDIRECTIONAL_SEQUENCE_LSTM": {
        **_LSTM,
        "merge_outputs": Field(3, "?"),
        "time_major": Field(4, "?", True),
    },
    "BIDIRECTIONAL_SEQUENCE_RNN": {**_RNN, "merge_outputs": Field(2, "?")},
    "BUCKETIZE": {"boundaries": Field(0, "f*")},
    "CALL": {"subgraph": Field(0, "I")},
    "CONCATENATION": {"axis": Field(0, "i"), "fused_activation_function": Field(1, "b")},
    "CONV_2D": {
        **_window(),
        "fused_activation_function": Field(3, "b"),
        "dilation_w_factor": Field(4, "i", 1),
        "dilation_h_factor": Field(5, "i", 1),
    },
    "CONV_3D": _VOLUME,
    "CONV_3D_TRANSPOSE": _VOLUME,
    "CUMSUM": {"exclusive": Field(0, "?"), "reverse": Field(1, "?")},
    "DEPTHWISE_CONV_2D": {
        **_window(),
        "depth_multiplier": Field(3, "i"),
        "fused_activation_function": Field(4, "b"),
        "dilation_w_factor": Field(5, "i", 1),
        "dilation_h_factor": Field(6, "i", 1),
    },
    "DEPTH_TO_SPACE": {"block_size": Field(0, "i")},
    "DIV": _ACTIVATION,
    "FAKE_QUANT": {
        "min": Field(0, "f"),
        "max": Field(1, "f"),
        "num_bits": Field(2, "i"),
        "narrow_range": Field(3, "?"),
    },
    "FULLY_CONNECTED": {
        "fused_activation_function": Field(0, "b"),
        "weights_format": Field(1, "b"),
        "keep_num_dims": Field(2, "?"),
    },
    "GATHER": {"axis": Field(0, "i"), "batch_dims": Field(1, "i")},
    "GELU": {"approximate": Field(0, "?")},
    "IF": {"then_subgraph_index": Field(0, "i"), "else_subgraph_index": Field(1, "i")},
    "L2_NORMALIZATION": _ACTIVATION,
    "L2_POOL_2D": _POOL,
    "LEAKY_RELU": {"alpha": Field(0, "f")},
    "LOCAL_RESPONSE_NORMALIZATION": {
        "radius": Field(0, "i"),
        "bias": Field(1, "f"),
        "alpha": Field(2, "f"),
        "beta": Field(3, "f"),
    },
    "LSTM": {**_LSTM, "kernel_type": Field(3, "b")},
    "MAX_POOL_2D": _POOL,
    "MEAN": _REDUCER,
    "MIRROR_PAD": {"mode": Field(0, "b")},
    "MUL": _ACTIVATION,
    "ONE_HOT": {"axis": Field(0, "i")},
    "PACK": {"values_count": Field(0, "i"), "axis": Field(1, "i")},
    "REDUCE_ALL": _REDUCER,
    "REDUCE_ANY": _REDUCER,
    "REDUCE_MAX": _REDUCER,
    "REDUCE_MIN": _REDUCER,
    "REDUCE_PROD": _REDUCER,
    "RESHAPE": {"new_shape": Field(0, "i*")},
    "RESIZE_BILINEAR": {"align_corners": Field(2, "?"), "half_pixel_centers": Field(3, "?")},
    "RESIZE_NEAREST_NEIGHBOR": {
        "align_corners": Field(0, "?"),
        "half_pixel_centers": Field(1, "?"),
    },
    "REVERSE_SEQUENCE": {"seq_dim": Field(0, "i"), "batch_dim": Field(1, "i")},
    "RNN": _ACTIVATION,
    "SHAPE": {"out_type": Field(0, "b")},
    "SOFTMAX": {"beta": Field(0, "f")},
    "SPACE_TO_DEPTH": {"block_size": Field(0, "i")},
    "SPLIT": {"num_splits": Field(0, "i")},
    "SPLIT_V": {"num_splits": Field(0, "i")},
    "SQUEEZE": {"squeeze_dims": Field(0, "i*")},
    "STRIDED_SLICE": {
        "begin_mask": Field(0, "i"),
        "end_mask": Field(1, "i"),
        "ellipsis_mask": Field(2, "i"),
        "new_axis_mask": Field(3, "i"),
        "shrink_axis_mask": Field(4, "i"),
        "offset": Field(5, "?"),
    },
    "STABLEHLO_COMPOSITE": {
        "name": Field(0, "text"),
        "decomposition_subgraph_index": Field(1, "i"),
    },
    "STABLEHLO_REDUCE_WINDOW": {
        "window_dimensions": Field(0, "q*"),
        "window_strides": Field(1, "q*"),
        "base_dilations": Field(2, "q*"),
        "window_dilations": Field(3, "q*"),
        "padding": Field(4, "q*"),
        "body_subgraph_index": Field(5, "i"),
    },
    "STABLEHLO_SCATTER": {
        "update_window_dims": Field(1, "q*"),
        "inserted_window_dims": Field(2, "q*"),
        "scatter_dims_to_operand_dims": Field(3, "q*"),
        "index_vector_dim": Field(4, "q"),
        "update_computation_subgraph_index": Field(6, "i"),
    },
    "SUB": _ACTIVATION,
    "SUM": _REDUCER,
    "SVDF": {"rank": Field(0, "i"), "fused_activation_function": Field(1, "b")},
    "TRANSPOSE_CONV": {**_window(), "fused_activation_function": Field(3, "b")},
    "UNIDIRECTIONAL_SEQUENCE_LSTM": {
        **_LSTM,
        "time_major": Field(3, "?"),
        "diagonal_recurrent_tensors": Field(5, "?"),
    },
    "UNIDIRECTIONAL_SEQUENCE_RNN": _RNN,
    "UNPACK": {"num": Field(0, "i"), "axis": Field(1, "i")},
    "VAR_HANDLE": {"container": Field(0, "text"), "shared_name": Field(1, "text")},
    "WHILE": {"cond_subgraph_index": Field(0, "i"), "body_subgraph_index": Field(1, "i")},
}
"""The options of the operators that are read; others have none that matter."""

LATER = frozenset({"STABLEHLO_COMPOSITE", "STABLEHLO_REDUCE_WINDOW", "STABLEHLO_SCATTER"})
"""The operators of those whose options are in the second union, which the schema got later."""

GRAPHS: Mapping[str, tuple[str, ...]] = {
    "CALL": ("subgraph",),
    "IF": ("then_subgraph_index", "else_subgraph_index"),
    "STABLEHLO_COMPOSITE": ("decomposition_subgraph_index",),
    "STABLEHLO_REDUCE_WINDOW": ("body_subgraph_index",),
    "STABLEHLO_SCATTER": ("update_computation_subgraph_index",),
    "WHILE": ("cond_subgraph_index", "body_subgraph_index"),
}
"""The options in which operators name other graphs of the file."""
