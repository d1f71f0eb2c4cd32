// After the press: load Python and what the page needs, and show how far that is.
import { bringToLife } from "./cells.js";
import { makeElement } from "./elements.js";
import { addExercises } from "./exercises.js";

const STAGES = {
  interpreter: "Python",
  numpy: "NumPy",
  matplotlib: "Matplotlib",
  packages: "The book’s package",
  mnist: "MNIST",
};

/** Start Python, then make every cell one that runs.

    config               what the page says of itself, see live_pages.py
    place                the element at the page's top
    button, about, said  what is in it: the button, and a line that is seen and one that
                         is spoken */
export async function startPage({ config, place, button, about, said }) {
  const progress = showProgress(about, said);
  let kernel;
  try {
    const page = await readCells(config);
    const { base } = config;
    kernel = await window.LiveKernel.start({ base, onProgress: progress.tell });
    const hasFocus = document.activeElement === button;
    addExercises(bringToLife({ config, kernel, page, place, said, hasFocus }));
  } catch (error) {
    kernel?.end(); // the next try starts another
    throw error;
  } finally {
    progress.remove();
  }
}

/** Read the page's cells, with those that it doesn't show. */
async function readCells(config) {
  const response = await fetch(new URL(config.cells, document.baseURI));
  if (!response.ok)
    throw new Error("The page’s code hasn’t come. Reload the page, and try again.");
  return response.json();
}

/** Show a bar for all that loads, and a line for each part. Megabytes change many times
    a second, and aren't spoken; that a part is ready is. */
export function showProgress(about, said) {
  const bar = makeElement("progress", { max: 1, value: 0, "aria-label": "Loading" });
  const list = makeElement("ul", { class: "live-parts" });
  const lines = {};
  for (const [stage, name] of Object.entries(STAGES)) {
    lines[stage] = makeElement("li", {}, `${name}: waiting`);
    list.append(lines[stage]);
  }
  about.textContent = said.textContent = "Loading …";
  about.after(bar, list);

  const ready = new Set();
  const tell = ({ stage, state, loaded, total, allLoaded, allTotal }) => {
    if (allTotal) bar.value = allLoaded / allTotal;
    const line = lines[stage];
    if (!line) return;
    line.textContent = `${STAGES[stage]}: ${inWords(state, loaded, total)}`;
    if (state !== "ready" || ready.has(stage)) return;
    ready.add(stage);
    said.textContent = `${STAGES[stage]} is ready.`;
  };
  const remove = () => {
    bar.remove();
    list.remove();
  };
  return { tell, remove };
}

function inWords(state, loaded, total) {
  if (state === "ready") return "ready";
  if (state === "starting") return "starting …";
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  return `${megabytes(loaded)} of ${megabytes(total)} MB`;
}
