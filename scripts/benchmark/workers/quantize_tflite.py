"""ai-edge-quantizer's weight-only recipe: no data, computed in float.

python -I quantize_tflite.py IN OUT
"""

import sys

from ai_edge_quantizer import quantizer, recipe

source, out = sys.argv[1:]
quantizer.Quantizer(source, recipe.weight_only_wi8_afp32()).quantize().export_model(out)
