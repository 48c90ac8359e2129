/** Tables that are sorted by their headings: buttons, so the keyboard does it as well. */

/** An element with properties and children; texts stay texts. */
export function node(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** How each table was sorted last, so that a new choice keeps it. */
const orders = new WeakMap();

/** Values in order, null always last. */
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
}

function cell(column, row, isHeading) {
  const value = column.value(row);
  const shown = value === null ? "–" : column.text ? column.text(row) : String(value);
  const made = node(isHeading ? "th" : "td", isHeading ? { scope: "row" } : { className: column.isText ? "text" : "" }, shown);
  if (value !== null || !column.whyNot) return made;
  made.title = column.whyNot(row);
  made.append(node("span", { className: "unseen" }, ` no value: ${column.whyNot(row)}`));
  return made;
}

/**
 * Fills a table. A column: name, value(row) to sort by (null: there is none), text(row) to show, isText (flush left),
 * hint (of the heading), whyNot(row) (why the value is null). The first column names the rows.
 */
export function showTable(table, { caption, columns, rows, isChosen }) {
  const order = orders.get(table) ?? { column: null, sign: 1 };
  const column = columns.find(({ name }) => name === order.column);
  const sorted = column ? rows.toSorted((a, b) => compare(column.value(a), column.value(b), order.sign)) : rows;
  const headings = columns.map(({ name, hint, isText }) => {
    const button = node("button", { type: "button", title: hint ?? "" }, name);
    button.onclick = () => {
      orders.set(table, { column: name, sign: order.column === name ? -order.sign : 1 });
      showTable(table, { caption, columns, rows, isChosen });
      // The button was made anew; who came by keyboard stays on it.
      table.querySelectorAll("thead button")[columns.findIndex((other) => other.name === name)].focus();
    };
    const heading = node("th", { scope: "col", className: isText ? "text" : "" }, button);
    if (name === order.column) heading.setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
    return heading;
  });
  table.replaceChildren(
    node("caption", {}, caption),
    node("thead", {}, node("tr", {}, ...headings)),
    node("tbody", {}, ...sorted.map((row) => node("tr", { className: isChosen(row) ? "chosen" : "" }, ...columns.map((each, i) => cell(each, row, i === 0))))),
  );
}
