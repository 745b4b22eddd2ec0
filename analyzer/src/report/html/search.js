// Search by path: text, globs, regular expressions.

const RESULTS = 100; // shown at once
const search = { found: [], shown: RESULTS, timer: 0 };

/** Every path, made at the first search. */
const allPaths = (() => {
  let paths = null;
  return () => {
    if (paths === null) {
      paths = [""];
      for (let node = 1; node < names.length; node++) paths.push(`${paths[parents[node]]}/${names[node]}`);
    }
    return paths;
  };
})();

/** A glob as a regular expression: `*` and `?` stay within a name, `**` does not; from any slash on, up to the end. */
function globExpression(glob) {
  const source = glob.replace(/\*\*\/?|\*|\?|\[[^\]]+\]|[^]/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (part.length > 1) return `[${part.slice(1, -1).replace(/^!/, "^").replace(/\\/g, "\\\\")}]`;
    return part.replace(/[\\^$.|+(){}[\]]/, "\\$&");
  });
  return `${glob.startsWith("/") ? "^" : "(?:^|/)"}${source}$`;
}

/** Says which paths a pattern means; capitals in it mean themselves alone. */
function matcher(pattern, mode) {
  const flags = /\p{Lu}/u.test(pattern) && mode === "text" ? "u" : "iu";
  if (mode === "regexp") {
    const expression = new RegExp(pattern, "u");
    return (path) => expression.test(path);
  }
  if (/[*?]/.test(pattern)) {
    const expression = new RegExp(globExpression(pattern), flags);
    return (path) => expression.test(path);
  }
  if (flags === "u") return (path) => path.includes(pattern);
  const low = pattern.toLowerCase();
  return (path) => path.toLowerCase().includes(low);
}

function find(pattern, mode) {
  const is = matcher(pattern, mode);
  const found = [];
  allPaths().forEach((path, node) => {
    if (node === 0 || !is(path)) return;
    let isFile = false;
    for (const record of recordsOf(node)) {
      if (stateOf(record)[0] === DIRECTORY) continue;
      isFile = true;
      found.push({ path, node, record, size: data.sizes[record] });
    }
    if (!isFile || children.has(node)) {
      const size = everything().bytes.reduce((sum, column) => sum + column[node], 0);
      found.push({ path, node, record: -1, size });
    }
  });
  return found.sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1));
}

const everything = (() => {
  let sums = null;
  return () => (sums ??= map.view === "all" ? map.sums : addUp("all"));
})();

function drawResults() {
  const by = (layer) => make("td", {}, layerText(layer), make("code", { class: "by" }, instructionOf(layer)));
  const rows = search.found.slice(0, search.shown).map(({ node, record, size }) => {
    const state = record < 0 ? [DIRECTORY] : stateOf(record);
    return make("tr", {}, make("th", { scope: "row" }, pathLink(node)), make("td", { class: "number" }, sizeText(size)),
      make("td", {}, make("span", { class: `state ${KINDS[state[0]] ?? ""}` }, stateText(state))),
      record < 0 ? make("td") : by(state[1]), state[0] === DEAD ? by(state[2]) : make("td"));
  });
  byId("results").tBodies[0].replaceChildren(...rows);
  byId("results").hidden = rows.length === 0;
  byId("more-results").hidden = search.found.length <= search.shown;
}

function runSearch() {
  const field = byId("pattern"), said = byId("found");
  const pattern = field.value.trim();
  field.removeAttribute("aria-invalid");
  search.shown = RESULTS;
  try {
    search.found = pattern === "" ? [] : find(pattern, byId("mode").value);
  } catch (error) {
    search.found = [];
    field.setAttribute("aria-invalid", "true");
    said.textContent = `This is no regular expression: ${error.message}`;
    drawResults();
    return;
  }
  const files = search.found.filter(({ record }) => record >= 0);
  const size = files.reduce((sum, one) => sum + one.size, 0);
  const count = search.found.length;
  const nameless = data.sumFiles.reduce((sum, number) => sum + number, 0);
  said.textContent = pattern === "" ? ""
    : (count === 0 ? "Nothing has such a path"
      : `${count.toLocaleString("en")} found, files of ${sizeText(size)}${count > RESULTS ? `; the ${RESULTS} largest are shown` : ""}`) +
      (nameless > 0 ? `. Not among the ${nameless.toLocaleString("en")} smallest files: the page has no names of them` : "");
  drawResults();
}

function startSearch() {
  const later = () => {
    clearTimeout(search.timer);
    search.timer = setTimeout(runSearch, 150);
  };
  byId("pattern").addEventListener("input", later);
  byId("mode").addEventListener("change", runSearch);
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(search.timer);
    runSearch();
  });
  byId("more-results").addEventListener("click", () => {
    search.shown += RESULTS;
    drawResults();
  });
}
