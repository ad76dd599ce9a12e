// The page's shortcuts. Everything works without this file; no key decides anything, it only goes to a link or a field.
"use strict";
(() => {
  const dialog = document.getElementById("shortcuts");
  const opener = document.getElementById("show-shortcuts");
  if (!dialog || !opener || document.body.dataset.shortcuts !== "on") return;
  opener.hidden = false;
  opener.addEventListener("click", () => dialog.showModal());

  const focus = (selector) => {
    const target = document.querySelector(selector);
    if (!target) return;
    const details = target.closest("details");
    if (details) details.open = true;
    target.focus();
    target.scrollIntoView({ block: "center" });
  };

  // The links or candidates of the first list, one after the other.
  const step = (by) => {
    const items = [...document.querySelectorAll("[data-list] > li")].map((item) => item.querySelector("a, button, input") || item);
    if (items.length === 0) return;
    const at = items.findIndex((item) => item === document.activeElement || item.parentElement.contains(document.activeElement) && document.activeElement !== document.body);
    const next = items[Math.min(Math.max(at + by, 0), items.length - 1)];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };

  const acts = {
    "?": () => dialog.showModal(),
    "j": () => step(1),
    "k": () => step(-1),
    "a": () => focus("[data-act=approve]"),
    "e": () => focus("[data-act=edit]"),
    "c": () => focus("[data-act=pick]"),
    "r": () => focus("[data-act=reject]"),
    "/": () => focus("[data-search]"),
  };

  let waits = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || dialog.open) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (waits && Date.now() - waits < 1500) {
      waits = 0;
      const link = [...document.querySelectorAll("[data-key]")].find((link) => link.dataset.key === event.key);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    if (event.key === "g") {
      waits = Date.now();
    } else if (Object.hasOwn(acts, event.key)) {
      event.preventDefault();
      acts[event.key]();
    }
  });
})();
