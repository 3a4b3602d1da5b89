"use strict";
// Places boxes in layers with dagre. Runs of boxes that only follow each other are placed as
// one: that makes the layout quick and keeps a deep network's runs straight.

const GAP = 22; // between the boxes of a run
const MOST_RUNS = 1500; // dagre takes too long, or too deep a stack, beyond

function layoutGraph(boxes, arrows) {
  const runs = runsOf(boxes.length, arrows);
  const sized = runs.map((run) => ({
    run,
    width: extreme(run.map((i) => boxes[i].width), Math.max),
    height: run.reduce((sum, i) => sum + boxes[i].height, (run.length - 1) * GAP),
  }));
  const home = new Array(boxes.length);
  runs.forEach((run, r) => run.forEach((i) => { home[i] = r; }));
  const between = arrows.filter((a) => home[a.tail] !== home[a.head]);
  const places = runs.length > MOST_RUNS ? stacked(sized) : layered(sized, between, home);
  return finish(boxes, arrows, sized, places, home);
}

// Maximal runs in which each box is all that follows the one before.
function runsOf(count, arrows) {
  const next = Array.from({ length: count }, () => []);
  const previous = Array.from({ length: count }, () => []);
  for (const { tail, head } of arrows) {
    next[tail].push(head);
    previous[head].push(tail);
  }
  const follows = (i) => previous[i].length === 1 && next[previous[i][0]].length === 1;
  const runs = [];
  for (let start = 0; start < count; start++) {
    if (follows(start)) continue;
    const run = [start];
    let last = start;
    while (next[last].length === 1 && follows(next[last][0])) {
      last = next[last][0];
      run.push(last);
    }
    runs.push(run);
  }
  return runs;
}

function layered(sized, between, home) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 28, edgesep: 14, ranksep: 34, marginx: 20, marginy: 20 });
  graph.setDefaultEdgeLabel(() => ({}));
  sized.forEach(({ width, height }, r) => graph.setNode(String(r), { width, height }));
  for (const { tail, head } of between) graph.setEdge(String(home[tail]), String(home[head]));
  dagre.layout(graph);
  return {
    at: sized.map((_, r) => graph.node(String(r))),
    points: (tail, head) => graph.edge(String(home[tail]), String(home[head])).points.slice(1, -1),
  };
}

// One column in execution order, for graphs that are too large to lay out.
function stacked(sized) {
  let y = 20;
  const at = sized.map(({ width, height }) => {
    const place = { x: 400, y: y + height / 2, width, height };
    y += height + GAP;
    return place;
  });
  const side = (tail, head) => [{ x: 520 + Math.min(300, 8 * Math.log2(head - tail + 1) ** 2), y: null }];
  return { at, points: side };
}

function finish(boxes, arrows, sized, places, home) {
  const placed = new Array(boxes.length);
  sized.forEach(({ run, height }, r) => {
    let y = places.at[r].y - height / 2;
    for (const i of run) {
      placed[i] = { x: places.at[r].x, y: y + boxes[i].height / 2, width: boxes[i].width, height: boxes[i].height };
      y += boxes[i].height + GAP;
    }
  });
  const routes = arrows.map(({ tail, head }) => {
    const from = { x: placed[tail].x, y: placed[tail].y + placed[tail].height / 2 };
    const to = { x: placed[head].x, y: placed[head].y - placed[head].height / 2 };
    const inner = home[tail] === home[head] ? [] : places.points(tail, head);
    return [from, ...inner.map((p) => ({ x: p.x, y: p.y === null ? (from.y + to.y) / 2 : p.y })), to];
  });
  const xs = [...placed.flatMap((p) => [p.x - p.width / 2, p.x + p.width / 2]), ...routes.flat().map((p) => p.x)];
  const ys = placed.flatMap((p) => [p.y - p.height / 2, p.y + p.height / 2]);
  return {
    placed,
    routes,
    left: extreme(xs, Math.min) - 20,
    top: extreme(ys, Math.min) - 20,
    right: extreme(xs, Math.max) + 20,
    bottom: extreme(ys, Math.max) + 20,
  };
}

function extreme(numbers, choose) {
  return numbers.reduce((a, b) => choose(a, b), numbers.length ? numbers[0] : 0);
}
