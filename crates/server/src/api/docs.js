// Finds words in operations and schemas; opens what a link leads to.
const find = document.getElementById("find");
const found = document.getElementById("found");
const sections = [...document.querySelectorAll("section")];
const entries = sections.flatMap(section => [...section.querySelectorAll(":scope > details")].map(entry => ({
  entry, section, text: (entry.querySelector("summary").textContent + " " + entry.textContent).toLowerCase(), head: entry.querySelector("summary").textContent.toLowerCase(),
})));
function search() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const inHead = entries.filter(e => words.every(w => e.head.includes(w)));
  // What is said in the heading is meant; only when no heading has it, all of the text is looked through.
  const hits = new Set(inHead.length ? inHead : entries.filter(e => words.every(w => e.text.includes(w))));
  for (const e of entries) e.entry.hidden = words.length > 0 && !hits.has(e);
  for (const s of sections) s.hidden = words.length > 0 && ![...hits].some(e => e.section === s);
  found.textContent = words.length ? `${hits.size} of ${entries.length}` : "";
}
find.hidden = false;
find.addEventListener("input", search);
document.addEventListener("keydown", e => {
  if (e.key === "/" && document.activeElement !== find) { e.preventDefault(); find.focus(); }
});
function open() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (find.value) { find.value = ""; search(); }
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", open);
open();
