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

// A formula that is wider than its column scrolls; so it must by keyboard.
function letFormulasScroll() {
  for (const formula of document.querySelectorAll("mjx-container[display]"))
    if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
    else formula.removeAttribute("tabindex");
}
addEventListener("resize", letFormulasScroll);
addEventListener("load", () => window.MathJax?.startup.promise.then(letFormulasScroll));
