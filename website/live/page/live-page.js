/* The offer "Run this page here": a button at the page's top, with what it will load, or
   why the page can't run here. Until it's pressed, this file and live-page.css are all
   that a page has more than one that doesn't run. Then start.js goes on.              */

"use strict";

function offerToRun() {
  const config = JSON.parse(
    document.getElementById("live-config")?.textContent ?? "null",
  );
  const place = document.querySelector(".live-page");
  if (!config || !place) return;

  const start = new URL(`${config.base}page/start.js`, document.baseURI).href;
  const reason = window.LiveKernel?.unavailable() ?? "A part of it hasn’t come.";
  place.innerHTML = `
    <button type="button" class="live-button">Run this page here</button>
    <p class="live-about"></p>
    <p class="live-said" role="status"></p>`;
  const [button, about, said] = place.children;
  if (reason) {
    button.remove();
    about.textContent = `This page can’t run here. ${reason}`;
    return;
  }
  about.textContent = `Python in your browser: ${config.megabytes} MB, loaded once.`;

  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true"); // it keeps the focus, as disabled doesn't
    try {
      const { startPage } = await load(start);
      await startPage({ config, place, button, about, said });
    } catch (error) {
      about.textContent = said.textContent = `It didn’t start: ${error.message}`;
      button.textContent = "Try again";
      button.removeAttribute("aria-disabled");
    }
  });
}

/** Import a module. When the site has been published anew, that of this page is gone. */
async function load(address) {
  try {
    return await import(address);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Error("A part of it hasn’t come. Reload the page, and try again.");
  }
}

if (document.readyState === "loading")
  document.addEventListener("DOMContentLoaded", offerToRun);
else offerToRun();
