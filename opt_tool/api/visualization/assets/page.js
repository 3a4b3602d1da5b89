"use strict";
// Shows drawings: panes with zoom, search, details. Texts of the model go into the page by
// textContent and setAttribute only.

const SVG = "http://www.w3.org/2000/svg";
const DATA = JSON.parse(document.getElementById("data").textContent);
const BOX_HEIGHT = 40;
const LONGEST_CAPTION = 36;
const MOST_RESULTS = 60;
const MOST_DRAWN = 1500; // of larger graphs only what is seen is in the page
const MOST_DOTS = 3000;
const $ = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// ---- numbers

const integer = (n) => n.toLocaleString("en-US");

function short(n) {
  if (n === null || n === undefined) return "–";
  return Number(n.toPrecision(4)).toString();
}

function scaled(n, units) {
  let size = n;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit ? size.toFixed(1) : size}${units[unit]}`;
}

const bytes = (n) => scaled(n, [" B", " kB", " MB", " GB"]);
const count = (n) => scaled(n, ["", " k", " M", " G", " T"]);
const clipped = (text) => (text.length > LONGEST_CAPTION ? `${text.slice(0, LONGEST_CAPTION - 1)}…` : text);

// ---- colours

const HEATS = {
  "multiply-accumulates": (box) => box.macs || null,
  "parameter bytes": (box) => box.parameter_bytes || null,
  "bits of weights": (box) => box.bits,
  "quantization error": (box) => {
    const known = box.weights.map((w) => w.quantization && w.quantization.sqnr_db).filter((db) => typeof db === "number");
    return known.length ? -Math.min(...known) : null;
  },
};

function heatOf(measure, boxes) {
  const values = boxes.map(measure);
  const known = values.filter((v) => v !== null);
  const low = extreme(known, Math.min);
  const high = extreme(known, Math.max);
  return values.map((v) => (v === null ? null : high > low ? Math.sqrt((v - low) / (high - low)) : 0.5));
}

// ---- one pane

class Pane {
  constructor(drawing, index) {
    this.drawing = drawing;
    this.index = index;
    this.boxes = drawing.boxes.map((box) => {
      const title = box.kind === "input" || box.kind === "output" ? box.name : box.op;
      const lines = [clipped(title), clipped(box.caption)];
      const width = Math.max(96, 8.1 * lines[0].length + 26, 6.3 * lines[1].length + 26);
      return { lines, width, height: BOX_HEIGHT };
    });
    this.layout = layoutGraph(this.boxes, drawing.arrows);
    this.next = drawing.boxes.map(() => []);
    this.previous = drawing.boxes.map(() => []);
    drawing.arrows.forEach(({ tail, head }) => {
      this.next[tail].push(head);
      this.previous[head].push(tail);
    });
    this.build();
    this.listen();
  }

  build() {
    this.scene = svg("g");
    this.arrows = this.drawing.arrows.map((arrow, a) => this.arrowShape(arrow, a));
    this.shapes = this.drawing.boxes.map((box, i) => this.boxShape(box, i));
    this.isLarge = this.shapes.length > MOST_DRAWN;
    if (!this.isLarge) this.scene.append(...this.arrows, ...this.shapes);
    this.heights = this.layout.placed.map((p) => [p.y - p.height / 2, p.y + p.height / 2]);
    this.spans = this.layout.routes.map((points) => [Math.min, Math.max].map((choose) => extreme(points.map((p) => p.y), choose)));
    const tip = svg("marker", { id: `tip-${this.index}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" }, svg("path", { d: "M0,0 L8,4 L0,8 z", class: "tip" }));
    this.picture = svg("svg", { class: "graph", tabindex: 0, role: "application", "aria-label": "graph; arrow keys go from node to node" }, svg("defs", {}, tip), this.scene);
    this.element = element("div", { class: "pane" }, this.picture);
    if (DATA.drawings.length > 1) {
      const facts = element("small");
      facts.textContent = ` ${this.drawing.facts.operators || this.boxes.length} operators`;
      const heading = element("h2");
      heading.textContent = this.drawing.title;
      heading.append(facts);
      this.element.append(heading);
    }
    this.buildMap();
  }

  boxShape(box, i) {
    const { x, y, width, height } = this.layout.placed[i];
    const title = svg("text", { x: width / 2, y: 17 });
    title.textContent = this.boxes[i].lines[0];
    const caption = svg("text", { x: width / 2, y: 32, class: "caption" });
    caption.textContent = this.boxes[i].lines[1];
    const tooltip = svg("title");
    tooltip.textContent = `${box.op} ${box.name}`;
    const rect = svg("rect", { width, height, rx: 7 });
    const shape = svg("g", { class: "box", "data-kind": box.kind, "data-index": i, transform: `translate(${x - width / 2},${y - height / 2})` }, tooltip, rect, title, caption);
    return shape;
  }

  arrowShape(arrow, a) {
    const tooltip = svg("title");
    tooltip.textContent = arrow.label;
    return svg("path", { class: "arrow", d: curve(this.layout.routes[a]), "marker-end": `url(#tip-${this.index})` }, tooltip);
  }

  buildMap() {
    const { left, top, right, bottom } = this.layout;
    const every = Math.ceil(this.boxes.length / MOST_DOTS);
    const dots = this.layout.placed.map((p, i) => (i % every ? null : svg("rect", { class: "dot", "data-kind": this.drawing.boxes[i].kind, x: p.x - p.width / 2, y: p.y - p.height / 2, width: p.width, height: p.height })));
    this.view = svg("rect", { class: "view" });
    const [width, height] = [right - left, bottom - top];
    const scale = Math.min(120 / width, 260 / height);
    this.map = svg("svg", { class: "map", viewBox: `${left} ${top} ${width} ${height}`, width: Math.max(24, width * scale), height: height * scale, "aria-hidden": "true" });
    for (const dot of dots) if (dot) this.map.append(dot);
    this.map.append(this.view);
    this.dots = dots;
    this.element.append(this.map);
  }

  // ---- moving

  get size() {
    return { width: this.picture.clientWidth, height: this.picture.clientHeight };
  }

  move(x, y, k) {
    [this.x, this.y, this.k] = [x, y, Math.min(4, Math.max(0.02, k))];
    this.scene.setAttribute("transform", `translate(${this.x},${this.y}) scale(${this.k})`);
    const { width, height } = this.size;
    const seen = { x: -this.x / this.k, y: -this.y / this.k, width: width / this.k, height: height / this.k };
    for (const [key, value] of Object.entries(seen)) this.view.setAttribute(key, value);
    if (this.isLarge) this.drawSeen(seen.y - seen.height / 2, seen.y + 1.5 * seen.height);
  }

  // Of a large graph only what is between two heights is in the page.
  drawSeen(top, bottom) {
    const isSeen = ([from, to]) => from < bottom && to > top;
    const seen = this.arrows.filter((_, a) => isSeen(this.spans[a])).concat(this.shapes.filter((_, i) => isSeen(this.heights[i])));
    this.scene.replaceChildren(...seen);
  }

  start() {
    const { left, top, right } = this.layout;
    const { width } = this.size;
    const k = Math.min(1, Math.max(0.4, width / (right - left)));
    const first = this.layout.placed[0] || { x: (left + right) / 2 };
    this.move(width / 2 - first.x * k, 44 - top * k, k);
  }

  fit() {
    const { left, top, right, bottom } = this.layout;
    const { width, height } = this.size;
    const k = Math.min(1.5, width / (right - left), height / (bottom - top));
    this.move(width / 2 - ((left + right) / 2) * k, height / 2 - ((top + bottom) / 2) * k, k);
  }

  zoom(factor, x = this.size.width / 2, y = this.size.height / 2) {
    const k = Math.min(4, Math.max(0.02, this.k * factor));
    this.move(x - ((x - this.x) / this.k) * k, y - ((y - this.y) / this.k) * k, k);
  }

  show(i) {
    const { x, y } = this.layout.placed[i];
    const { width, height } = this.size;
    const k = Math.max(this.k, 0.75);
    this.move(width / 2 - x * k, height / 2 - y * k, k);
  }

  listen() {
    this.picture.addEventListener("wheel", (event) => {
      event.preventDefault();
      const area = this.picture.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - area.left, event.clientY - area.top);
    }, { passive: false });
    let from = null;
    this.picture.addEventListener("pointerdown", (event) => {
      from = { x: event.clientX - this.x, y: event.clientY - this.y, moved: false, at: event };
    });
    this.picture.addEventListener("pointermove", (event) => {
      if (!from) return;
      if (!from.moved && Math.hypot(event.clientX - from.at.clientX, event.clientY - from.at.clientY) < 4) return;
      if (!from.moved) this.picture.setPointerCapture(event.pointerId);
      from.moved = true;
      this.picture.classList.add("dragged");
      this.move(event.clientX - from.x, event.clientY - from.y, this.k);
    });
    const end = (event) => {
      const box = event.target.closest && event.target.closest(".box");
      if (from && !from.moved && event.type === "pointerup") {
        if (box) select(this, Number(box.dataset.index));
        else deselect();
      }
      from = null;
      this.picture.classList.remove("dragged");
    };
    this.picture.addEventListener("pointerup", end);
    this.picture.addEventListener("pointercancel", end);
    this.map.addEventListener("pointerdown", (event) => {
      const area = this.map.getBoundingClientRect();
      const { left, top, right, bottom } = this.layout;
      const x = left + ((event.clientX - area.left) / area.width) * (right - left);
      const y = top + ((event.clientY - area.top) / area.height) * (bottom - top);
      this.move(this.size.width / 2 - x * this.k, this.size.height / 2 - y * this.k, this.k);
    });
    new ResizeObserver(() => this.k && this.move(this.x, this.y, this.k)).observe(this.picture);
  }
}

function curve(points) {
  let path = `M${points[0].x},${points[0].y}`;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    const middle = (a.y + b.y) / 2;
    path += a.x === b.x ? ` L${b.x},${b.y}` : ` C${a.x},${middle} ${b.x},${middle} ${b.x},${b.y}`;
  }
  return path;
}

// ---- selection

const state = { pane: null, box: null, found: [], current: -1 };

function select(pane, i, { show = false } = {}) {
  clearMarks();
  [state.pane, state.box] = [pane, i];
  pane.shapes[i].classList.add("selected");
  pane.drawing.arrows.forEach(({ tail, head }, a) => pane.arrows[a].classList.toggle("near", tail === i || head === i));
  $("details").hidden = false;
  $("details").replaceChildren(...detailsOf(pane, i));
  $("details").scrollTop = 0;
  if (show) pane.show(i);
  const others = linkedTo(pane, i);
  const other = panes[1 - pane.index];
  others.forEach((j) => other.shapes[j].classList.add("linked"));
  if (others.length) other.show(others[0]);
}

function linkedTo(pane, i) {
  return DATA.links.filter((link) => link[pane.index] === i).map((link) => link[1 - pane.index]);
}

function clearMarks() {
  for (const pane of panes) {
    pane.shapes.forEach((shape) => shape.classList.remove("selected", "linked"));
    pane.arrows.forEach((arrow) => arrow.classList.remove("near"));
  }
}

function deselect() {
  clearMarks();
  [state.pane, state.box] = [null, null];
  $("details").hidden = true;
}

// ---- details

function detailsOf(pane, i) {
  const box = pane.drawing.boxes[i];
  const close = element("button", { class: "close", "aria-label": "Close" });
  close.textContent = "×";
  close.addEventListener("click", deselect);
  const heading = element("h2");
  heading.textContent = box.op;
  const name = element("div", { class: "name" });
  name.textContent = box.name;
  const parts = [close, heading, name, ...badges(box)];
  parts.push(...section("Runs as", rows(factsOf(box))));
  parts.push(...section("Attributes", rows(box.attributes.map((a) => [a.name, a.value, a.default ? "default" : ""]))));
  parts.push(...section("Weights", box.weights.map(weightOf)));
  parts.push(...section("Reads", rows(box.inputs.map((t) => [t.slot, tensor(t)]))));
  parts.push(...section("Makes", rows(box.outputs.map((t) => [t.slot, tensor(t)]))));
  parts.push(...section("From", rows(box.sources.map((text) => ["source", text]).concat(box.passes.map((text) => ["pass", text])))));
  parts.push(...section("Neighbours", neighbours(pane, i)));
  return parts;
}

function badges(box) {
  const texts = [];
  if (box.library) texts.push([box.library === "basic" ? "basic library" : "library with_extra", box.library === "basic" ? "" : "extra"]);
  if (box.bits) texts.push([`${box.bits} bits`, ""]);
  return texts.map(([text, kind]) => {
    const badge = element("span", { class: `badge ${kind}` });
    badge.textContent = text;
    return badge;
  });
}

function factsOf(box) {
  const facts = [];
  if (box.kernel) facts.push(["kernel", box.kernel]);
  if (box.parameters) facts.push(["parameters", `${integer(box.parameters)} (${bytes(box.parameter_bytes)})`]);
  if (box.macs === null) facts.push(["MACs", "open"]);
  else if (box.macs) facts.push(["MACs", `${integer(box.macs)} (${count(box.macs)})`]);
  return facts;
}

const tensor = (t) => `${t.name}: ${t.type}`;

function section(title, children) {
  if (!children.length) return [];
  const heading = element("h3");
  heading.textContent = title;
  return [heading, ...children];
}

function rows(cells) {
  if (!cells.length) return [];
  const table = element("table");
  for (const [key, value, kind] of cells) {
    const row = element("tr", kind ? { class: kind } : {});
    for (const text of [key, value]) {
      const cell = element("td");
      cell.textContent = text;
      row.append(cell);
    }
    table.append(row);
  }
  return [table];
}

function weightOf(weight) {
  const block = element("div", { class: "weight" });
  const name = element("div", { class: "name" });
  name.textContent = `${weight.slot} ${weight.name}: ${weight.type}`;
  block.append(name);
  if (weight.histogram) block.append(...histogram(weight.histogram));
  const facts = [];
  if (weight.values.length) facts.push(["values", weight.values.map(short).join(", ")]);
  else facts.push(["mean ± deviation", `${short(weight.mean)} ± ${short(weight.deviation)}`]);
  if (weight.zeros) facts.push(["zeros", `${(100 * weight.zeros).toFixed(1)} %`]);
  if (weight.not_finite) facts.push(["not finite", integer(weight.not_finite)]);
  facts.push(["in the file", bytes(weight.bytes)]);
  const q = weight.quantization;
  if (q) {
    facts.push(["quantized", `${q.bits} bits, ${integer(q.scales)} scales along axis ${q.axis}`]);
    facts.push(["scale", `${short(q.smallest_scale)} to ${short(q.largest_scale)}`]);
    if (q.sqnr_db !== null) facts.push(["error", `${q.sqnr_db.toFixed(1)} dB ${q.measured ? "signal to noise, measured" : "signal to noise, expected of these scales"}`]);
  }
  block.append(...rows(facts));
  return block;
}

function histogram({ low, high, counts }) {
  const most = Math.max(...counts);
  const bars = counts.map((n, i) => {
    const height = n ? Math.max(1, (88 * n) / most) : 0;
    const tooltip = svg("title");
    const width = (high - low) / counts.length;
    tooltip.textContent = `${short(low + i * width)} to ${short(low + (i + 1) * width)}: ${integer(n)}`;
    return svg("rect", { x: (i * 320) / counts.length + 0.5, y: 90 - height, width: 320 / counts.length - 1, height }, tooltip);
  });
  const scale = element("div", { class: "scale" });
  for (const end of [low, high]) {
    const label = element("span");
    label.textContent = short(end);
    scale.append(label);
  }
  return [svg("svg", { class: "histogram", viewBox: "0 0 320 90", preserveAspectRatio: "none", role: "img", "aria-label": "histogram of the weights" }, ...bars), scale];
}

function neighbours(pane, i) {
  const link = (j) => {
    const anchor = element("a", { role: "button", tabindex: 0 });
    anchor.textContent = `${pane.drawing.boxes[j].op} ${pane.drawing.boxes[j].name}`;
    anchor.addEventListener("click", () => select(pane, j, { show: true }));
    anchor.addEventListener("keydown", (event) => event.key === "Enter" && select(pane, j, { show: true }));
    return element("div", {}, anchor);
  };
  const table = element("table");
  for (const [title, list] of [["before", pane.previous[i]], ["after", pane.next[i]]]) {
    if (!list.length) continue;
    const [key, cell] = [element("td"), element("td", {}, ...list.map(link))];
    key.textContent = title;
    table.append(element("tr", {}, key, cell));
  }
  return table.childNodes.length ? [table] : [];
}

// ---- search

function textOf(box) {
  const attributes = box.attributes.filter((a) => !a.default).map((a) => `${a.name}=${a.value}`);
  const tensors = [...box.inputs, ...box.outputs].map((t) => t.name);
  return [box.op, box.name, box.kernel || "", box.caption, ...box.sources, ...attributes, ...tensors].join("\n").toLowerCase();
}

function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  state.found = [];
  state.current = -1;
  for (const pane of panes) {
    pane.texts = pane.texts || pane.drawing.boxes.map(textOf);
    pane.shapes.forEach((shape, i) => {
      const found = words.length > 0 && words.every((word) => pane.texts[i].includes(word));
      shape.classList.toggle("found", found);
      if (found) state.found.push([pane, i]);
    });
    pane.scene.classList.toggle("dimmed", words.length > 0 && state.found.length > 0);
  }
  listResults(words.length > 0);
}

function listResults(asked) {
  const items = state.found.slice(0, MOST_RESULTS).map(([pane, i], index) => {
    const [op, name] = [element("span"), element("span")];
    op.textContent = pane.drawing.boxes[i].op;
    name.textContent = pane.drawing.boxes[i].name;
    const item = element("li", { role: "option" }, op, name);
    item.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      go(index);
    });
    return item;
  });
  if (asked) {
    const note = element("li");
    note.textContent = state.found.length ? `${integer(state.found.length)} found` : "nothing found";
    items.push(note);
  }
  $("results").replaceChildren(...items);
  $("results").hidden = !asked;
}

function go(index) {
  if (!state.found.length) return;
  state.current = (index + state.found.length) % state.found.length;
  const [pane, i] = state.found[state.current];
  [...$("results").children].forEach((item, j) => item.classList.toggle("current", j === state.current));
  const row = $("results").children[state.current];
  if (row) row.scrollIntoView({ block: "nearest" });
  select(pane, i, { show: true });
}

$("search").addEventListener("input", (event) => search(event.target.value));
$("search").addEventListener("focus", (event) => listResults(event.target.value.trim() !== ""));
$("search").addEventListener("blur", () => { $("results").hidden = true; });
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") go(state.current + (event.shiftKey ? -1 : 1));
  if (event.key === "ArrowDown") go(state.current + 1);
  if (event.key === "ArrowUp") go(state.current - 1);
  if (["ArrowDown", "ArrowUp"].includes(event.key)) event.preventDefault();
  if (event.key === "Escape") {
    event.target.value = "";
    search("");
    panes[0].picture.focus();
  }
  event.stopPropagation();
});

// ---- keys, buttons, theme, colours

function step(towards) {
  const focused = panes.find((one) => one.picture === document.activeElement);
  const pane = focused || state.pane || panes[0];
  if (state.pane !== pane) {
    const linked = state.pane ? linkedTo(state.pane, state.box) : [];
    select(pane, linked.length ? linked[0] : 0, { show: true });
    return;
  }
  const last = pane.shapes.length - 1;
  const targets = {
    ArrowDown: pane.next[state.box][0],
    ArrowUp: pane.previous[state.box][0],
    ArrowRight: Math.min(last, state.box + 1),
    ArrowLeft: Math.max(0, state.box - 1),
  };
  if (targets[towards] !== undefined) select(pane, targets[towards], { show: true });
}

const each = (action) => () => panes.forEach(action);
const KEYS = {
  "+": each((pane) => pane.zoom(1.25)),
  "=": each((pane) => pane.zoom(1.25)),
  "-": each((pane) => pane.zoom(0.8)),
  0: each((pane) => pane.fit()),
  f: each((pane) => pane.fit()),
  d: () => setTheme(!document.documentElement.classList.contains("dark")),
  "/": () => $("search").focus(),
  "?": () => $("help").showModal(),
  Escape: deselect,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open || event.target.closest("select, a")) return;
  if (event.key.startsWith("Arrow")) step(event.key);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});

function setTheme(dark) {
  document.documentElement.classList.toggle("dark", dark);
}

function setColours(choice) {
  for (const pane of panes) {
    const heats = HEATS[choice] ? heatOf(HEATS[choice], pane.drawing.boxes) : null;
    [pane.shapes, pane.dots].forEach((shapes) => shapes.forEach((shape, i) => {
      if (shape === null) return;
      if (heats === null) {
        shape.removeAttribute("data-heat");
        return;
      }
      shape.setAttribute("data-heat", heats[i] === null ? "none" : "some");
      shape.style.setProperty("--heat", heats[i] === null ? 0 : heats[i]);
    }));
  }
  showLegend(choice);
}

function showLegend(choice) {
  const item = (text, swatch) => {
    const label = element("span");
    label.textContent = text;
    return element("span", { class: "item" }, swatch, label);
  };
  if (HEATS[choice]) {
    const heat = (value) => element("span", { class: "swatch", "data-heat": "some", style: `--heat:${value}` });
    $("legend").replaceChildren(item(`least ${choice}`, heat(0)), item("", heat(0.5)), item(`most ${choice}`, heat(1)));
    return;
  }
  const counts = new Map();
  panes.flatMap((pane) => pane.drawing.boxes).forEach((box) => counts.set(box.kind, (counts.get(box.kind) || 0) + 1));
  const kinds = [...counts].sort((a, b) => b[1] - a[1]);
  $("legend").replaceChildren(...kinds.map(([kind, n]) => item(`${kind.replaceAll("_", " ")} ${n}`, element("span", { class: "swatch", "data-kind": kind }))));
}

$("zoom-in").addEventListener("click", KEYS["+"]);
$("zoom-out").addEventListener("click", KEYS["-"]);
$("fit").addEventListener("click", KEYS[0]);
$("theme").addEventListener("click", KEYS.d);
$("keys").addEventListener("click", KEYS["?"]);
$("colour").addEventListener("change", (event) => setColours(event.target.value));

// ---- start

setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches);
const panes = DATA.drawings.map((drawing, index) => new Pane(drawing, index));
$("panes").append(...panes.map((pane) => pane.element));
const useful = Object.keys(HEATS).filter((name) => new Set(panes.flatMap((pane) => pane.drawing.boxes.map(HEATS[name])).filter((v) => v !== null)).size > 1);
$("colour").append(...["operation", ...useful].map((name) => {
  const option = element("option", { value: name });
  option.textContent = name;
  return option;
}));
document.title = `${DATA.drawings[0].title} – opt`;
$("title").textContent = panes.length > 1 ? "Before and after" : DATA.drawings[0].title;
const FACTS = panes[panes.length - 1].drawing.facts;
$("facts").textContent = Object.entries(FACTS).map(([name, value]) => `${value} ${name}`).join(" · ");
setColours("operation");
panes.forEach((pane) => pane.start());
