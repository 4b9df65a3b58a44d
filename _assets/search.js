/**
 * Search results show excerpts of pages as plain text, in which a formula would stand three times: as MathML, as TeX
 * and as what is seen. Here it stands once, in a line: a fraction with a stroke, an index after _, a power after ^.
 */
{
  const group = (text) => (/^[\p{L}\p{N}]?$/u.test(text) || /^[\p{N}.]+$/u.test(text) ? text : `(${text})`);
  const script = (mark, text) => (/^[′]+$/.test(text) || text === "" ? text : mark + group(text));

  const SHAPES = {
    annotation: () => "",
    mfrac: (over, under) => `${group(over)}/${group(under)}`,
    msqrt: (...radicand) => `√${group(radicand.join(""))}`,
    mroot: (radicand, degree) => `${group(radicand)}^(1/${degree})`,
    msub: (base, index) => base + script("_", index),
    msup: (base, power) => base + script("^", power),
    msubsup: (base, index, power) => base + script("_", index) + script("^", power),
    munder: (base, under) => base + script("_", under),
    mover: (base, over) => base + over,
    munderover: (base, under, over) => base + script("_", under) + script("^", over),
    mtr: (...cells) => cells.join(" "),
    mtable: (...rows) => rows.join("; "),
  };

  const line = (element) => {
    const parts = [...element.children].map(line);
    const shape = SHAPES[element.localName];
    if (shape) return shape(...parts);
    return parts.length > 0 ? parts.join("") : element.textContent;
  };

  const textOf = Search.htmlToText;
  Search.htmlToText = (page, anchor) => {
    const parsed = new DOMParser().parseFromString(page, "text/html");
    for (const formula of parsed.querySelectorAll(".katex")) formula.replaceWith(line(formula.querySelector("math")));
    return textOf(parsed.documentElement.outerHTML, anchor);
  };
  // What is found in the index is shown under the name of its page. What it is goes with it: a term of the glossary, or
  // the number and title of a statement.
  const keyAt = (listed, id) => Object.entries(listed).find(([, places]) => places.some(([, place]) => place === id))?.[0];
  const nameEntries = (changes) => {
    for (const node of changes.flatMap(({ addedNodes }) => [...addedNodes])) {
      const link = node.querySelector?.("a[href*='#']");
      const id = link && decodeURIComponent(link.hash.slice(1));
      const { alltitles, indexentries } = Search._index; // oxlint-disable-line no-underscore-dangle -- Sphinx's name
      const entry = id && keyAt(indexentries, id);
      const name = entry && (keyAt(alltitles, id) ?? entry);
      if (name && !link.textContent.endsWith(name)) link.append(`: ${name}`);
    }
  };
  const results = document.getElementById("search-results");
  new MutationObserver(nameEntries).observe(results, { childList: true, subtree: true });
}
