// For a methods section; and what a run did and took.

function methods() {
  const { methods: found } = report;
  const steps = found.parameters.filter((step) => step.parameters.length);
  const rows = steps.flatMap((step) => step.parameters.map(([name, value]) => [step.name, name, value]));
  return part("methods", "Methods", null,
    el("div", { class: "card" }, el("div", { class: "chart-head" }, el("h3", {}, "Ready to paste"), el("button", { type: "button", onclick: () => copy(found.text, "Text") }, "Copy")), el("p", { class: "quote" }, found.text)),
    rows.length ? el("div", { class: "card" }, table([{ name: "step" }, { name: "parameter" }, { name: "value" }], rows, { title: "Parameters", name: "parameters", sortable: false })) : null);
}

function runPart() {
  const { run } = report;
  if (!run) return part("run", "Filters, time and memory", null, absent("run"));
  const { process, report: done } = run;
  const lost = (axis) => done.input_shape[axis] - done.shape[axis];
  const filters = done.filters.length ? el("div", { class: "card" },
    table([{ name: "filter" }, { name: "of" }, { name: "removed", number: true, show: count }, { name: "left", number: true, show: count }], done.filters.map((filter) => [filter.rule, filter.axis, filter.removed, filter.left]), { title: "What filters removed", name: "filters", sortable: false })) : null;
  const warnings = done.warnings.length ? el("div", { class: "card absent-note", role: "note" }, done.warnings.map((warning) => el("p", {}, warning))) : null;
  const given = (name, value, show) => (value === null || value === undefined ? null : [name, show(value)]);
  return part("run", "Filters, time and memory", `${count(lost(0))} cells and ${count(lost(1))} genes of the input were left out.`, warnings,
    tiles([given("time", process.wall_seconds, seconds), given("processor time", process.cpu_seconds, seconds), given("most memory", process.peak_rss, bytes),
      given("read", process.bytes_read, bytes), given("written", process.bytes_written, bytes), given("passes over the matrix", done.passes, count)]),
    el("div", { class: "grid wide" }, filters, done.stages.length ? stageChart(done.stages).frame : null));
}

function stageChart(stages) {
  const option = (colors) => ({
    grid: { left: 8, right: 24, top: 30, bottom: 24, containLabel: true },
    legend: { right: 0, top: 0, textStyle: { color: colors.text }, itemHeight: 9 },
    tooltip: tooltip(colors, { formatter: ({ dataIndex }) => tip(stages[dataIndex].name, [["time", seconds(stages[dataIndex].seconds)], ["processor time", seconds(stages[dataIndex].cpu_seconds)]]) }),
    xAxis: axis(colors, { type: "value", axisLine: { show: false }, axisLabel: { formatter: (value) => `${number(value)} s` } }),
    yAxis: axis(colors, { type: "category", inverse: true, data: stages.map((_, i) => String(i)), axisLabel: { formatter: (i) => stages[i]?.name ?? "" } }),
    series: [
      { name: "time", type: "bar", barMaxWidth: 14, itemStyle: { color: colors.accent, borderRadius: [0, 3, 3, 0] }, data: stages.map((stage) => stage.seconds) },
      { name: "processor time", type: "bar", barMaxWidth: 14, itemStyle: { color: colors.other, borderRadius: [0, 3, 3, 0] }, data: stages.map((stage) => stage.cpu_seconds) },
    ],
  });
  return chart({ name: "stages", title: "Time of the stages", height: Math.max(180, 46 * stages.length + 60), option,
    summary: `Time of ${stages.length} stages: ${stages.map((stage) => `${stage.name} ${seconds(stage.seconds)}`).join(", ")}.`,
    table: () => ({ columns: [{ name: "stage" }, { name: "seconds", number: true }, { name: "processor seconds", number: true }], rows: stages.map((stage) => [stage.name, stage.seconds, stage.cpu_seconds]) }) });
}
