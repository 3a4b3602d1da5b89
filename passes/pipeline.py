"""The passes that a conversion runs, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from opt_tool.ir import Graph, Verifier
from opt_tool.passes.add_fc_bias import AddFcBias
from opt_tool.passes.cancel_transposes import CancelTransposes
from opt_tool.passes.change_layout import ChangeLayout
from opt_tool.passes.choose_kernels import ChooseKernels
from opt_tool.passes.delay_shuffle import DelayShuffle
from opt_tool.passes.fold_constants import FoldConstants
from opt_tool.passes.fold_crop import FoldCrop
from opt_tool.passes.fold_pad import FoldPad
from opt_tool.passes.fuse_activation import FuseActivation
from opt_tool.passes.fuse_add_activation import FuseAddActivation
from opt_tool.passes.fuse_affine_conv import FuseAffineConv
from opt_tool.passes.fuse_conv_affine import FuseConvAffine
from opt_tool.passes.fuse_conv_batch_norm import FuseConvBatchNorm
from opt_tool.passes.fuse_fc_affine import FuseFcAffine
from opt_tool.passes.fuse_flatten_fc import FuseFlattenFc
from opt_tool.passes.fuse_matmul_operands import FuseMatmulOperands
from opt_tool.passes.fuse_sum_shift import FuseSumShift
from opt_tool.passes.fuse_transpose_fc import FuseTransposeFc
from opt_tool.passes.insert_casts import InsertCasts
from opt_tool.passes.join_heads import JoinHeads
from opt_tool.passes.join_slices import JoinSlices
from opt_tool.passes.lower_casts import LowerCasts
from opt_tool.passes.lower_computed_filter import LowerComputedFilter
from opt_tool.passes.lower_depthwise import LowerDepthwise
from opt_tool.passes.lower_gather_axis import LowerGatherAxis
from opt_tool.passes.lower_grid_sampler import LowerGridSampler
from opt_tool.passes.lower_hard_sigmoid import LowerHardSigmoid
from opt_tool.passes.lower_hard_swish import LowerHardSwish
from opt_tool.passes.lower_interpolation import LowerInterpolation
from opt_tool.passes.lower_matmul_broadcast import LowerMatmulBroadcast
from opt_tool.passes.lower_matmul_to_fc import LowerMatmulToFc
from opt_tool.passes.lower_open_conv import LowerOpenConv
from opt_tool.passes.lower_open_rows import LowerOpenRows
from opt_tool.passes.lower_reductions import LowerReductions
from opt_tool.passes.lower_relu6 import LowerRelu6
from opt_tool.passes.lower_rnn import LowerRnn
from opt_tool.passes.lower_softmax import LowerSoftmax
from opt_tool.passes.lower_swish import LowerSwish
from opt_tool.passes.merge_affines import MergeAffines
from opt_tool.passes.merge_parallel_convs import MergeParallelConvs
from opt_tool.passes.merge_reshapes import MergeReshapes
from opt_tool.passes.multiply_heads import MultiplyHeads
from opt_tool.passes.order_by_memory import OrderByMemory
from opt_tool.passes.quantization.keep_integers import KeepIntegers
from opt_tool.passes.recognise_clip import RecogniseClip
from opt_tool.passes.recognise_gelu import RecogniseGelu
from opt_tool.passes.recognise_hard_sigmoid import RecogniseHardSigmoid
from opt_tool.passes.recognise_hard_swish import RecogniseHardSwish
from opt_tool.passes.recognise_layer_norm import RecogniseLayerNorm
from opt_tool.passes.recognise_pixel_shuffle import RecognisePixelShuffle
from opt_tool.passes.recognise_plane_pad import RecognisePlanePad
from opt_tool.passes.recognise_prelu import RecognisePRelu
from opt_tool.passes.recognise_shuffle_channel import RecogniseShuffleChannel
from opt_tool.passes.recognise_swish import RecogniseSwish
from opt_tool.passes.remove_identity import RemoveIdentity
from opt_tool.passes.remove_unused_nodes import RemoveUnusedNodes
from opt_tool.passes.reshape_before_transpose import ReshapeBeforeTranspose
from opt_tool.passes.rewrite import Pass, PassReport
from opt_tool.passes.share_constants import ShareConstants
from opt_tool.passes.slice_before_transpose import SliceBeforeTranspose
from opt_tool.passes.split_concat_affine import SplitConcatAffine
from opt_tool.passes.split_padded_sum import SplitPaddedSum
from opt_tool.targets import Library, LiteVersion, Target


def passes_for(
    target: Target,
    version: LiteVersion,
    library: Library = Library.WITH_EXTRA,
    *,
    quantized: bool = False,
) -> Iterator[Pass]:
    """The passes that make a source graph one that a target's runtime executes fast.

    Args:
        target: What it is for.
        version: The runtime's version.
        library: The runtime's build; for the basic one, nothing is written as an operator
            that only the other has.
        quantized: Whether weights will be stored in fewer bits, so that nothing is written as
            an operator whose weights cannot be.
    """
    yield LowerInterpolation(target, version)  # its transposes cancel with others
    yield from simplifying_passes()
    yield LowerComputedFilter(target)  # nothing folds into filters that are computed
    yield from fusing_passes(target, version, library, quantized=quantized)
    if not quantized:
        yield MultiplyHeads()  # those that were joined
    yield from lowering_passes(target, version, library)
    yield OrderByMemory()  # of all the values that there will be
    yield ShareConstants()  # nothing changes them any more
    yield KeepIntegers(version)  # of weights that nothing scales any more
    yield ChooseKernels(target, version, library)  # last: it looks at what all the others leave


def simplifying_passes() -> Iterator[Pass]:
    """What is good for every target: less to do, and patterns that stand next to each other."""
    yield RemoveUnusedNodes()
    yield FoldConstants()
    yield RemoveIdentity()  # copies stand between the nodes of a pattern
    yield RecognisePlanePad()
    yield CancelTransposes()
    yield ChangeLayout()
    yield CancelTransposes()  # those that came, with those that stood there
    yield MergeReshapes()  # after the transposes that became reshapes
    yield ReshapeBeforeTranspose()  # of what is left of them
    yield SliceBeforeTranspose()
    yield MergeReshapes()  # those that came in front
    yield RemoveIdentity()  # a merged reshape may change nothing
    yield FoldCrop()  # of planes that have their order
    yield FoldPad()  # before activations fuse, which tell what is never negative


def fusing_passes(
    target: Target,
    version: LiteVersion,
    library: Library = Library.WITH_EXTRA,
    *,
    quantized: bool = False,
) -> Iterator[Pass]:
    """Several operations become one."""
    if library is Library.WITH_EXTRA:
        yield RecogniseLayerNorm()  # before a layer behind it takes its scale and shift
        yield RecogniseGelu(target)  # before a layer behind it takes its half
        yield RecogniseShuffleChannel()  # its reshapes and transposes have merged by now
    yield RecognisePixelShuffle(target, version, library)
    yield LowerRnn(target)  # its products become fc
    yield RecogniseClip(target, version, library)
    yield RecognisePRelu()  # of the relus that were recognised
    yield LowerMatmulToFc()
    yield FuseMatmulOperands()  # of what is no fc
    yield SplitConcatAffine()  # what it splits folds next
    yield FuseConvBatchNorm()
    yield FuseConvAffine()
    if not quantized:
        yield MergeParallelConvs()  # of filters and shortcuts that differ a lot in size
    yield FuseSumShift()
    yield SplitPaddedSum()  # of convolutions that have their final bias
    yield LowerHardSigmoid(target, library)  # behind what are now convolutions with a bias
    yield FuseConvAffine()  # they take the lines of those
    yield FuseAffineConv()  # after those that fold into a layer in front
    yield FuseFcAffine()
    yield FuseFlattenFc()
    yield FuseTransposeFc()  # what was flattened
    yield RecogniseHardSwish(target, version, library)
    if target is Target.ARM and library is Library.WITH_EXTRA:
        yield RecogniseHardSigmoid(target, version)  # what folds into a layer has folded by now
        yield RecogniseSwish()
    else:
        yield LowerSwish()  # the host's swish and hard_sigmoid are slower than their parts
    yield MergeAffines()  # what neither a layer nor a pattern took
    yield FuseActivation(target, version)  # nothing folds behind an activation any more
    yield FuseAddActivation(target, version)
    yield JoinSlices()  # which other patterns begin with
    yield DelayShuffle()  # of depthwise convolutions that have their final filters
    yield JoinHeads()  # of convolutions that have their filters, biases and activations


def lowering_passes(
    target: Target, version: LiteVersion, library: Library = Library.WITH_EXTRA
) -> Iterator[Pass]:
    """What the target's kernels do not compute is written as what they do."""
    if library is Library.BASIC:
        yield LowerHardSwish()  # after fusion, where it stays whole
    if target is Target.ARM:
        yield LowerRelu6(library)  # after fusion, where the threshold is honoured
        yield LowerGridSampler()
        yield LowerDepthwise()  # its larger filters take the paddings that were folded
    else:
        yield LowerSoftmax()
        if version < LiteVersion.V2_13:
            yield LowerGridSampler()
        yield LowerOpenConv()  # its paddings are final
    yield LowerOpenRows(target)  # slices that join others have by now
    if version < LiteVersion.V2_12:
        yield LowerGatherAxis()
    yield AddFcBias()
    yield LowerMatmulBroadcast()
    yield LowerReductions(target)
    yield InsertCasts(target, version, library)
    yield LowerCasts()  # after those that were inserted
    yield FoldConstants()  # what was lowered from constants
    yield MergeReshapes()  # the reshapes around what was lowered
    yield RemoveIdentity()


def run_passes(
    graph: Graph,
    passes: Iterable[Pass],
    *,
    on_pass: Callable[[Graph, PassReport], None] | None = None,
) -> tuple[PassReport, ...]:
    """Run passes in order and check the graph's invariants after each that changed it.

    Args:
        graph: The graph, which is changed.
        passes: The passes.
        on_pass: Called after each pass with the graph that it left.
    """
    reports = []
    verifier = Verifier()
    for graph_pass in passes:
        report = graph_pass.run(graph)
        if report.changes:
            verifier.verify(graph)
        if on_pass is not None:
            on_pass(graph, report)
        reports.append(report)
    return tuple(reports)
