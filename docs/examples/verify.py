"""Find the layer where a file departs from its source.

python docs/examples/verify.py MODEL FILE.nb
"""

import sys

import opt_tool

# %% Compare the outputs, and each layer fed with the reference's tensors.
reference, candidate = sys.argv[1:]
report = opt_tool.verify(reference, candidate, per_layer=True)
print(f"{report.status} on {report.samples} samples")
for output in report.outputs:
    print(f"{output.name}: {output.max_rel_error:.2g} of its scale")

# %% The first layer that differs, and why.
if report.first_divergence is not None:
    print(f"first: {report.first_divergence.op} {report.first_divergence.difference.name}")
if report.cause is not None:
    print(f"cause: {report.cause.sentence}")

# %% Of a quantized file: which layers cost the outputs most.
layers = {layer.difference.name: layer for layer in report.layers}
for name in report.ranking[:3]:
    print(f"{name} alone leaves {layers[name].damage_db:.1f} dB")
