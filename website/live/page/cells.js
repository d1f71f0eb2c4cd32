// The page's cells, once Python is there: each has an editor, buttons, a state in words,
// and its outputs.
import { asTheReaderLeftIt, showEarlierChanges } from "./earlier.js";
import { makeEditor, showColored } from "./editor/editor.js";
import { enable, lookAgain, makeButton, makeEditorPlace, makeElement } from "./elements.js";
import { keep, placeOf } from "./kept.js";
import { downloadNotebook } from "./notebook.js";
import { Outputs } from "./outputs.js";
import { runAbove, runInTurn, stopAll } from "./running.js";
import { setState, showState, tell } from "./states.js";

/** Make every cell of the page one that runs.

    config    what the page says of itself
    kernel    Python, see kernel.js
    page      the page's cells and exercises, as their JSON has them
    place     the element at the page's top
    said      what is in there that is spoken when it changes
    hasFocus  whether the button had the focus that was here before

    Returns all that belongs to the page. */
export function bringToLife({ config, kernel, page, place, said, hasFocus }) {
  checkThatTheyFit(page);
  kernel.onProgress = null;
  const live = { config, kernel, page, said };
  live.answers = []; // the reader's, see exercises.js
  live.turn = 0; // Stop begins the next: what waited in an earlier one doesn't run
  live.last = Promise.resolve(); // what a run waits for
  live.keptAt = placeOf("cell", config);
  live.cells = page.cells.map((cell) => asTheReaderLeftIt(live, cell));
  document.documentElement.classList.add("live");
  let number = 0;
  for (const cell of live.cells) {
    cell.element = document.getElementById(cell.id);
    cell.name = "A hidden cell";
    if (cell.shows === "code") cell.name = `Cell ${++number}`;
    if (cell.element) addOutputs(cell);
    if (cell.shows === "code") addEditor(live, cell);
  }
  const runAll = addToolbar(live, place);
  const ready = `Python ${kernel.versions.python} is ready. No cell has run yet.`;
  tell(live, [ready, ...showEarlierChanges(live, place, runAll)].join(" "));
  if (hasFocus) runAll.focus();
  lookAgain();
  return live;
}

/** A page that the browser has kept may be older than its code. */
function checkThatTheyFit(page) {
  for (const { id, shows } of page.cells)
    if (shows === "code" && !document.querySelector(`#${id} .cell_input pre`))
      throw new Error("This page is older than its code. Reload it.");
}

// At the page's top -------------------------------------------------------------------

function addToolbar(live, place) {
  const runAll = makeButton("Run all", "cells", () => runInTurn(live, live.cells));
  const stop = makeButton("Stop", "", () => stopAll(live));
  live.stop = stop;
  enable(stop, false);
  const buttons = makeElement(
    "div",
    { class: "live-tools", role: "group", "aria-label": "Run this page" },
    runAll,
    stop,
    makeButton("Start afresh", "", () => startAfresh(live)),
    makeButton("Download as a notebook", "", () => download(live)),
  );
  const keys = makeElement("p", { class: "live-about", id: "live-keys" });
  keys.textContent =
    "Change any cell, and run it with Shift+Enter. While you write, Tab indents;" +
    " to leave the cell, press Escape, then Tab.";
  place.replaceChildren(buttons, live.said, keys);
  return runAll;
}

async function startAfresh(live) {
  const turn = (live.turn += 1);
  tell(live, "Python starts anew …");
  live.last = live.kernel.restart();
  try {
    await live.last;
    if (turn !== live.turn) return; // Python starts once more
    for (const cell of [...live.cells, ...live.answers]) {
      setState(cell, "new");
      cell.outputs?.restore();
      cell.note?.remove();
    }
    tell(live, "Python is fresh: no cell has run. Your code is as you left it.");
  } catch (error) {
    live.last = Promise.resolve();
    tell(live, `Python didn’t start: ${error.message}`);
  }
}

async function download(live) {
  try {
    const name = await downloadNotebook(live);
    tell(live, `The notebook is in your downloads: ${name}`);
  } catch (error) {
    tell(live, `The notebook can’t be made: ${error.message}`);
  }
}

// One cell ----------------------------------------------------------------------------

/** Find or make the place for a cell's outputs. */
function addOutputs(cell) {
  let box = cell.element.querySelector(".cell_output");
  if (!box) {
    box = makeElement("div", { class: "cell_output docutils container" });
    cell.element.append(box);
  }
  cell.outputs = new Outputs(box, cell.alt);
}

/** Put an editor where a cell's code is, and the buttons below it. The printed code
    stays, unseen, as what is printed on paper and what the copy button copies. */
function addEditor(live, cell) {
  const input = cell.element.querySelector(".cell_input");
  const pre = input.querySelector("pre");
  pre.classList.add("live-printed");
  cell.element.classList.add("live-cell");
  const parent = makeEditorPlace();
  pre.after(parent);
  if (cell.source !== cell.printed) showColored(pre, cell.source);
  cell.editor = makeEditor({
    parent,
    text: cell.source,
    label: `Code of ${cell.name.toLowerCase()}`,
    hint: "live-keys",
    onChange: (text) => {
      cell.source = text;
      keep(live.keptAt, cell.printed, text);
      showColored(pre, text);
      showState(cell);
    },
    onRun: () => runInTurn(live, [cell]),
  });

  const about = cell.name.toLowerCase();
  const run = makeButton("Run", about, () => runInTurn(live, [cell]));
  const above = makeButton("Run all above", about, () => runAbove(live, cell));
  const reset = makeButton("Reset this cell", `(${about})`, () => {
    cell.editor.setText(cell.printed);
    cell.editor.focus();
  });
  addTools(live, cell, input.closest("details") ?? input, [run, above], reset);
}

/** Add a cell's buttons and its state after an element. Reset and Stop are there when
    they do something. */
export function addTools(live, cell, place, buttons, reset) {
  cell.words = makeElement("span", { class: "live-state" });
  cell.runButton = buttons[0];
  cell.resetButton = reset;
  cell.stopButton = makeButton("Stop", cell.name.toLowerCase(), () => stopAll(live));
  const tools = makeElement(
    "div",
    { class: "live-tools", role: "group", "aria-label": cell.name },
    ...buttons,
    cell.stopButton,
    reset,
    cell.words,
  );
  place.after(tools);
  showState(cell);
}
