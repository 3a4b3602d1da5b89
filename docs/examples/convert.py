"""Convert a model to a Paddle Lite file, and see what was done to it.

python docs/examples/convert.py MODEL OUT.nb
"""

import sys

import opt_tool

# %% Convert. The file is verified before it is left in place; an error says what can be done.
model, output = sys.argv[1:]
try:
    report = opt_tool.convert(model, output, target="arm", lite_version="2.13")
except opt_tool.OptError as error:
    sys.exit(f"{error} (exit code of the command: {error.exit_code})")

# %% What was written, and how far it is from the source.
print(f"{report.output.path}: {report.output.bytes} bytes, {report.output.ops} operators")
for difference in report.verification.outputs:
    print(f"{difference.name}: largest difference {difference.max_abs_error:.2g}")

# %% What the passes saved.
for summary in report.passes:
    if summary.changes:
        print(f"{summary.name}: {summary.ops_before} to {summary.ops_after} operators")

# %% The same report as one JSON object.
assert report.to_json().startswith("{")
