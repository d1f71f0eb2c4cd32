// What the theme leaves out for those who read by ear or by keyboard.
document.addEventListener("DOMContentLoaded", () => {
  // A control's name must begin with the words that it shows, so that it can be
  // called by voice: the buttons that show and hide code, search, color mode.
  for (const control of document.querySelectorAll("button[aria-label]"))
    if (control.textContent.trim()) control.removeAttribute("aria-label");

  // The sidebar belongs to a landmark.
  const sidebar = document.getElementById("pst-primary-sidebar");
  if (sidebar) {
    sidebar.setAttribute("role", "navigation");
    sidebar.setAttribute("aria-label", "Book");
  }
});
