// How are figures drawn? As SVG whose places are shares of the width, so that nothing is measured
// and nothing is drawn anew when the window changes. Each chart has a table or a text beside it.

import {duration, h, svg, value} from "./kit.js";

/** How many colours there are for series; the last one is for what is left. */
export const COLOURS = 8;

/** @param {number} share */
const at = share => `${(100 * Math.min(1, Math.max(0, share))).toFixed(3)}%`;

/** @param {object} options @param {string} options.label
 * @param {string[]} options.series names, the first one lowest @param {Point[]} options.points
 * @param {(amount: number) => string} options.format @param {number} [options.height] */
export function stackedBars({label, series, points, format, height = 170}) {
	const top = niceTop(Math.max(0, ...points.map(it => sum(it.values))));
	const inner = height - 34;
	const scale = (/** @type {number} */ amount) => (top > 0 ? (amount / top) * inner : 0);
	const lines = [0, 0.5, 1].flatMap(share =>
		gridLine(10 + inner * (1 - share), format(top * share))
	);
	const bars = points.map((point, place) =>
		bar({point, place, points, series, scale, format, inner})
	);
	const image = svg("svg", {height, role: "img", "aria-label": label}, lines, bars);
	return h("div.chart", image, legend(series));
}

/** @param {number[]} values */
function sum(values) {
	return values.reduce((all, it) => all + it, 0);
}

/** @param {number} most */
function niceTop(most) {
	if (most <= 0) return 1;
	const power = 10 ** Math.floor(Math.log10(most));
	return power * ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find(it => it * power >= most) ?? 10);
}

/** Where the bars begin and end, as shares of the width: the scale is on the left. */
const [LEFT, RIGHT] = [0.07, 1];

/** @param {number} y @param {string} text */
function gridLine(y, text) {
	return [
		svg("line", {class: "axis", x1: at(LEFT), x2: at(RIGHT), y1: y, y2: y}),
		svg("text", {x: 0, y: y + 4}, text)
	];
}

/** @param {object} options @param {Point} options.point @param {number} options.place
 * @param {Point[]} options.points @param {string[]} options.series
 * @param {(amount: number) => number} options.scale
 * @param {(amount: number) => string} options.format @param {number} options.inner */
function bar({point, place, points, series, scale, format, inner}) {
	const width = (RIGHT - LEFT) / points.length;
	const x = LEFT + place * width;
	let y = 10 + inner;
	const parts = point.values.map((amount, index) => {
		const tall = scale(amount);
		y -= tall;
		const shape = {x: at(x + width * 0.12), y, width: at(width * 0.76), height: tall};
		return tall > 0 && svg("rect", {...shape, class: colour(index)});
	});
	const told = series.map((name, index) => `${name}: ${format(point.values[index] ?? 0)}`);
	const title = svg("title", [`${point.label} · ${format(sum(point.values))}`, ...told].join("\n"));
	const hover = {class: "hover", x: at(x), y: 0, width: at(width), height: 10 + inner};
	const every = Math.ceil(points.length / 6);
	const text = {x: at(x + width / 2), y: inner + 26, "text-anchor": "middle"};
	const label = place % every === 0 && svg("text", text, point.label);
	return svg("g", parts, label, svg("rect", hover, title));
}

/** @param {number} index */
export function colour(index) {
	return `s${Math.min(index, COLOURS - 1)}`;
}

/** @param {string[]} series */
function legend(series) {
	const items = series.map((name, index) => h("li", patch(colour(index)), value(name)));
	return h("ul.legend", items);
}

/** @param {string} name */
function patch(name) {
	return svg(
		"svg",
		{"aria-hidden": "true"},
		svg("rect", {class: name, width: 10, height: 10, rx: 2})
	);
}

/** @type {[Phase, string][]} */
const PHASES = [
	["own", "gateway"],
	["resolve", "queue and DNS"],
	["connect", "connect"],
	["tls", "TLS"],
	["head", "wait for the head"],
	["first", "head to first token"],
	["body", "body"]
];

/** One line of a waterfall, to the scale of the whole request. @param {Segment[]} segments
 * @param {number} end microseconds that the whole width stands for */
export function waterfallLine(segments, end) {
	const all = Math.max(1, end);
	const names = new Map(PHASES);
	const parts = segments.map(({phase, from, to}) => {
		const range = `from ${duration(from)} to ${duration(to)}`;
		const told = `${names.get(phase)}: ${duration(to - from)}, ${range}`;
		const shape = {
			x: at(from / all),
			width: at(Math.max((to - from) / all, 0.002)),
			y: 2,
			height: 12
		};
		return svg("rect", {...shape, class: `p-${phase}`}, svg("title", told));
	});
	const label = segments
		.map(it => `${names.get(it.phase)} ${duration(it.to - it.from)}`)
		.join(", ");
	const base = svg("line", {class: "axis", x1: 0, x2: "100%", y1: 15.5, y2: 15.5});
	return h(
		"div.chart.line",
		svg("svg", {height: 16, role: "img", "aria-label": label}, base, parts)
	);
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
	const items = PHASES.map(([phase, name]) => h("li", patch(`p-${phase}`), name));
	return h("ul.legend", items);
}
