// How it is with a cell, and with the page, in words.
import { hide } from "./elements.js";

/** Say something, to be read and to be heard. */
export function tell(live, words) {
  live.said.textContent = words;
}

/** Give a cell a state: new, waiting, running, done, error, or stopped. */
export function setState(cell, state, details = "") {
  cell.state = state;
  cell.details = details;
  showState(cell);
}

/** Say in words how it is with a cell. */
export function showState(cell) {
  if (!cell.words) return;
  const before = cell.state === "new" ? cell.printed : cell.ran ?? cell.printed;
  const isChanged = cell.source !== before;
  const changed = cell.source === cell.earlier ? "Changed earlier" : "Changed";
  const words = {
    new: isChanged ? `${changed}, not run yet` : "Not run yet",
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
