// What a cell gives out, in the place of what is printed there, and in its look.
import { makeElement } from "./elements.js";

const LONGEST = 100_000; // characters of one output; a loop can print without end

export class Outputs {
  /** box   the element that the printed outputs are in
      alt   the alternative text of the printed figure */
  constructor(box, alt = "") {
    this.box = box;
    this.alt = alt;
    this.printed = [...box.childNodes];
    this.figures = [...box.querySelectorAll("figure")];
  }

  /** A run begins. What was there stays until something comes: nothing jumps. */
  begin(isChanged) {
    this.isFresh = true;
    this.isChanged = isChanged;
    this.nImages = 0;
    this.bars = new Map();
    this.stream = null;
  }

  /** The run is over: if nothing came, nothing is left. */
  end() {
    for (const bar of this.bars.values()) bar.remove();
    if (this.isFresh) this.clear();
  }

  /** Show again what is printed. */
  restore() {
    this.box.replaceChildren(...this.printed);
  }

  clear() {
    this.isFresh = false;
    this.box.replaceChildren();
  }

  show(element) {
    if (this.isFresh) this.clear();
    this.box.append(element);
  }

  /** Show an output of the kernel. */
  add(output) {
    if (output.type === "glue") return;
    if (output.type === "progress") return this.addProgress(output);
    if (output.type === "stream") return this.addStream(output);
    this.stream = null;
    if (output.type === "image") return this.show(this.image(output));
    if (output.type === "html") {
      const html = makeElement("div", { class: "output text_html" });
      html.innerHTML = output.html;
      return this.show(html);
    }
    this.show(printed("text_plain", output.text).output);
  }

  /** Add to what is printed. A carriage return goes back to the start of the line. */
  addStream({ name, text }) {
    if (this.stream?.name !== name) {
      this.stream = { name, text: "", ...printed(`stream ${name}`, "") };
      this.show(this.stream.output);
    }
    const { stream } = this;
    if (stream.text.length > LONGEST) return;
    stream.text += text;
    if (stream.text.length > LONGEST)
      stream.text = `${stream.text.slice(0, LONGEST)}\n… The rest isn’t shown.`;
    stream.text = stream.text.replace(/^.*\r(?!\n)/gm, "");
    setText(stream.pre, stream.text);
  }

  /** Show how far a loop is, as tqdm says it. */
  addProgress({ id, desc, n, total, text, done }) {
    const line = this.bars.get(id) ?? makeElement("div", { class: "live-bar" });
    if (done) {
      line.remove();
      this.bars.delete(id);
      return;
    }
    if (!this.bars.has(id)) {
      line.append(makeElement("progress", { "aria-label": desc || "Progress" }), "");
      this.bars.set(id, line);
      this.show(line);
    }
    const [bar, words] = line.childNodes;
    if (total) {
      bar.max = total;
      bar.value = n;
    }
    words.data = text.replace(/\|[^|]*\| */, " · "); // tqdm's own bar
  }

  /** Make an image: in the printed figure of the same place, with its caption. */
  image({ mime, data, width, height }) {
    const place = this.nImages++;
    const image = makeElement("img", {
      src: `data:${mime};base64,${data}`,
      width,
      height,
      alt: this.alternative(place),
    });
    const figure = this.figures[place]?.cloneNode(true);
    const old = figure?.querySelector("img");
    if (!old) return makeElement("div", { class: "output image_png" }, image);
    (old.closest("a") ?? old).replaceWith(image);
    return figure;
  }

  /** The alternative text: of changed code, nobody has written one. */
  alternative(place) {
    if (place || !this.alt) return `Figure ${place + 1} of this cell`;
    if (!this.isChanged) return this.alt;
    return `Drawn by changed code. As the page prints it: ${this.alt}`;
  }

  /** Say what came out, in a few words for those who read by ear. */
  summary() {
    const text = this.box.textContent.trim().replace(/\s+/g, " ");
    if (this.nImages) return "It has drawn a figure.";
    return text.length > 100 ? `${text.slice(0, 100)} …` : text;
  }

  /** Show an error as Python says it. */
  fail({ traceback }) {
    const { output } = printed("live-error", traceback);
    this.show(output);
  }
}

/** Make the element for a text that a cell prints. */
function printed(kind, text) {
  const pre = makeElement("pre");
  const output = makeElement(
    "div",
    { class: `output ${kind} highlight-myst-ansi notranslate` },
    makeElement("div", { class: "highlight" }, pre),
  );
  setText(pre, text);
  return { output, pre };
}

/** Set a text, and tell book.css how many characters its longest line has. */
function setText(pre, text) {
  pre.textContent = text;
  const columns = Math.max(...text.split("\n").map((line) => line.length));
  pre.style.setProperty("--columns", columns);
}
