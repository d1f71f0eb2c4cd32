// The editor of a cell: CodeMirror 6 with what a short piece of Python needs, no more.
import { history, historyKeymap, defaultKeymap, indentWithTab } from "@codemirror/commands";
import { pythonLanguage } from "@codemirror/lang-python";
import {
  LanguageSupport,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { EditorState, Prec, Transaction } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { highlightCode, tagHighlighter, tags } from "@lezer/highlight";

// The parts of Python have the classes that Pygments gives them on the printed page, so
// that the site's stylesheet colors both, in light mode and in dark mode.
const pygments = tagHighlighter([
  { tag: tags.keyword, class: "k" },
  { tag: tags.operatorKeyword, class: "ow" },
  { tag: tags.moduleKeyword, class: "kn" },
  { tag: [tags.bool, tags.null], class: "kc" },
  { tag: tags.variableName, class: "n" },
  { tag: tags.propertyName, class: "n" },
  { tag: tags.function(tags.definition(tags.variableName)), class: "nf" },
  { tag: tags.definition(tags.className), class: "nc" },
  { tag: tags.lineComment, class: "c1" },
  { tag: tags.number, class: "mi" },
  { tag: tags.string, class: "s2" },
  { tag: tags.special(tags.string), class: "s2" },
  { tag: tags.escape, class: "se" },
  { tag: tags.operator, class: "o" },
  { tag: tags.meta, class: "nd" }, // codespell:ignore nd
]);

// Tab indents once the reader has done something in the editor. Before, it leads on, so
// that who goes through the page by keyboard alone neither changes code nor is held. It
// can always be left: Escape, then Tab (CodeMirror's own), or Control+M.
function tabs() {
  let isInUse = false;
  const whileInUse = (command) => (view) => isInUse && command(view);
  const { run, shift } = indentWithTab;
  return [
    keymap.of([{ key: "Tab", run: whileInUse(run), shift: whileInUse(shift) }]),
    EditorView.updateListener.of(({ transactions, focusChanged }) => {
      if (focusChanged) isInUse = false;
      if (transactions.some((one) => one.annotation(Transaction.userEvent)))
        isInUse = true;
    }),
  ];
}

/** Make an editor.

    parent     the element that it goes into
    text       the code
    label      its name, for those who read by ear
    hint       the id of the element that says which keys do what
    onChange   called with the text after each change
    onRun      called for Shift+Enter and Control+Enter

    Returns {text(), setText(text), focus()}. */
export function makeEditor({ parent, text, label, hint, onChange, onRun }) {
  const run = () => {
    onRun();
    return true;
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(
          keymap.of([
            { key: "Shift-Enter", run },
            { key: "Mod-Enter", run },
          ]),
        ),
        tabs(),
        keymap.of([...defaultKeymap, ...historyKeymap]),
        history(),
        new LanguageSupport(pythonLanguage),
        indentUnit.of("    "),
        indentOnInput(),
        bracketMatching(),
        syntaxHighlighting(pygments),
        EditorView.contentAttributes.of({
          "aria-label": label,
          "aria-describedby": hint,
          tabindex: 0, // it can be reached without, but axe-core doesn't know
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    setText: (changed) =>
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: changed },
      }),
    focus: () => view.focus(),
  };
}

/** Write code into an element in Python's colors, as it is printed. */
export function showColored(element, code) {
  const parts = [];
  highlightCode(
    code,
    pythonLanguage.parser.parse(code),
    pygments,
    (text, classes) => {
      const part = document.createElement("span");
      part.className = classes;
      part.textContent = text;
      parts.push(part);
    },
    () => parts.push("\n"),
  );
  element.replaceChildren(...parts);
}
