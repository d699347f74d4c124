// The picture of the cells: coloured by columns and genes, with a legend that hides and shows.

function embedding() {
  const { embedding: found } = report;
  if (!found) return part("cells", "Cells", null, absent("embedding"));
  const xs = unpack(found.x);
  const ys = unpack(found.y);
  const colorings = found.colors.map((coloring) => ({ ...coloring, values: unpack(coloring.values), hidden: new Set() }));
  colorings.push({ name: "", label: "nothing", kind: "none", labels: [], colors: [], sizes: [], values: new Float32Array(xs.length), hidden: new Set() });
  const view = { coloring: colorings[0], names: colorings[0].labels.length <= 40, size: Math.max(1.5, Math.min(7, Math.round(640 / Math.sqrt(xs.length)) / 2)) };
  let shownSeries = [];

  const option = (colors) => {
    const { series, members } = cellSeries(view.coloring, xs, ys, colors, view.size);
    shownSeries = members;
    if (view.names && view.coloring.kind === "category") series.push(nameSeries(view.coloring, xs, ys, colors));
    const bounds = square(xs, ys);
    const side = (name, [low, high]) => ({ ...axis(colors, { type: "value", name, min: low, max: high, nameGap: 7, splitLine: { show: false } }), axisLabel: { show: false }, axisLine: { show: false } });
    return {
      animation: false,
      grid: { left: 26, right: 6, top: 6, bottom: 26, show: true, borderColor: colors.line },
      tooltip: tooltip(colors, { formatter: ({ seriesIndex, dataIndex }) => {
        const cell = shownSeries[seriesIndex]?.[dataIndex];
        return cell === undefined ? "" : cellTip(colorings, view.coloring, cell);
      } }),
      xAxis: side(`${found.label} 1`, bounds.x),
      yAxis: side(`${found.label} 2`, bounds.y),
      dataZoom: ["xAxisIndex", "yAxisIndex"].map((which) => ({ id: which, type: "inside", [which]: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseMove: true, ...zoom[which] })),
      series,
    };
  };

  const zoom = { xAxisIndex: { start: 0, end: 100 }, yAxisIndex: { start: 0, end: 100 } };
  const move = (scale, dx = 0, dy = 0) => {
    [["xAxisIndex", dx], ["yAxisIndex", dy]].forEach(([which, step]) => {
      const { start, end } = zoom[which];
      const span = Math.min(100, Math.max(1, (end - start) * scale));
      const middle = (start + end) / 2 + step * (end - start);
      const from = Math.min(Math.max(middle - span / 2, 0), 100 - span);
      zoom[which] = { start: from, end: from + span };
    });
    handle.instance.setOption({ dataZoom: Object.entries(zoom).map(([id, range]) => ({ id, ...range })) });
  };
  const button = (text, label, action) => el("button", { type: "button", "aria-label": label, onclick: action }, text);
  const sampled = found.shown < found.cells ? `${count(found.shown)} of ${count(found.cells)} cells, drawn at random. ` : "";
  const handle = chart({
    name: "cells", title: `${found.label} of ${count(found.cells)} cells`, height: "min(34rem, 78vw)", option, large: true,
    summary: cellSummary(found),
    tools: [button("−", "Zoom out", () => move(1.4)), button("+", "Zoom in", () => move(1 / 1.4)), button("Reset", "Show all cells", () => move(1000))],
    note: `${sampled}Drag to move; Ctrl and wheel, pinch, or the keys + − 0 and arrows to zoom.`,
  });
  // Without Ctrl the wheel belongs to the page; the library would take it.
  ["wheel", "mousewheel"].forEach((kind) => handle.plot.addEventListener(kind, (event) => event.ctrlKey || event.stopPropagation(), { capture: true, passive: true }));
  handle.plot.addEventListener("keydown", (event) => {
    const steps = { "+": [1 / 1.4], "=": [1 / 1.4], "-": [1.4], 0: [1000], ArrowLeft: [1, -0.15], ArrowRight: [1, 0.15], ArrowDown: [1, 0, -0.15], ArrowUp: [1, 0, 0.15] };
    if (steps[event.key] && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      move(...steps[event.key]);
    }
  });
  later.push(() => handle.instance.on("datazoom", () => {
    handle.instance.getOption().dataZoom.forEach(({ id, start, end }) => (zoom[id] = { start, end }));
  }));

  const side = el("div", { class: "side" });
  const chooser = el("select", { onchange: (event) => show(colorings[event.target.value]) });
  const kinds = [["category", "Categories"], ["number", "Numbers"], ["gene", "Genes"], ["none", "Nothing"]];
  kinds.forEach(([kind, text]) => {
    const own = colorings.map((coloring, i) => [coloring, i]).filter(([coloring]) => coloring.kind === kind);
    if (own.length) chooser.append(el("optgroup", { label: text }, own.map(([coloring, i]) => el("option", { value: i }, coloring.label))));
  });
  const legend = el("div");
  const size = el("input", { type: "range", min: "1", max: "12", step: "0.5", value: String(view.size), oninput: (event) => {
    view.size = Number(event.target.value);
    handle.redraw();
  } });
  side.append(el("label", { class: "field" }, "Colour by", chooser), legend, el("label", { class: "field" }, "Size of the points", size));
  const thumbs = el("div", { class: "thumbs", role: "group", "aria-label": "Colour the cells by" });
  const small = [];
  const show = (coloring) => {
    view.coloring = coloring;
    chooser.value = String(colorings.indexOf(coloring));
    thumbs.querySelectorAll("button").forEach((thumb, i) => thumb.setAttribute("aria-pressed", String(colorings[i] === coloring)));
    drawLegend();
    handle.redraw();
  };
  const drawLegend = () => {
    const { coloring } = view;
    legend.replaceChildren(coloring.kind === "category" ? categoryLegend(coloring, view, handle.redraw) : coloring.kind === "none" ? "" : numberLegend(coloring));
  };
  onTheme(() => view.coloring.kind !== "category" && drawLegend());
  colorings.filter((coloring) => coloring.kind !== "none").forEach((coloring) => {
    const picture = el("span", { class: "picture", style: { display: "block" } });
    thumbs.append(el("button", { type: "button", class: "thumb", "aria-pressed": "false", onclick: () => show(coloring) }, picture, el("span", { class: coloring.kind === "gene" ? "name gene" : "name", title: coloring.label }, coloring.name)));
    small.push([picture, coloring]);
  });
  later.push(() => {
    show(view.coloring);
    small.forEach(([picture, coloring]) => thumbnail(picture, coloring, xs, ys));
  });
  const body = el("div", { class: "cells" });
  const [head, plot, note] = handle.frame.children;
  body.append(el("div", {}, plot, note), side);
  handle.frame.replaceChildren(head, body, thumbs);
  return part("cells", "Cells", null, absent("embedding"), handle.frame);
}

/** Series of points, and which cells each holds. The order of cells is random, so that no group lies on top of all others. */
function cellSeries(coloring, xs, ys, colors, size) {
  const series = [];
  const members = [];
  const add = (cells, color, opacity) => {
    if (!cells.length) return;
    const data = new Float32Array(cells.length * 2);
    cells.forEach((cell, i) => {
      data[2 * i] = xs[cell];
      data[2 * i + 1] = ys[cell];
    });
    members.push(cells);
    series.push({ type: "scatter", large: true, largeThreshold: 0, progressive: 0, symbolSize: size, dimensions: ["x", "y"], data, itemStyle: { color, opacity }, emphasis: { disabled: true } });
  };
  if (coloring.kind === "category") {
    // Several rounds, each with a part of every group.
    const rounds = Math.max(1, Math.min(6, Math.floor(120 / coloring.labels.length)));
    const groups = Array.from({ length: rounds * coloring.labels.length }, () => []);
    const grey = [];
    coloring.values.forEach((code, cell) => {
      if (code < 0 || coloring.hidden.has(code)) grey.push(cell);
      else groups[Math.floor((cell * rounds) / xs.length) * coloring.labels.length + code].push(cell);
    });
    add(grey, colors.faint, 0.6);
    groups.forEach((cells, i) => add(cells, coloring.colors[i % coloring.labels.length], 0.85));
  } else if (coloring.kind === "none") {
    add([...coloring.values.keys()], colors.accent, 0.6);
  } else {
    // The highest values come last, on top, as in scanpy.
    const { low, high } = ends(coloring);
    const steps = 40;
    const bins = Array.from({ length: steps }, () => []);
    const grey = [];
    coloring.values.forEach((value, cell) => {
      if (Number.isNaN(value)) grey.push(cell);
      else bins[Math.min(steps - 1, Math.max(0, Math.floor(((value - low) / (high - low || 1)) * steps)))].push(cell);
    });
    add(grey, colors.faint, 0.6);
    bins.forEach((cells, i) => add(cells, between(ramp(colors), i / (steps - 1)), 0.9));
  }
  return { series, members };
}

/** Where colours end: the highest hundredth of the values shares one, so that a few cells do not dim all others. */
function ends(coloring) {
  if (!coloring.ends) {
    const low = quantile(coloring.values, 0);
    let high = quantile(coloring.values, 0.99);
    if (high <= low) high = quantile(coloring.values, 1);
    coloring.ends = { low, high, top: quantile(coloring.values, 1) };
  }
  return coloring.ends;
}

/** Names of categories, in the middle of their cells. */
function nameSeries(coloring, xs, ys, colors) {
  const cells = coloring.labels.map(() => []);
  coloring.values.forEach((code, cell) => code >= 0 && !coloring.hidden.has(code) && cells[code].push(cell));
  const middle = (values, own) => quantile(Float32Array.from(own, (cell) => values[cell]), 0.5);
  const data = cells.map((own, code) => ({ code, own })).filter(({ own }) => own.length).map(({ code, own }) => ({ value: [middle(xs, own), middle(ys, own)], code }));
  return { type: "scatter", silent: true, symbolSize: 0.1, z: 5, data, labelLayout: { hideOverlap: true },
    label: { show: true, position: "inside", fontSize: 13, fontWeight: 650, color: colors.text, textBorderColor: colors.card, textBorderWidth: 3, formatter: ({ data: point }) => short(coloring.labels[point.code], 26) } };
}

/** Bounds that give both axes the same scale. */
function square(xs, ys) {
  const range = (values) => {
    let [low, high] = [Infinity, -Infinity];
    values.forEach((value) => {
      if (value < low) low = value;
      if (value > high) high = value;
    });
    return low <= high ? [low, high] : [0, 1];
  };
  const [x, y] = [range(xs), range(ys)];
  const half = ([low, high]) => ((high - low) / 2 || 1) * 1.04;
  const around = ([low, high], size) => [(low + high) / 2 - size, (low + high) / 2 + size];
  return { x: around(x, half(x)), y: around(y, half(y)) };
}

function cellTip(colorings, coloring, cell) {
  const text = (one) => (one.kind === "category" ? one.labels[one.values[cell]] ?? "–" : number(one.values[cell]));
  const first = coloring.kind === "none" ? "Cell" : `${coloring.name}: ${text(coloring)}`;
  return tip(first, colorings.filter((one) => one !== coloring && one.kind !== "none").slice(0, 10).map((one) => [one.name, text(one)]));
}

function cellSummary(found) {
  const first = found.colors.find((coloring) => coloring.kind === "category");
  const groups = first ? ` Cells are coloured by ${first.name}: ${first.labels.slice(0, 20).map((name, i) => `${name} ${count(first.sizes[i])}`).join(", ")}.` : "";
  return `${found.label} of ${count(found.cells)} cells.${groups}`;
}

/** Buttons that hide and show categories. */
function categoryLegend(coloring, view, redraw) {
  const total = coloring.sizes.reduce((sum, size) => sum + size, 0);
  const list = el("ul", { class: "legend" });
  const buttons = coloring.labels.map((name, code) => {
    const button = el("button", { type: "button", "aria-pressed": String(!coloring.hidden.has(code)), title: `${name}: ${count(coloring.sizes[code])} cells, ${percent(coloring.sizes[code] / total)}`, onclick: () => {
      if (!coloring.hidden.delete(code)) coloring.hidden.add(code);
      button.setAttribute("aria-pressed", String(!coloring.hidden.has(code)));
      redraw();
    } }, el("span", { class: "swatch", style: { background: coloring.colors[code] } }), el("span", { class: "name" }, name), el("span", { class: "count" }, count(coloring.sizes[code])));
    list.append(el("li", {}, button));
    return button;
  });
  const all = (shown) => {
    coloring.hidden = new Set(shown ? [] : coloring.labels.keys());
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(shown)));
    redraw();
  };
  const names = el("button", { type: "button", "aria-pressed": String(view.names), onclick: () => {
    view.names = !view.names;
    names.setAttribute("aria-pressed", String(view.names));
    redraw();
  } }, "Names");
  return el("div", {}, el("div", { class: "tools", style: { marginBottom: "0.4rem" } },
    el("button", { type: "button", onclick: () => all(true) }, "All"), el("button", { type: "button", onclick: () => all(false) }, "None"), names), list);
}

function numberLegend(coloring) {
  const { low, high, top } = ends(coloring);
  const stops = Array.from({ length: 9 }, (_, i) => between(ramp(theme()), i / 8)).join(", ");
  return el("div", { class: "ramp" }, el("span", { class: coloring.kind === "gene" ? "gene" : undefined }, coloring.label),
    el("div", { class: "bar", style: { background: `linear-gradient(90deg, ${stops})` } }),
    el("div", { class: "ends" }, el("span", {}, number(low)), el("span", {}, top > high ? `≥ ${number(high)}` : number(high))),
    top > high ? el("p", { class: "note" }, `The highest hundredth, up to ${number(top)}, has one colour.`) : null);
}

/** A small picture of some of the cells. */
function thumbnail(place, coloring, xs, ys) {
  const few = Math.min(xs.length, 6000);
  const cut = { ...coloring, values: coloring.values.slice(0, few), hidden: new Set() };
  const [x, y] = [xs.slice(0, few), ys.slice(0, few)];
  const bounds = square(xs, ys);
  const instance = echarts.init(place, null, { renderer: "canvas" });
  const draw = () => instance.setOption({ animation: false, grid: { left: 2, right: 2, top: 2, bottom: 2 },
    xAxis: { show: false, min: bounds.x[0], max: bounds.x[1] }, yAxis: { show: false, min: bounds.y[0], max: bounds.y[1] },
    series: cellSeries({ ...cut, ends: coloring.kind === "category" ? undefined : ends(coloring) }, x, y, theme(), 1.6).series.map((one) => ({ ...one, silent: true })) }, { notMerge: true });
  draw();
  onTheme(draw);
  new ResizeObserver(() => instance.resize()).observe(place);
}
