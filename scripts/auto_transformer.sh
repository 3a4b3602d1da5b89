#!/usr/bin/env bash
# Convert a model with the flags of Paddle Lite's auto_transformer.sh, by `opt convert`.
set -euo pipefail

usage() {
    cat <<'TEXT'
Convert a model to one Paddle Lite .nb file.

    scripts/auto_transformer.sh --framework=caffe --prototxt=NET --weight=WEIGHTS \
        --valid_targets=arm --optimize_out=OUT
    scripts/auto_transformer.sh --framework=onnx --model=MODEL --optimize_out=OUT

  --framework=caffe|onnx|tensorflow|tflite
                              what the model is; caffe when it is not given
  --model=FILE                the model (not for Caffe)
  --prototxt=FILE             the network (Caffe)
  --weight=FILE               the weights (Caffe)
  --fluid_save_dir=DIR        where OUT goes when --optimize_out is not given: DIR/model.nb
  --valid_targets=arm|x86     the target; arm when it is not given
  --optimize_out=OUT          the file to write, lite_opt_dir.nb when neither this nor
                              --fluid_save_dir is given; .nb is added when it is missing
  --quant_model=true|false    whether weights are quantized; false when it is not given
  --quant_type=QUANT_INT8|QUANT_INT16
                              QUANT_INT8 when it is not given
  --help[=en|zh]              this text

Values may also follow after a space: --framework onnx. OPT names another command than `opt`.
TEXT
}

usage_zh() {
    cat <<'TEXT'
将模型转换为一个 Paddle Lite .nb 文件。

    scripts/auto_transformer.sh --framework=caffe --prototxt=网络 --weight=权重 \
        --valid_targets=arm --optimize_out=输出
    scripts/auto_transformer.sh --framework=onnx --model=模型 --optimize_out=输出

  --framework=caffe|onnx|tensorflow|tflite
                              模型的框架；默认 caffe
  --model=文件                模型文件（Caffe 除外）
  --prototxt=文件             网络结构（Caffe）
  --weight=文件               权重（Caffe）
  --fluid_save_dir=目录       未给出 --optimize_out 时的输出目录：目录/model.nb
  --valid_targets=arm|x86     目标硬件；默认 arm
  --optimize_out=输出         要写入的文件；两者都未给出时为 lite_opt_dir.nb；
                              缺少 .nb 后缀时自动添加
  --quant_model=true|false    是否量化权重；默认 false
  --quant_type=QUANT_INT8|QUANT_INT16
                              默认 QUANT_INT8
  --help[=en|zh]              显示本说明（英文或中文）

值也可以用空格分隔：--framework onnx。环境变量 OPT 可指定 `opt` 以外的命令。
TEXT
}

# help [LANGUAGE]: print the text in a language, by default in that of the locale.
help() {
    case ${1:-${LC_ALL:-${LC_MESSAGES:-${LANG:-en}}}} in
        zh*) usage_zh ;;
        *) usage ;;
    esac
}

fail() {
    echo "auto_transformer: $1; --help lists the flags" >&2
    exit 2
}

framework=caffe model='' prototxt='' weight='' save_dir='' targets=arm out='' quantize=false
quant_type=QUANT_INT8

while [ $# -gt 0 ]; do
    flag=${1%%=*}
    case $flag in
        --help | -h)
            case $1 in
                *=en | *=zh) help "${1#*=}" ;;
                *=*) fail "the help is in en and zh" ;;
                *) help ;;
            esac
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
    onnx | tensorflow | tflite)
        [ -n "$model" ] || fail "$framework needs --model"
        files=("$model")
        ;;
    *) fail "framework '$framework' is not caffe, onnx, tensorflow or tflite" ;;
esac

[ -n "$out" ] || out=${save_dir:+$save_dir/model}
[ -n "$out" ] || out=lite_opt_dir
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
