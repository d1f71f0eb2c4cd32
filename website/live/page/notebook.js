// The page as a notebook, with what the reader has changed.
import { makeElement } from "./elements.js";

/** Download it; return its name.

    It's the notebook that the page's menu offers, with the reader's code in the place of
    the page's, and the answers under their exercises. */
export async function downloadNotebook({ config, cells, answers }) {
  const address = new URL(
    `${config.base}../../downloads/${config.docname}.ipynb`,
    document.baseURI,
  );
  const response = await fetch(address);
  if (!response.ok) throw new Error("the site has no notebook of this page.");
  const notebook = await response.json();
  const name = `${config.docname.split("/").pop()}-changed.ipynb`;
  const text = JSON.stringify(withChanges(notebook, cells, answers), null, 1);
  const url = URL.createObjectURL(new Blob([text], { type: "application/x-ipynb+json" }));
  makeElement("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return name;
}

/** Put the reader's code into a notebook: its first cell of code installs the package,
    the others are those that the page shows, in their order. */
export function withChanges(notebook, cells, answers) {
  const shown = cells.filter((cell) => cell.shows !== "nothing");
  const [, ...code] = notebook.cells.filter((cell) => cell.cell_type === "code");
  if (code.length !== shown.length)
    throw new Error("the site’s notebook is of another version of this page.");
  shown.forEach((cell, place) => {
    if (cell.source !== cell.printed) code[place].source = cell.source;
  });
  for (const [place, { source, exercise }] of answers.entries()) {
    if (!source.trim()) continue;
    const made = { cell_type: "code", id: `answer-${place}`, metadata: {} };
    Object.assign(made, { source, outputs: [], execution_count: null });
    notebook.cells.splice(placeOf(notebook, place, exercise), 0, made);
  }
  return notebook;
}

/** Find where an exercise's solution begins: the answer goes before it. */
function placeOf(notebook, place) {
  const text = ({ source }) => [].concat(source).join("");
  const titles = notebook.cells.filter((cell) => text(cell).startsWith("### Exercise: "));
  const from = notebook.cells.indexOf(titles[place]);
  const next = notebook.cells.findIndex(
    (cell, index) => index > from && text(cell).startsWith("#### Solution"),
  );
  return next < 0 ? notebook.cells.length : next;
}
