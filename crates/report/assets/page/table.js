// Tables that can be sorted, copied and saved.

/** A table. Columns: { name, number (whether values are numbers), show (value to text), gene }. Rows: lists of values. */
function table(columns, rows, { title, caption, name = "table", sortable = true } = {}) {
  const body = el("tbody");
  let order = rows.map((_, i) => i);
  const heads = [];
  const fill = () => {
    body.replaceChildren(...order.map((row) => el("tr", {}, columns.map((column, i) => {
      const value = rows[row][i];
      const text = column.show ? column.show(value) : column.number ? number(value) : value ?? "–";
      return el(i === 0 ? "th" : "td", { class: column.number ? "number" : column.gene ? "gene" : undefined, scope: i === 0 ? "row" : undefined }, String(text));
    }))));
  };
  const sort = (i) => {
    const down = heads[i].getAttribute("aria-sort") === (columns[i].number ? "descending" : "ascending");
    const sign = down === Boolean(columns[i].number) ? 1 : -1;
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[i].setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const value = (row) => rows[row][i];
    order.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || x === undefined) return 1;
      if (y === null || y === undefined) return -1;
      return sign * (columns[i].number ? x - y : String(x).localeCompare(String(y), "en", { numeric: true })) || a - b;
    });
    fill();
  };
  columns.forEach((column, i) => {
    const title = sortable ? el("button", { type: "button", onclick: () => sort(i) }, column.name) : column.name;
    heads.push(el("th", { scope: "col", class: column.number ? "number" : undefined }, title));
  });
  fill();
  const lines = (separator) => [columns.map((column) => column.name), ...order.map((row) => rows[row])]
    .map((line) => line.map((value) => cell(value, separator)).join(separator)).join("\n") + "\n";
  return el("div", {},
    el("div", { class: "chart-head" }, title ? el("h3", {}, title) : el("span"), el("div", { class: "tools" },
      el("button", { type: "button", onclick: () => copy(lines("\t"), "Table") }, "Copy"),
      el("button", { type: "button", onclick: () => download(`${fileName(name)}.csv`, `data:text/csv;charset=utf-8,${encodeURIComponent(lines(","))}`) }, "CSV"))),
    el("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": caption || name },
      el("table", {}, caption ? el("caption", { class: "note", style: { captionSide: "bottom", padding: "0.4rem" } }, caption) : null,
        el("thead", {}, el("tr", {}, heads)), body)));
}

/** A value in a line of text. Spreadsheets take what begins with certain signs for a formula. */
function cell(value, separator) {
  if (value === null || value === undefined) return "";
  let text = String(value);
  if (typeof value !== "number" && /^[=+@\-\t\r]/.test(text)) text = `'${text}`;
  if (separator === "\t") return text.replace(/[\t\r\n]+/g, " ");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Names and what they are, without more. */
function facts(rows) {
  return el("div", { class: "table-wrap" }, el("table", { class: "facts" }, el("tbody", {},
    rows.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value))))));
}
