// What the reader has changed on an earlier visit, see kept.js.
import { showColored } from "./editor/editor.js";
import { hide, makeButton, makeElement } from "./elements.js";
import { keep, leftOver, recall } from "./kept.js";
import { tell } from "./states.js";

/** Return a cell with the reader's code from an earlier visit, if there is some. */
export function asTheReaderLeftIt(live, cell) {
  const { source: printed, shows } = cell;
  const source = shows === "code" ? recall(live.keptAt, printed) : printed;
  return { ...cell, state: "new", printed, source, earlier: source };
}

/** Say which cells are so, with a way back to the book's code; show what the reader has
    made of cells that the book has changed since.

    live    the page
    place   the element at its top
    next    the button that gets the focus when another is gone

    Returns what is to be said, in sentences. */
export function showEarlierChanges(live, place, next) {
  const changed = live.cells.filter(({ source, printed }) => source !== printed);
  const left = leftOver(
    live.keptAt,
    live.cells.map(({ printed }) => printed),
  );
  const said = [];
  if (changed.length) {
    const names = changed.map(({ name }) => name.toLowerCase());
    said.push(`With your earlier changes: ${new Intl.ListFormat("en").format(names)}.`);
    const reset = makeButton("Reset all cells", "", () => {
      for (const { editor, source, printed } of live.cells)
        if (source !== printed) editor.setText(printed);
      hide(reset, next);
      tell(live, "All cells have the book’s code again.");
    });
    next.parentElement.append(reset);
  }
  if (left.length) {
    said.push("The book has changed a cell that you had changed: your code is below.");
    place.append(showLeftOver(live, left, next));
  }
  return said;
}

/** Make what shows code of the reader's that fits no cell anymore. */
function showLeftOver(live, left, next) {
  const box = makeElement(
    "details",
    { class: "live-left-over" },
    makeElement("summary", {}, "Your code for cells that the book has changed since"),
  );
  for (const [, code] of left) {
    const pre = makeElement("pre");
    showColored(pre, code);
    box.append(makeElement("div", { class: "highlight" }, pre));
  }
  const forget = makeButton("Forget it", "", () => {
    for (const [text] of left) keep(live.keptAt, text, text);
    hide(box, next);
  });
  box.append(forget);
  return box;
}
