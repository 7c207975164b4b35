// What gradio has no option for: the language of the page, answers that are read out, and texts
// that run from right to left. (`unicode-bidi: plaintext` would do the last by itself, and takes
// browsers minutes for a text of a megabyte.)
document.documentElement.lang = "en";

const RIGHT_TO_LEFT = /^\P{L}*[\u0590-\u08ff\ufb1d-\ufdfd\ufe70-\ufefc]/u;
const direct = (box) => {
  box.dir = RIGHT_TO_LEFT.test(box.value.slice(0, 200)) ? "rtl" : "ltr";
};
document.addEventListener("input", ({ target }) => target.value !== undefined && direct(target));

new MutationObserver(() => {
  for (const region of document.querySelectorAll(".block.chorus-live:not([aria-live])")) {
    region.setAttribute("aria-live", "polite");
  }
  document.querySelectorAll("textarea").forEach(direct);
}).observe(document.documentElement, { childList: true, subtree: true });
