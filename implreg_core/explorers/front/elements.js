/** Makes HTML and SVG elements. */

/** Sets attributes and appends children. */
export function build(node, attributes, ...children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export const html = (tag, ...rest) => build(document.createElement(tag), ...rest);
export const svg = (tag, ...rest) => build(document.createElementNS("http://www.w3.org/2000/svg", tag), ...rest);
