// Elements of the page.

/** Make an element from its tag, its attributes, and what is in it. */
export function makeElement(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    element.setAttribute(name, value);
  element.append(...content);
  return element;
}

/** Make a button. Its name, for those who read by ear, begins with what it shows. */
export function makeButton(text, about, onClick) {
  const button = makeElement("button", { type: "button", class: "live-button" }, text);
  if (about) button.setAttribute("aria-label", `${text} ${about}`);
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") onClick();
  });
  return button;
}

/** Make the place of an editor. What is typed there goes no farther: to the site, "/"
    means its search. */
export function makeEditorPlace() {
  const place = makeElement("div", { class: "live-editor" });
  place.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });
  return place;
}

/** Say whether a button does something now. Disabled so, it keeps the focus. */
export function enable(button, isEnabled) {
  if (isEnabled) button.removeAttribute("aria-disabled");
  else button.setAttribute("aria-disabled", "true");
}

/** Hide an element; if the focus was in it, give the focus to another. */
export function hide(element, next) {
  const hadFocus = element.contains(document.activeElement);
  element.hidden = true;
  if (hadFocus) next.focus();
}

/** Let the page see what is too wide, now that there's something new
    (_static/accessibility.js, and the theme). */
export function lookAgain() {
  dispatchEvent(new Event("resize"));
}
