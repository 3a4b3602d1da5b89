"""Which layers a network has in the state of testing: Caffe's NetState rules."""

from __future__ import annotations

from opt_tool.formats.caffe import caffe_pb2


def present_layers(network: caffe_pb2.NetParameter) -> list[caffe_pb2.LayerParameter]:
    """The layers that are there for testing, in order."""
    state = network.state
    return [layer for layer in network.layer if _is_present(layer, state)]


def _is_present(layer: caffe_pb2.LayerParameter, state: caffe_pb2.NetState) -> bool:
    if layer.include:
        return any(_is_met(rule, state) for rule in layer.include)
    return not any(_is_met(rule, state) for rule in layer.exclude)


def _is_met(rule: caffe_pb2.NetStateRule, state: caffe_pb2.NetState) -> bool:
    stages = set(state.stage)
    return (
        (not rule.HasField("phase") or rule.phase == caffe_pb2.TEST)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and stages.issuperset(rule.stage)
        and stages.isdisjoint(rule.not_stage)
    )
