// An editor under each exercise, for the reader's own answer, which stays in this browser.
import { addTools } from "./cells.js";
import { makeEditor, showColored } from "./editor/editor.js";
import { enable, makeButton, makeEditorPlace, makeElement } from "./elements.js";
import { keep, placeOf, recall } from "./kept.js";
import { Outputs } from "./outputs.js";
import { runAbove, runInTurn } from "./running.js";
import { setState } from "./states.js";

/** Add them all. */
export function addExercises(live) {
  live.answers = [...document.querySelectorAll("article .exercise[id]")].map((element) =>
    addExercise(live, element),
  );
}

function addExercise(live, element) {
  const graded = live.page.exercises.find(({ label }) => label === element.id);
  const number = element.querySelector(".caption-number")?.textContent.trim();
  const key = placeOf("answer", live.config) + element.id;
  // What runs as a cell does, but isn't one of the page's.
  const answer = {
    name: "Your answer",
    title: element.querySelector(".admonition-title").textContent,
    exercise: element.id,
    element,
    source: recall(key, ""),
    printed: "",
    shows: "code",
    state: "new",
  };

  const pre = makeElement("pre", { class: "live-printed" });
  showColored(pre, answer.source);
  const editor = makeEditorPlace();
  const code = makeElement("div", { class: "highlight" }, pre, editor);
  const input = makeElement("div", { class: "cell_input" }, code);
  const output = makeElement("div", { class: "cell_output docutils container" });
  answer.outputs = new Outputs(output);
  answer.verdict = makeElement("p", { class: "live-verdict", role: "status" });
  const cell = makeElement("div", { class: "cell live-cell live-answer" });
  cell.append(aboutAnswer(graded), input, output, answer.verdict);
  (element.querySelector("section") ?? element).append(cell);
  cell.classList.toggle("live-empty", !answer.source);

  answer.editor = makeEditor({
    parent: editor,
    text: answer.source,
    label: `Your answer to ${number ?? "this exercise"}`,
    hint: "live-keys",
    onChange: (text) => {
      answer.source = text;
      keep(key, "", text);
      showColored(pre, text);
      cell.classList.toggle("live-empty", !text);
      answer.verdict.textContent = "";
      setState(answer, answer.state, answer.details);
    },
    onRun: () => runInTurn(live, [answer]),
  });
  const run = makeButton("Run", "your answer", () => runInTurn(live, [answer]));
  const buttons = [run];
  if (graded)
    buttons.push(
      makeButton("Check my answer", "", () => checkAnswer(live, answer, graded)),
    );
  const clear = makeButton("Clear", "your answer", () => {
    answer.editor.setText("");
    answer.editor.focus();
  });
  addTools(live, answer, input, buttons, clear);
  return answer;
}

/** Say what is checked: the names that the exercise asks for. */
function aboutAnswer(graded) {
  const words = makeElement("p", { class: "live-about" });
  if (!graded) {
    words.append("Your answer. No code can check this one: compare with the solution.");
    return words;
  }
  words.append("Your answer. The check looks at ");
  graded.names.forEach((name, place) => {
    const between = place === graded.names.length - 1 ? " and " : ", ";
    words.append(place ? between : "", makeElement("code", {}, name));
  });
  words.append(".");
  return words;
}

/** Tell whether there's nothing but comments. */
function isEmpty(code) {
  return code.split("\n").every((line) => /^\s*(#.*)?$/.test(line));
}

/** Check an answer as the grader does: after the page's cells, before the solution. */
async function checkAnswer(live, answer, graded) {
  const show = (status, words) => {
    answer.verdict.dataset.status = status;
    answer.verdict.replaceChildren(...withCode(words));
  };
  const { source } = answer;
  if (isEmpty(source))
    return show("empty", "There’s no answer yet: write it above, then check it.");
  show("working", "Checking …");
  if (!(await runAbove(live, answer)))
    return show("error", "Not checked: the page’s cells above have to run first.");
  const { turn } = live;
  const checking = live.last.then(() => runCheck(live, answer, source, graded, turn));
  live.last = checking.catch(() => {});
  const { status, message } = await checking;
  if (answer.source === source) show(status, message); // else it's of another answer
}

async function runCheck(live, answer, source, graded, turn) {
  const stopped = { message: "Stopped before the check was through." };
  if (turn !== live.turn) return { ...stopped, status: "stopped" };
  enable(live.stop, true);
  answer.ran = source;
  answer.outputs.begin(true);
  setState(answer, "running");
  let result;
  try {
    result = await live.kernel.check({
      answer: source,
      check: graded.check,
      names: graded.names,
      exercise: graded.label,
      onOutput: (output) => answer.outputs.add(output),
    });
  } catch ({ message }) {
    result = { status: "error", message: `Not checked: ${message}` };
  }
  const { status, error } = result;
  if (error) answer.outputs.fail(error);
  answer.outputs.end();
  const line = error?.line ? ` in line ${error.line}` : "";
  if (status === "error") setState(answer, "error", line);
  else setState(answer, status === "stopped" ? "stopped" : "done");
  enable(live.stop, false);
  if (status === "right")
    result.message = "Right: your answer passes the check. Compare it with the solution.";
  return { ...stopped, ...result };
}

/** Turn what stands in backquotes into code. */
function withCode(words) {
  return words
    .split("`")
    .map((part, place) => (place % 2 ? makeElement("code", {}, part) : part));
}
