// What the theme leaves out for those who read by ear or by keyboard.
addEventListener("load", () => {
  // A control's name must begin with the words that it shows, so that it can be
  // called by voice: the buttons that show and hide code, search, color mode.
  for (const control of document.querySelectorAll(":is(button, summary)[aria-label]"))
    if (control.textContent.trim()) control.removeAttribute("aria-label");

  // The sidebar belongs to a landmark.
  const sidebar = document.getElementById("pst-primary-sidebar");
  if (sidebar) {
    sidebar.setAttribute("role", "navigation");
    sidebar.setAttribute("aria-label", "Book");
  }
});

// What is wider than its column scrolls. It shows that it goes on, with a shadow, as
// long as its end is out of sight; and it can be scrolled by keyboard.
const FORMULA = "mjx-container[display]";
const SCROLLING = `pre, .output, .pst-scrollable-table-container, ${FORMULA}`;

function showWhetherItGoesOn(box) {
  const beyond = box.scrollWidth - box.clientWidth - box.scrollLeft;
  box.classList.toggle("goes-on", beyond > 1);
}
function look() {
  for (const box of document.querySelectorAll(`article :is(${SCROLLING})`)) {
    showWhetherItGoesOn(box);
    if (!box.matches(FORMULA)) continue; // the theme does it for the others
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("resize", look);
addEventListener("toggle", look, true); // what was folded had no width
addEventListener("load", look);
addEventListener("load", () => window.MathJax?.startup.promise.then(look));
document.addEventListener(
  "scroll",
  ({ target }) => target.matches?.(SCROLLING) && showWhetherItGoesOn(target),
  true,
);

// On paper, the pale text of dark mode couldn't be read.
const { dataset } = document.documentElement;
let theme;
addEventListener("beforeprint", () => {
  theme = dataset.theme;
  dataset.theme = "light";
});
addEventListener("afterprint", () => (dataset.theme = theme));
