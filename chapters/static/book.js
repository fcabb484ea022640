// Two small things that a style sheet cannot do.

// 1. What scrolls inside itself can be reached and scrolled with the keyboard.
function letKeyboardScroll() {
  const parts = document.querySelectorAll(
    ".bd-article pre, .bd-article mjx-container[display], .pst-scrollable-table-container",
  );
  for (const part of parts) {
    if (part.scrollWidth > part.clientWidth + 1) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }
}
window.addEventListener("load", () => {
  const typeset = window.MathJax?.startup?.promise ?? Promise.resolve();
  typeset.then(letKeyboardScroll);
});
window.addEventListener("resize", letKeyboardScroll);

// 2. The page of questions gets a field that narrows it down.
document.addEventListener("DOMContentLoaded", () => {
  const items = [...document.querySelectorAll("ul.questions > li")];
  const first = document.querySelector(".bd-article section section");
  if (!items.length || !first) return;
  const label = document.createElement("label");
  label.className = "questions-filter";
  label.innerHTML = '<span>Narrow down</span><input type="search" placeholder="softmax, shape, query">';
  const words = items.map((item) => item.textContent.toLowerCase()); // before formulas are typeset
  label.querySelector("input").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    items.forEach((item, i) => (item.hidden = !words[i].includes(wanted)));
  });
  first.before(label);
});
