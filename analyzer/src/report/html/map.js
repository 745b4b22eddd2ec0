// The map: a directory as tiles whose areas are bytes, and the same as a table.

const KINDS = ["live", "copy", "dead"];
const KIND_WORDS = ["live", "duplicated", "wasted"];
const ROWS = 50; // of the table, before "Show all"
const MAX_BOXES = 2500; // inside of tiles: more cannot be told apart, and take long to draw
const LEAST = 4; // a box is so many pixels wide and high, or is drawn with others as one
const map = { view: "all", sums: addUp("all"), directory: 0, entries: [], allRows: false };

/** Squarified treemap (Bruls, Huizing, van Wijk 2000) of entries that are sorted: rectangles in a box. */
function layout(entries, width, height) {
  const boxes = [];
  let rest = entries.reduce((sum, entry) => sum + entry.size, 0);
  let [x, y, w, h] = [0, 0, width, height];
  for (let first = 0; first < entries.length && rest > 0 && w > 0 && h > 0;) {
    const scale = (w * h) / rest, side = Math.min(w, h);
    let sum = 0, worst = Infinity, end = first;
    for (; end < entries.length; end++) {
      const area = (sum + entries[end].size) * scale, thick = area / side;
      const ratio = (size) => Math.max((size * scale) / thick / thick, thick / ((size * scale) / thick));
      const now = Math.max(ratio(entries[first].size), ratio(entries[end].size));
      if (end > first && !(now <= worst)) break;
      [worst, sum] = [now, sum + entries[end].size];
    }
    const thick = (sum * scale) / side;
    let along = 0;
    for (; first < end; first++) {
      const length = (entries[first].size * scale) / thick;
      boxes.push(w < h ? { entry: entries[first], x: x + along, y, w: length, h: thick }
        : { entry: entries[first], x, y: y + along, w: thick, h: length });
      along += length;
    }
    if (w < h) [y, h] = [y + thick, h - thick];
    else [x, w] = [x + thick, w - thick];
    rest -= sum;
  }
  return boxes;
}

function put(element, box, width, height) {
  const percent = (part, whole) => `${(100 * part) / whole}%`;
  element.style.left = percent(box.x, width);
  element.style.top = percent(box.y, height);
  element.style.width = percent(box.w, width);
  element.style.height = percent(box.h, height);
}

/** Colours a box by what its bytes are; where they are mixed, in proportion, the dead ones by the hatching below the rest. */
function paint(element, { parts, size }) {
  element.classList.add(KINDS[parts.findLastIndex((part) => part > 0)] ?? "live");
  if (parts.filter((part) => part > 0).length < 2) return;
  let at = 0;
  const stops = KINDS.map((kind, place) => {
    const from = at;
    at += (100 * parts[place]) / size;
    return `${kind === "dead" ? "transparent" : `var(--${kind}-fill)`} ${from}% ${at}%`;
  });
  element.style.backgroundImage = `linear-gradient(100deg, ${stops.join(", ")}), ${parts[DEAD] > 0 ? "var(--hatching)" : "none"}`;
}

const partsText = ({ parts }) =>
  KIND_WORDS.map((word, place) => (parts[place] > 0 ? `${sizeText(parts[place])} ${word}` : "")).filter(Boolean).join(", ");

function spoken(entry, place, count) {
  const what = entry.isDirectory ? `directory, ${entry.files} files` : entry.isApart ? "" : "file";
  return [entry.name, what, sizeText(entry.size), partsText(entry), `${place + 1} of ${count}`].filter(Boolean).join(", ");
}

/** Draws what is in the tiles, the largest first, until there are too many boxes to tell apart. */
function fill(queue) {
  for (let boxes = 0; queue.length > 0;) {
    const { element, entry, w, h } = queue.shift();
    if (!entry.isDirectory || w < 24 || h < 24 || boxes > MAX_BOXES) {
      paint(element, entry);
      continue;
    }
    element.classList.add("directory");
    const inside = make("span", { class: "inside" });
    const isTitled = element.firstChild !== null;
    const [width, height] = [w - 6, h - (isTitled ? 24 : 6)];
    if (isTitled) element.classList.add("titled");
    for (const { box, isRest } of legible(layout(withBytes(entriesOf(map.sums, entry.node)), width, height))) {
      const child = make("span", { class: "box", "data-node": box.entry.node });
      if (box.w > 46 && box.h > 22 && !isRest) child.append(label(box.entry.name, box.w > 110 ? box.entry.size : 0));
      if (box.entry.isApart) child.dataset.apart = box.entry.name;
      put(child, box, width, height);
      inside.append(child);
      boxes++;
      const item = { element: child, entry: box.entry, w: box.w, h: box.h };
      const place = queue.findIndex((other) => other.w * other.h < item.w * item.h);
      queue.splice(place < 0 ? queue.length : place, 0, item);
    }
    element.append(inside);
  }
}

const label = (name, size) => make("span", { class: "label" }, name, size > 0 ? make("span", {}, ` ${sizeText(size)}`) : "");

const withBytes = (entries) => entries.filter((entry) => entry.size > 0);

/** The boxes up to the first that is too small to see; all from there on, which lie in one corner, as one box. */
function legible(boxes) {
  const end = boxes.findIndex((box) => box.w < LEAST || box.h < LEAST);
  if (end < 0) return boxes.map((box) => ({ box }));
  const rest = boxes.slice(end);
  const [x, y] = [Math.min(...rest.map((box) => box.x)), Math.min(...rest.map((box) => box.y))];
  const [right, bottom] = [Math.max(...rest.map((box) => box.x + box.w)), Math.max(...rest.map((box) => box.y + box.h))];
  const parts = [0, 1, 2].map((kind) => rest.reduce((sum, { entry }) => sum + entry.parts[kind], 0));
  const size = rest.reduce((sum, { entry }) => sum + entry.size, 0);
  const entry = { node: parents[rest[0].entry.node], parts, size, isApart: true, isDirectory: false,
    name: `${rest.length} entries too small to draw` };
  if (rest[0].entry.isApart) entry.node = rest[0].entry.node;
  return [...boxes.slice(0, end).map((box) => ({ box })),
    { box: { entry, x, y, w: right - x, h: bottom - y }, isRest: true }];
}

function drawTiles() {
  const tiles = byId("tiles");
  const [width, height] = [tiles.clientWidth || 1000, tiles.clientHeight || 480];
  const boxes = legible(layout(withBytes(map.entries), width, height)).map(({ box }) => box);
  tiles.replaceChildren();
  const queue = boxes.map((box, place) => {
    const tile = make("button", {
      type: "button", class: "tile", "data-node": box.entry.node, tabindex: place === 0 ? 0 : -1,
      "aria-label": spoken(box.entry, place, map.entries.length), "data-place": map.entries.indexOf(box.entry), "data-apart": box.entry.isApart && box.entry.name,
    });
    if (box.w > 40 && box.h > 18) tile.append(label(box.entry.name, box.entry.size));
    put(tile, box, width, height);
    tiles.append(tile);
    return { element: tile, entry: box.entry, w: box.w, h: box.h };
  });
  fill(queue);
  if (boxes.length === 0) tiles.append(make("p", { class: "faint" }, "Nothing here has bytes in this view."));
}

function drawTable() {
  const rows = map.entries.slice(0, map.allRows ? undefined : ROWS).map((entry) => make("tr", {},
    make("th", { scope: "row" }, entry.isApart ? entry.name
      : make("button", { type: "button", class: "link", click: () => open(entry) }, entry.name + (entry.isDirectory ? "/" : ""))),
    make("td", { class: "number" }, sizeText(entry.size)),
    make("td", {}, shares(entry)),
    ...entry.parts.map((part) => make("td", { class: "number", ...(part ? {} : { "data-none": "" }) }, sizeText(part))),
    make("td", { class: "number" }, entry.files.toLocaleString("en"))));
  byId("entries").tBodies[0].replaceChildren(...rows);
  const button = byId("all-entries");
  button.hidden = map.allRows || map.entries.length <= ROWS;
  button.textContent = `Show all ${map.entries.length.toLocaleString("en")}`;
}

/** Shares of the largest entry, as a bar. */
function shares(entry) {
  const bar = make("span", { class: "shares", "aria-hidden": "true" });
  entry.parts.forEach((part, place) => {
    if (part === 0) return;
    const piece = make("span", { class: KINDS[place] });
    piece.style.width = `${(100 * part) / map.entries[0].size}%`;
    bar.append(piece);
  });
  return bar;
}

function drawCrumbs() {
  const above = [];
  for (let node = map.directory; node !== 0; node = parents[node]) above.unshift(node);
  const crumb = (node) => make("li", {}, node === map.directory
    ? make("span", { "aria-current": "location" }, node === 0 ? "/" : names[node])
    : make("button", { type: "button", class: "link", click: () => enter(node) }, node === 0 ? "/" : names[node]));
  byId("crumbs").replaceChildren(...[0, ...above].map(crumb));
  const total = map.sums.bytes.map((column) => column[map.directory]);
  byId("where").textContent = `${pathOf(map.directory)}: ${sizeText(total[0] + total[1] + total[2])}, ` +
    `${map.entries.length} ${map.entries.length === 1 ? "entry" : "entries"}; ${partsText({ parts: total }) || "no bytes"}`;
}

/** Shows a directory; the tile of `from`, or the first, has the focus if `focus`. */
function enter(directory, { from = -1, focus = true } = {}) {
  Object.assign(map, { directory, allRows: false, entries: entriesOf(map.sums, directory) });
  drawCrumbs();
  drawTiles();
  drawTable();
  byId("detail").replaceChildren();
  hover(-1);
  if (focus) focusOn(from);
}

function focusOn(node) {
  const tile = byId("tiles").querySelector(`.tile[data-node="${node}"]`) ?? byId("tiles").querySelector(".tile");
  if (!tile) return;
  for (const other of byId("tiles").querySelectorAll(".tile")) other.tabIndex = other === tile ? 0 : -1;
  tile.focus();
}

const up = () => map.directory !== 0 && enter(parents[map.directory], { from: map.directory });

function setView(view) {
  Object.assign(map, { view, sums: addUp(view) });
  byId("view").value = view;
  enter(map.sums.there[map.directory] ? map.directory : 0, { focus: false });
}

/** Opens an entry: a directory is entered, of a file all is told. */
function open(entry) {
  if (entry.isDirectory) enter(entry.node);
  else if (!entry.isApart) tell(entry.node);
}

/** Tells all that is known of a name. */
function tell(node) {
  const items = recordsOf(node).filter((record) => stateOf(record)[0] !== DIRECTORY).map((record) => {
    const state = stateOf(record), first = firsts.get(record);
    const by = (layer) => [`${layerText(layer)} `, make("code", {}, instructionOf(layer))];
    const facts = [make("dt", {}, "State"), make("dd", { class: KINDS[state[0]] }, stateText(state)),
      make("dt", {}, "Size"), make("dd", {}, `${sizeText(data.sizes[record])} (${data.sizes[record]} bytes)`),
      make("dt", {}, "Made by"), make("dd", {}, ...by(state[1]))];
    if (state[0] === DEAD) facts.push(make("dt", {}, "Killed by"), make("dd", {}, ...by(state[2])));
    if (first) facts.push(make("dt", {}, "Same as"), make("dd", {}, pathLink(first)));
    return make("dl", { class: "facts" }, ...facts);
  });
  byId("detail").replaceChildren(make("h3", {}, pathOf(node)), ...items);
}

/** A button that shows a name in the map, in the view that has everything. */
function pathLink(node) {
  return make("button", { type: "button", class: "link path", click: () => show(node) }, pathOf(node));
}

function show(node) {
  if (map.view !== "all") setView("all");
  const directory = isDirectory(node) ? node : parents[node];
  enter(directory, { from: node });
  if (!isDirectory(node)) tell(node);
  byId("map").scrollIntoView({ block: "start" });
}

function hover(node, apart) {
  if (node < 0) node = map.directory;
  const parts = map.sums.bytes.map((column) => column[node]);
  byId("hover").textContent = apart ? `${pathOf(node)}: ${apart}`
    : `${pathOf(node)}  ${sizeText(parts[0] + parts[1] + parts[2])}${partsText({ parts }) ? `: ${partsText({ parts })}` : ""}`;
}

/** The nearest tile in a direction, by the distance of the middles; what lies aside counts twice. */
function nearestTile(tile, [dx, dy]) {
  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  const [x, y] = middle(tile);
  let best = null, least = Infinity;
  for (const other of byId("tiles").querySelectorAll(".tile")) {
    const [ox, oy] = middle(other);
    const ahead = (ox - x) * dx + (oy - y) * dy, aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
    if (other === tile || ahead <= 0.5) continue;
    if (ahead + 2 * aside < least) [best, least] = [other, ahead + 2 * aside];
  }
  return best;
}

function pressInMap(event) {
  const tile = event.target.closest(".tile");
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const tiles = [...byId("tiles").querySelectorAll(".tile")];
  if (event.key === "Escape" || event.key === "Backspace") up();
  else if (tile && ways[event.key]) {
    const next = nearestTile(tile, ways[event.key]);
    if (next) focusOn(next.dataset.node);
  } else if (tile && event.key === "Home") focusOn(tiles[0].dataset.node);
  else if (tile && event.key === "End") focusOn(tiles.at(-1).dataset.node);
  else return;
  event.preventDefault();
}

/** A click means the innermost directory that is drawn there; on a file of this directory, the file. */
function clickInMap(event) {
  const tile = event.target.closest(".tile");
  if (!tile) return;
  const entry = map.entries[Number(tile.dataset.place)]; // none for what is too small to draw
  const directory = event.target.closest(".directory");
  if (directory) enter(Number(directory.dataset.node));
  else if (entry) open(entry);
}

function startMap() {
  const option = (value, text) => make("option", { value }, text);
  const ofLayers = (word, label, is) => make("optgroup", { label }, ...data.layers.flatMap(([instruction], layer) =>
    (is(layer) ? [option(`${word} ${layer}`, `${layer}: ${instruction.slice(0, 70) || "unknown"}`)] : [])));
  const killers = new Set(data.states.map(([, , killer]) => killer));
  byId("view").append(option("all", "everything in all layers"), option("merged", "merged image"),
    option("wasted", "what is wasted"), ofLayers("made", "What one layer made", () => true),
    ofLayers("killed", "What one layer killed", (layer) => killers.has(layer)));
  byId("view").addEventListener("change", (event) => setView(event.target.value));
  byId("all-entries").addEventListener("click", () => {
    map.allRows = true;
    drawTable();
  });
  const tiles = byId("tiles");
  tiles.addEventListener("click", clickInMap);
  byId("map").addEventListener("keydown", (event) => event.target.matches("select") || pressInMap(event));
  const point = (event) => {
    const at = event.target.closest("[data-node]");
    if (at) hover(Number(at.dataset.node), at.dataset.apart);
  };
  tiles.addEventListener("pointerover", point);
  tiles.addEventListener("focusin", point);
  tiles.addEventListener("pointerleave", () => hover(-1));
  enter(0, { focus: false });
  let size = "";
  new ResizeObserver(() => {
    const now = `${tiles.clientWidth} ${tiles.clientHeight}`;
    if (size !== "" && size !== now) {
      const focused = tiles.contains(document.activeElement) ? document.activeElement.dataset.node : null;
      drawTiles();
      if (focused !== null) focusOn(focused);
    }
    size = now;
  }).observe(tiles);
}
