"""onnxruntime's quantization without data.

python -I quantize_onnx.py dynamic|weights IN OUT
"""

import sys

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)

WEIGHT_BITS, BLOCK = 8, 32

method, source, out = sys.argv[1:]
if method == "dynamic":
    quantize_dynamic(source, out, weight_type=QuantType.QUInt8)  # it has no signed convolution
else:
    config = DefaultWeightOnlyQuantConfig(block_size=BLOCK, is_symmetric=True, bits=WEIGHT_BITS)
    quantizer = MatMulNBitsQuantizer(onnx.load(source), algo_config=config)
    quantizer.process()
    quantizer.model.save_model_to_file(out)
