// What the reader writes stays in this browser, where it lets a page keep something. Of
// each text, the key is the place and what the book has there: when the book has changed
// that, what the reader made of it before belongs to another text.

/** Return the place of texts of one kind on a page. Other books may be on the same host,
    which a browser doesn't keep apart: so it has the folder of this one. */
export function placeOf(kind, { base, docname }) {
  const site = new URL("../../", new URL(base, document.baseURI)).pathname;
  return `${kind} ${site}${docname} `;
}

/** Return what the reader has made of a text; the text, if nothing is kept. */
export function recall(place, text) {
  try {
    return localStorage.getItem(place + text) ?? text;
  } catch {
    return text;
  }
}

/** Keep what the reader has made of a text. */
export function keep(place, text, changed) {
  try {
    if (changed === text) localStorage.removeItem(place + text);
    else localStorage.setItem(place + text, changed);
  } catch {
    // It's kept until the page is left.
  }
}

/** List what is kept at a place of texts that aren't there anymore: pairs of the book's
    text and the reader's. */
export function leftOver(place, texts) {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(place))
      .map((key) => [key.slice(place.length), localStorage.getItem(key)])
      .filter(([text]) => !texts.includes(text));
  } catch {
    return [];
  }
}
