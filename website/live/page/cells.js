// The page's cells, once Python is there: each has an editor, buttons, a state in words,
// and its outputs. Cells run one after another, in the order in which they're asked for.
import { makeEditor, showColored } from "./editor/editor.js";
import { enable, hide, lookAgain, makeButton, makeElement } from "./elements.js";
import { addExercises } from "./exercises.js";
import { downloadNotebook } from "./notebook.js";
import { Outputs } from "./outputs.js";

/** Make every cell of the page one that runs.

    config    what the page says of itself
    kernel    Python, see kernel.js
    page      the page's cells and exercises, as their JSON has them
    place     the element at the page's top
    said      what is in there that is spoken when it changes
    hasFocus  whether the button had the focus that was here before */
export function bringToLife({ config, kernel, page, place, said, hasFocus }) {
  checkThatTheyFit(page);
  kernel.onProgress = null;
  const live = { config, kernel, page, said };
  live.turn = 0; // Stop begins the next: what waited in an earlier one doesn't run
  live.last = Promise.resolve(); // what a run waits for
  live.cells = page.cells.map((cell) => ({ ...cell, state: "new", printed: cell.source }));
  document.documentElement.classList.add("live");
  const runAll = addToolbar(live, place);
  let number = 0;
  for (const cell of live.cells) {
    cell.element = document.getElementById(cell.id);
    cell.name = "A hidden cell";
    if (cell.shows === "code") cell.name = `Cell ${++number}`;
    if (cell.element) addOutputs(cell);
    if (cell.shows === "code") addEditor(live, cell);
  }
  addExercises(live);
  tell(live, `Python ${kernel.versions.python} is ready. No cell has run yet.`);
  if (hasFocus) runAll.focus();
  lookAgain();
}

/** A page that the browser has kept may be older than its code. */
function checkThatTheyFit(page) {
  for (const { id, shows } of page.cells)
    if (shows === "code" && !document.querySelector(`#${id} .cell_input pre`))
      throw new Error("This page is older than its code. Reload it.");
}

/** Say something, to be read and to be heard. */
export function tell(live, words) {
  live.said.textContent = words;
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
  live.turn += 1;
  tell(live, "Python starts anew …");
  live.last = live.kernel.restart();
  try {
    await live.last;
    for (const cell of live.cells) {
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
  const parent = makeElement("div", { class: "live-editor" });
  pre.after(parent);
  cell.editor = makeEditor({
    parent,
    text: cell.source,
    label: `Code of ${cell.name.toLowerCase()}`,
    hint: "live-keys",
    onChange: (text) => {
      cell.source = text;
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

export function setState(cell, state, details = "") {
  cell.state = state;
  cell.details = details;
  showState(cell);
}

/** Say in words how it is with a cell. */
function showState(cell) {
  if (!cell.words) return;
  const before = cell.state === "new" ? cell.printed : cell.ran ?? cell.printed;
  const isChanged = cell.source !== before;
  const words = {
    new: isChanged ? "Changed, not run yet" : "Not run yet",
    waiting: "Waiting",
    running: `Running${cell.details}`,
    done: isChanged ? "Changed since it ran" : `Done${cell.details}`,
    error: isChanged ? "Changed since its error" : `Error${cell.details}`,
    stopped: "Stopped",
  };
  cell.words.textContent = `${cell.name}: ${words[cell.state]}`;
  cell.words.dataset.state = isChanged ? "changed" : cell.state;
  if (cell.state === "running") cell.stopButton.hidden = false;
  else hide(cell.stopButton, cell.runButton);
  if (cell.source !== cell.printed) cell.resetButton.hidden = false;
  else hide(cell.resetButton, cell.runButton);
}

// Running -----------------------------------------------------------------------------

/** Run cells one after another, after those that run or wait. An error ends it.

    Returns whether all have run. */
export function runInTurn(live, cells) {
  const { turn } = live;
  for (const cell of cells) {
    if (cell.state !== "waiting") cell.before = [cell.state, cell.details];
    setState(cell, "waiting");
  }
  const all = live.last.then(() => runThrough(live, cells, turn));
  live.last = all.catch(() => {});
  return all;
}

async function runThrough(live, cells, turn) {
  const start = performance.now();
  let stoppedAt = null;
  enable(live.stop, true);
  for (const cell of cells) {
    if (stoppedAt || turn !== live.turn) {
      setState(cell, ...cell.before);
      continue;
    }
    const result = await runCell(live, cell);
    const isShown = cell.shows !== "nothing";
    if (result.status === "stopped" || (result.status === "error" && isShown))
      stoppedAt = { cell, result };
  }
  enable(live.stop, false);
  lookAgain();
  if (turn !== live.turn) return false; // who pressed Stop has said so
  const seconds = (performance.now() - start) / 1000;
  tell(live, howItWent(cells, stoppedAt, seconds));
  return !stoppedAt;
}

function howItWent(cells, stoppedAt, seconds) {
  if (stoppedAt) {
    const { error } = stoppedAt.result;
    return `${stoppedAt.cell.name}: ${error.name}: ${error.message}`.slice(0, 200);
  }
  if (cells.length === 1) return `${cells[0].name} has run. ${cells[0].outputs.summary()}`;
  const checks = cells.filter((cell) => cell.check);
  const failed = checks.filter((cell) => cell.note?.isConnected);
  const all = `${cells.length} cells have run in ${inSeconds(seconds)}.`;
  if (failed.length)
    return `${all} Of the page’s ${checks.length} checks, ${failed.length} came out otherwise.`;
  return checks.length ? `${all} All ${checks.length} checks of the page hold.` : all;
}

function inSeconds(seconds) {
  return `${seconds < 10 ? Math.max(seconds, 0.1).toFixed(1) : Math.round(seconds)} s`;
}

/** Run one cell, and show what comes of it. */
async function runCell(live, cell) {
  const start = performance.now();
  const clock = setInterval(() => {
    const seconds = Math.round((performance.now() - start) / 1000);
    setState(cell, "running", `, ${seconds} s`);
  }, 1000);
  cell.ran = cell.source;
  cell.outputs?.begin(cell.source !== cell.printed);
  setState(cell, "running");
  let result;
  try {
    result = await live.kernel.run(cell.source, {
      name: cell.name,
      exercise: cell.exercise,
      onOutput: (output) => cell.outputs?.add(output),
    });
  } catch ({ message }) {
    // Python itself is gone, for example for want of memory.
    const error = { name: "Python stopped", message, line: null, traceback: message };
    result = { status: "error", seconds: 0, error };
  }
  clearInterval(clock);
  if (result.status === "error") showError(live, cell, result.error);
  else cell.note?.remove();
  cell.outputs?.end();
  const { status, seconds, error } = result;
  const line = error?.line ? ` in line ${error.line}` : "";
  setState(cell, ...{
    ok: ["done", ` in ${inSeconds(seconds)}`],
    error: ["error", line],
    stopped: ["stopped"],
  }[status]);
  return result;
}

function showError(live, cell, error) {
  if (cell.shows === "nothing") return noteCheck(live, cell, error);
  cell.outputs.fail(error);
  if (error.name !== "NameError" || !cellsAbove(live, cell).some(needsRun)) return;
  const button = makeButton("Run all above, then this cell", "", async () => {
    if (await runAbove(live, cell)) runInTurn(live, [cell]);
    cell.runButton.focus();
  });
  const words = "Cells above haven’t run yet, so what they define isn’t there. ";
  cell.outputs.show(makeElement("p", { class: "live-hint" }, words, button));
}

/** Tell, below the cell before it, that a check came out otherwise. How an exercise is
    checked isn't shown: often, it's the solution. */
function noteCheck(live, cell, error) {
  const before = live.cells.slice(0, live.cells.indexOf(cell));
  const shown = before.findLast((earlier) => earlier.element);
  cell.note?.remove();
  cell.note = makeElement("p", { class: "live-hint", role: "note" });
  const said = error.message && error.name === "AssertionError" ? error.message : "";
  const code = cell.source.split("\n")[(error.line ?? 0) - 1]?.trim();
  cell.note.append("A check that the page makes here came out otherwise");
  if (error.name !== "AssertionError") cell.note.append(` (${error.name}: ${error.message})`);
  else if (said) cell.note.append(`: ${said}`);
  else if (code && cell.check !== "autograder")
    cell.note.append(": ", makeElement("code", {}, code));
  cell.note.append(". The text around it may not fit what you have run.");
  (shown?.element ?? live.said).after(cell.note);
}

/** Tell whether a cell hasn't run to its end as it is now. A check that failed has. */
function needsRun(cell) {
  const hasRun = cell.state === "done" || (cell.state === "error" && cell.check);
  return !hasRun || cell.source !== cell.ran;
}

/** List the cells above one. Above an answer are those that a grader runs before it: all
    that the page shows, without solutions. */
function cellsAbove(live, cell) {
  const index = live.cells.indexOf(cell);
  if (index >= 0) return live.cells.slice(0, index);
  return live.cells.filter(({ exercise, shows }) => !exercise && shows !== "nothing");
}

/** Run the cells above one, from the first on that hasn't run as it is now.

    Returns whether all have run. */
export function runAbove(live, cell) {
  const above = cellsAbove(live, cell);
  const first = above.findIndex(needsRun);
  if (first >= 0) return runInTurn(live, above.slice(first));
  tell(live, "All cells above have run already.");
  return Promise.resolve(true);
}

/** Stop what runs, and what waits. */
export async function stopAll(live) {
  if (live.stop.getAttribute("aria-disabled") === "true") return;
  live.turn += 1;
  const { kept } = await live.kernel.stop();
  await live.last;
  if (kept) return tell(live, "Stopped. What has run is still there.");
  for (const cell of live.cells) setState(cell, "new");
  tell(
    live,
    "Stopped. Python had to start anew, so what has run is forgotten." +
      " “Run all above” brings it back.",
  );
}
