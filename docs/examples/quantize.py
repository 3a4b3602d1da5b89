"""Store a model's weights in fewer bits, without data, and see what that costs.

python docs/examples/quantize.py MODEL OUT.nb
"""

import sys

import opt_tool
from opt_tool.api.quantization import QuantizationOptions

# %% As many bits for each weight as the outputs need to keep 35 dB of signal to noise.
model, output = sys.argv[1:]
options = QuantizationOptions(mode="mixed", max_error_db=35)
report = opt_tool.quantize(model, output, options=options)
quantization = report.quantization
print(f"{quantization.bytes_before} bytes of weights became {quantization.bytes_after}")

# %% Each weight, its bits and what it keeps.
for layer in quantization.layers:
    kept = "exact" if layer.sqnr_db is None else f"{layer.sqnr_db:.1f} dB"
    print(f"{layer.weight}: {layer.bits} bits, {kept}")

# %% What the outputs keep against the source.
for difference in report.verification.outputs:
    print(f"{difference.name}: {difference.sqnr_db:.1f} dB")
