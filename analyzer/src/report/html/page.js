// The rest of the page: light and dark, and the ways from the tables into the map.

function startTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = byId("theme"), root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const say = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Change to ${isDark() ? "light" : "dark"} colours`);
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    say();
  });
  dark.addEventListener("change", say);
  button.hidden = false;
  say();
}

/** Paths in the tables show their file in the map, numbers of layers what the layer made. */
function linkTables() {
  for (const code of document.querySelectorAll("code.path")) {
    const node = nodeAt(code.textContent);
    if (node >= 0) code.replaceWith(pathLink(node));
  }
  for (const row of document.querySelectorAll("tr[data-layer]")) {
    const layer = row.dataset.layer;
    const name = `Layer ${layer}: show in the map`;
    row.cells[0].replaceChildren(make("button", {
      type: "button", class: "link", "aria-label": name, title: name, click: () => {
        setView(`made ${layer}`);
        byId("map").scrollIntoView({ block: "start" });
        byId("view").focus({ preventScroll: true });
      },
    }, layer));
  }
}

byId("unscripted").hidden = true;
byId("map").hidden = false;
byId("search").hidden = false;
startTheme();
startMap();
startSearch();
linkTables();
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  byId("pattern").focus();
  byId("search").scrollIntoView({ block: "start" });
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
