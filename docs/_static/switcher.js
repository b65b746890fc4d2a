// Fills the list of versions in the header: each has its pages in a folder of its name.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { pagename, VERSION } = DOCUMENTATION_OPTIONS;
  const root = document.documentElement.dataset.content_root;
  const page = `${pagename}.html`;
  for (const select of document.querySelectorAll(".versions select")) {
    const options = Object.keys(VERSIONS).map(
      (name) => new Option(name, name, false, name === VERSION));
    select.replaceChildren(...options);
    // A browser that goes back shows the page as it was left.
    window.addEventListener("pageshow", () => { select.value = VERSION; });
    select.addEventListener("change", () => {
      const found = VERSIONS[select.value].includes(page) ? page : "index.html";
      window.location.href = `${root}../${select.value}/${found}`;
    });
  }
});
