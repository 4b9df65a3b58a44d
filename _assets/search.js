/**
 * Search results show sentences of a page: no menus, no headings, no code. A formula would stand three times in plain
 * text: as MathML, as TeX and as what is seen. Here it stands once, in a line: a fraction with a stroke, an index after
 * _, a power after ^.
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

  const NO_SENTENCES = [
    "h1, h2, h3, h4, .admonition-title, .headerlink, .route",
    "pre, summary, script, style, button, .implreg-explorer",
  ].join();
  Search.htmlToText = (page, anchor) => {
    const parsed = new DOMParser().parseFromString(page, "text/html");
    for (const formula of parsed.querySelectorAll(".katex")) formula.replaceWith(line(formula.querySelector("math")));
    for (const element of parsed.querySelectorAll(NO_SENTENCES)) element.remove();
    const place = anchor && parsed.getElementById(decodeURIComponent(anchor.slice(1)));
    // A term stands before its explanation, a label at the head of its section.
    const found = place?.localName === "dt" ? place.nextElementSibling : place;
    const shown = found && !found.textContent.trim() ? found.parentElement : found;
    return (shown || parsed.querySelector("article"))?.textContent ?? "";
  };

  const LENGTH = 240;
  const wanted = () => {
    const query = new URLSearchParams(location.search).get("q") ?? "";
    return query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  };
  // From a place its first sentences, from a page those from the first on that has most of the words. `stems` are
  // Sphinx's, such as "decai" of "decay".
  Search.makeSearchSummary = (page, stems, anchor) => {
    const sentences = Search.htmlToText(page, anchor).replaceAll(/\s+/g, " ").trim().split(/(?<=[.?!:]) /);
    const words = [...stems, ...wanted()];
    const hits = sentences.map((sentence) => words.filter((word) => sentence.toLowerCase().includes(word)).length);
    const text = sentences.slice(anchor ? 0 : hits.indexOf(Math.max(...hits))).join(" ");
    const summary = document.createElement("p");
    summary.className = "context";
    summary.textContent = text.length > LENGTH ? `${text.slice(0, text.lastIndexOf(" ", LENGTH))} …` : text;
    return summary;
  };

  // Pages about all words of the query come before those that have them somewhere, chapters before lists and reference.
  const LISTS = /chapters\/(api|bibliography|claims|reviewers)/;
  const found = Search.performTermsSearch;
  Search.performTermsSearch = (stems, excluded) =>
    found(stems, excluded).map(([page, title, anchor, description, score, file]) => {
      const named = wanted().filter((word) => title.toLowerCase().includes(word)).length;
      return [page, title, anchor, description, score + 5 * named - (LISTS.test(page) ? 10 : 0), file];
    });

  // What is found in the index is shown under the name of its page. What it is goes with it: a term of the glossary, or
  // the number and title of a statement.
  const keyAt = (listed, id) =>
    Object.entries(listed).find(([, places]) => places.some(([, place]) => place === id))?.[0];
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
