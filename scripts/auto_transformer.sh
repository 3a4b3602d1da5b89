#!/usr/bin/env bash
# Convert a model with the flags of Paddle Lite's auto_transformer.sh, by `opt convert`.
set -euo pipefail

usage() {
    cat <<'TEXT'
Convert a model to one Paddle Lite .nb file.

    scripts/auto_transformer.sh --framework=caffe --prototxt=NET --weight=WEIGHTS \
        --valid_targets=arm --optimize_out=OUT
    scripts/auto_transformer.sh --framework=onnx --model=MODEL --optimize_out=OUT

  --framework=onnx|caffe      what the model is
  --model=FILE                the model (ONNX)
  --prototxt=FILE             the network (Caffe)
  --weight=FILE               the weights (Caffe)
  --fluid_save_dir=DIR        where OUT goes when --optimize_out is not given: DIR/model.nb
  --valid_targets=arm|x86     the target; arm when it is not given
  --optimize_out=OUT          the file to write; .nb is added when it is missing
  --quant_model=true|false    whether weights are quantized; false when it is not given
  --quant_type=QUANT_INT8|QUANT_INT16
  --help                      this text

Values may also follow after a space: --framework onnx. OPT names another command than `opt`.
TEXT
}

fail() {
    echo "auto_transformer: $1; --help lists the flags" >&2
    exit 2
}

framework='' model='' prototxt='' weight='' save_dir='' targets=arm out='' quantize=false
quant_type=QUANT_INT8

while [ $# -gt 0 ]; do
    flag=${1%%=*}
    case $flag in
        --help | -h)
            usage
            exit 0
            ;;
        --framework | --model | --prototxt | --weight | --fluid_save_dir | --valid_targets | \
            --optimize_out | --quant_model | --quant_type) ;;
        *) fail "there is no flag '$flag'" ;;
    esac
    if [ "$flag" = "$1" ]; then
        [ $# -gt 1 ] || fail "$flag needs a value"
        shift
        value=$1
    else
        value=${1#*=}
    fi
    shift
    case $flag in
        --framework) framework=$value ;;
        --model) model=$value ;;
        --prototxt) prototxt=$value ;;
        --weight) weight=$value ;;
        --fluid_save_dir) save_dir=$value ;;
        --valid_targets) targets=$value ;;
        --optimize_out) out=$value ;;
        --quant_model) quantize=$value ;;
        --quant_type) quant_type=$value ;;
    esac
done

case $framework in
    caffe)
        [ -n "$prototxt" ] && [ -n "$weight" ] || fail "caffe needs --prototxt and --weight"
        files=("$prototxt" "$weight")
        ;;
    onnx)
        [ -n "$model" ] || fail "onnx needs --model"
        files=("$model")
        ;;
    '') fail "--framework is missing" ;;
    *) fail "framework '$framework' is not onnx or caffe (convert other models to ONNX first)" ;;
esac

[ -n "$out" ] || out=${save_dir:+$save_dir/model}
[ -n "$out" ] || fail "--optimize_out is missing"
case $targets in
    arm | x86) ;;
    *) fail "target '$targets' is not arm or x86" ;;
esac

arguments=(convert "${files[@]}" --target "$targets" -o "${out%.nb}.nb")
case $quantize in
    true)
        case $quant_type in
            QUANT_INT8) arguments+=(--quantize int8) ;;
            QUANT_INT16) arguments+=(--quantize int16) ;;
            *) fail "quant_type '$quant_type' is not QUANT_INT8 or QUANT_INT16" ;;
        esac
        ;;
    false) ;;
    *) fail "quant_model '$quantize' is not true or false" ;;
esac

mkdir -p "$(dirname "$out")"
if [ -z "${OPT:-}" ]; then
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    OPT=opt
    [ ! -x "$here/.venv/bin/opt" ] || OPT=$here/.venv/bin/opt
fi
exec "$OPT" "${arguments[@]}"
