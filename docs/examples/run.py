"""Run a model of any format on arrays, and compare two ways to compute it.

python docs/examples/run.py MODEL.onnx
"""

import sys

import numpy as np

import opt_tool

# %% A session is loaded once and run as often as wanted.
(model,) = sys.argv[1:]
session = opt_tool.Session(model)
for name, type in session.inputs.items():
    print(f"input {name}: {type}")

# %% Feed it. A dimension that the model leaves open is a text; here it becomes 1.
rng = np.random.default_rng(0)
feeds = {
    name: rng.random([size if isinstance(size, int) else 1 for size in type.shape], np.float32)
    for name, type in session.inputs.items()
}
outputs = session.run(feeds)
for name, array in outputs.items():
    print(f"output {name}: {array.dtype} {array.shape}, largest at {array.argmax()}")

# %% The same in onnxruntime.
reference = opt_tool.Session(model, backend="onnxruntime").run(feeds)
for name, array in reference.items():
    print(f"{name}: differs by {np.abs(outputs[name] - array).max():.2g}")
