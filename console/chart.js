// How are figures drawn? As SVG whose places are shares of the width, so that nothing is measured
// and nothing is drawn anew when the window changes. Each chart has a table or a text beside it.

import {duration, h, svg, value} from "./kit.js";

/** How many colours there are for series; the last one is for what is left. */
const COLOURS = 8;

/** @param {number} share */
const at = share => `${(100 * Math.min(1, Math.max(0, share))).toFixed(3)}%`;

/** @param {Chart} chart */
export function stackedBars(chart) {
	const {label, series, points, format, height = 170} = chart;
	const top = niceTop(Math.max(0, ...points.map(it => sum(it.values))));
	const inner = height - 34;
	const lines = [0, 0.5, 1].flatMap(share => {
		const y = 10 + inner * (1 - share);
		return [
			svg("line", {class: "axis", x1: at(LEFT), x2: "100%", y1: y, y2: y}),
			svg("text", {x: 0, y: y + 4}, format(top * share))
		];
	});
	const bars = points.map((_, place) => bar(chart, place, inner, inner / top));
	const image = svg("svg", {height, role: "img", "aria-label": label}, lines, bars);
	const items = series.map((name, index) => h("li", patch(colour(index)), value(name)));
	return h("div.chart", image, h("ul.legend", items));
}

/** @param {number[]} values */
const sum = values => values.reduce((all, it) => all + it, 0);

/** @param {number} most */
function niceTop(most) {
	if (most <= 0) return 1;
	const power = 10 ** Math.floor(Math.log10(most));
	return power * ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find(it => it * power >= most) ?? 10);
}

/** Where the bars begin, as a share of the width: the scale is on the left. */
const LEFT = 0.07;

/** @param {Chart} chart @param {number} place @param {number} inner height of the bars
 * @param {number} scale */
function bar({series, points, format}, place, inner, scale) {
	const {label, values} = points[place] ?? {label: "", values: []};
	const width = (1 - LEFT) / points.length;
	const x = LEFT + place * width;
	let y = 10 + inner;
	const parts = values.map((amount, index) => {
		const height = amount * scale;
		y -= height;
		const shape = {x: at(x + width * 0.12), y, width: at(width * 0.76), height};
		return height > 0 && svg("rect", {...shape, class: colour(index)});
	});
	const told = series.map((name, index) => `${name}: ${format(values[index] ?? 0)}`);
	const title = svg("title", [`${label} · ${format(sum(values))}`, ...told].join("\n"));
	const hover = {class: "hover", x: at(x), y: 0, width: at(width), height: 10 + inner};
	const text = {x: at(x + width / 2), y: inner + 26, "text-anchor": "middle"};
	const isLabelled = place % Math.ceil(points.length / 6) === 0;
	return svg("g", parts, isLabelled && svg("text", text, label), svg("rect", hover, title));
}

/** @param {number} index */
const colour = index => `s${Math.min(index, COLOURS - 1)}`;

/** @param {string} name */
const patch = name =>
	svg("svg", {"aria-hidden": "true"}, svg("rect", {class: name, width: 10, height: 10, rx: 2}));

/** What a phase is called, and its colour.
 * @type {{[phase in Phase]: [name: string, colour: string]}} */
const PHASES = {
	own: ["gateway", "s3"],
	resolve: ["queue and DNS", "s7"],
	connect: ["connect", "s2"],
	tls: ["TLS", "s4"],
	head: ["wait for the head", "s0"],
	first: ["head to first token", "s6"],
	body: ["body", "s1"]
};

/** The phases in words. @param {Segment[]} segments */
export const phaseText = segments =>
	segments.map(({phase, from, to}) => `${PHASES[phase][0]} ${duration(to - from)}`);

/** One line of a waterfall, to the scale of the whole request. @param {Segment[]} segments
 * @param {number} end microseconds that the whole width stands for */
export function waterfallLine(segments, end) {
	const all = Math.max(1, end);
	const parts = segments.map(({phase, from, to}) => {
		const range = `from ${duration(from)} to ${duration(to)}`;
		const title = svg("title", `${PHASES[phase][0]}: ${duration(to - from)}, ${range}`);
		const width = at(Math.max((to - from) / all, 0.002));
		const shape = {class: PHASES[phase][1], x: at(from / all), width, y: 2, height: 12};
		return svg("rect", shape, title);
	});
	const label = phaseText(segments).join(", ");
	const base = svg("line", {class: "axis", x1: 0, x2: "100%", y1: 15.5, y2: 15.5});
	const image = svg("svg", {height: 16, role: "img", "aria-label": label}, base, parts);
	return h("div.chart.line", image);
}

/** @param {number} end */
export function waterfallScale(end) {
	const anchors = ["start", "middle", "middle", "middle", "end"];
	const texts = anchors.map((anchor, index) =>
		svg("text", {x: at(index / 4), y: 11, "text-anchor": anchor}, duration((end * index) / 4))
	);
	return h("div.chart.line", svg("svg", {height: 16, "aria-hidden": "true"}, texts));
}

export function waterfallLegend() {
	const items = Object.values(PHASES).map(([name, colour]) => h("li", patch(colour), name));
	return h("ul.legend", items);
}
