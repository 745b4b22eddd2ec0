"use strict";
// The files of the image, as columns (data.rs says how they are written), and what a view of them adds up to.

const data = JSON.parse(document.getElementById("data").textContent);
const [LIVE, COPY, DEAD, LINK, SYMLINK, SPECIAL, DIRECTORY] = [0, 1, 2, 3, 4, 5, 6];
const WORDS = ["live", "duplicate", "wasted", "hard link", "symlink", "device or pipe", "directory"];
const HOW = {
  overwrite: "overwritten", rewrite: "written again", whiteout: "deleted", opaque: "deleted with its directory",
  "type-change": "replaced by another type", "duplicate-entry": "written twice in one layer",
};

const names = data.names === "" ? [""] : ["", ...data.names.split("/")];
const parents = new Int32Array(names.length);
const children = new Map(); // of directories alone
{
  const above = [0];
  data.depths.forEach((depth, place) => {
    const node = place + 1;
    parents[node] = above[depth - 1];
    above[depth] = node;
    if (children.has(parents[node])) children.get(parents[node]).push(node);
    else children.set(parents[node], [node]);
  });
}

/** Where the records of each name begin, given how far each is from the one before. */
function starts(steps) {
  const starts = new Int32Array(names.length + 1).fill(steps.length);
  let node = 0, next = 0;
  steps.forEach((step, place) => {
    node += step;
    while (next <= node) starts[next++] = place;
  });
  return starts;
}
const recordStarts = starts(data.at);
const sumStarts = starts(data.sumAt);
const firsts = new Map(); // of copies and links: the name of the file that was there first
{
  let next = 0;
  data.state.forEach((state, record) => {
    const kind = data.states[state][0];
    if (kind === COPY || kind === LINK) firsts.set(record, data.first[next++]);
  });
}

const isDirectory = (node) => node === 0 || children.has(node) || recordsOf(node).some((r) => stateOf(r)[0] === DIRECTORY);
const stateOf = (record) => data.states[data.state[record]];
function recordsOf(node) {
  const records = [];
  for (let record = recordStarts[node]; record < recordStarts[node + 1]; record++) records.push(record);
  return records;
}

function pathOf(node) {
  const parts = [];
  for (; node !== 0; node = parents[node]) parts.push(names[node]);
  return "/" + parts.reverse().join("/");
}

/** The name at a path as it is shown, or -1. */
function nodeAt(path) {
  return path.split("/").filter(Boolean).reduce(
    (node, name) => (node < 0 ? node : (children.get(node) ?? []).find((child) => names[child] === name) ?? -1), 0);
}

/** Bytes in docker's units: powers of 1,000, three digits at most. */
function sizeText(bytes) {
  if (bytes < 1000) return `${bytes}B`;
  const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
  let unit = 0;
  for (; bytes >= 999.5 && unit + 1 < units.length; unit++) bytes /= 1000;
  const digits = bytes.toFixed(bytes < 9.995 ? 2 : bytes < 99.95 ? 1 : 0);
  return (digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits) + units[unit];
}

/** `layer 3, line 5`, and the instruction apart. */
const layerText = (layer) => `layer ${layer}${data.layers[layer]?.[1] ? `, line ${data.layers[layer][1]}` : ""}`;
const instructionOf = (layer) => data.layers[layer]?.[0] ?? "";

const stateText = ([kind, , , how]) => (kind === DEAD ? `wasted: ${HOW[how]}` : WORDS[kind]);

/** What a view counts: which states of records are in it. Besides these there are `made 3` and `killed 3`, of a layer. */
const VIEWS = {
  all: () => true,
  merged: ([kind]) => kind !== DEAD,
  wasted: ([kind]) => kind === DEAD,
};
function isIn(view) {
  const [word, layer] = view.split(" ");
  if (word === "made") return ([, creator]) => creator === Number(layer);
  if (word === "killed") return ([, , killer]) => killer === Number(layer);
  return VIEWS[word];
}

/** Adds a view up over the tree: live, duplicated and dead bytes, files and names, each by name with all below it. */
function addUp(view) {
  const is = data.states.map(isIn(view));
  const bytes = [0, 1, 2].map(() => new Float64Array(names.length));
  const files = new Float64Array(names.length);
  const there = new Uint8Array(names.length);
  const count = (node, state, size, number) => {
    if (!is[state]) return;
    const kind = data.states[state][0];
    there[node] = 1;
    if (kind > DEAD) return;
    bytes[kind][node] += size;
    files[node] += number;
  };
  let node = 0;
  data.at.forEach((step, record) => count((node += step), data.state[record], data.sizes[record], 1));
  node = 0;
  data.sumAt.forEach((step, sum) => count((node += step), data.sumState[sum], data.sumBytes[sum], data.sumFiles[sum]));
  for (node = names.length - 1; node > 0; node--) {
    for (const column of [...bytes, files]) column[parents[node]] += column[node];
    there[parents[node]] |= there[node];
  }
  return { is, bytes, files, there };
}

/** What is in a directory in a view, the largest first: names, and what stands for files that have none here. */
function entriesOf(sums, node) {
  const entry = (of, more) => {
    const parts = sums.bytes.map((column) => column[of]);
    return { node: of, name: names[of], parts, size: parts[0] + parts[1] + parts[2], files: sums.files[of], ...more };
  };
  const entries = (children.get(node) ?? []).filter((child) => sums.there[child])
    .map((child) => entry(child, { isDirectory: isDirectory(child) }));
  const apart = (name, items) => {
    const parts = [0, 0, 0];
    let files = 0;
    for (const [state, size, number] of items) {
      const kind = data.states[state][0];
      if (!sums.is[state] || kind > DEAD) continue;
      parts[kind] += size;
      files += number;
    }
    const size = parts[0] + parts[1] + parts[2];
    if (files > 0) entries.push({ node, name: name(files), parts, size, files, isDirectory: false, isApart: true });
  };
  const hidden = [];
  for (let sum = sumStarts[node]; sum < sumStarts[node + 1]; sum++) {
    hidden.push([data.sumState[sum], data.sumBytes[sum], data.sumFiles[sum]]);
  }
  apart((files) => `${files.toLocaleString("en")} smaller files`, hidden);
  if (node !== 0) {
    apart(() => "what was a file here before", recordsOf(node).map((r) => [data.state[r], data.sizes[r], 1]));
  }
  return entries.sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1));
}

/** Makes an element; attributes that are functions are listeners, and content is only ever text or elements. */
function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...content);
  return element;
}
const byId = (id) => document.getElementById(id);
