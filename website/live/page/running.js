// Running: cells run one after another, in the order in which they're asked for.
import { enable, lookAgain, makeButton, makeElement } from "./elements.js";
import { setState, tell } from "./states.js";

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
    if (!error) return `${stoppedAt.cell.name} was stopped.`;
    return `${stoppedAt.cell.name}: ${error.name}: ${error.message}`.slice(0, 200);
  }
  if (cells.length === 1) {
    const [{ name, outputs, note }] = cells; // a hidden cell has no outputs
    const ofCheck = note?.isConnected ? "Its check came out otherwise." : "";
    return `${name} has run. ${outputs?.summary() ?? ofCheck}`.trim();
  }
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
  for (const cell of [...live.cells, ...live.answers]) setState(cell, "new");
  tell(
    live,
    "Stopped. Python had to start anew, so what has run is forgotten." +
      " “Run all above” brings it back.",
  );
}
