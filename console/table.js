// How are rows shown? As a real table with headers that sort, rows that open by mouse and keyboard,
// and additions that do not touch the rows that are there.

import {h, replace} from "./dom.js";
import {go} from "./router.js";

/** @template T @param {TableOptions<T>} options @returns {Table<T>} */
export function table(options) {
	const body = h("tbody");
	/** @type {TableState<T>} */
	const state = {rows: options.rows ?? [], by: null, down: true};
	const made = (/** @type {T[]} */ rows) => rows.map(it => rowOf(options, it));
	const show = () => replace(body, made(sorted(state)));
	const head = headOf(options.columns, state, show);
	show();
	return {
		element: framed(options, head, body),
		setRows: rows => {
			state.rows = rows;
			show();
		},
		prepend: (rows, most) => {
			body.prepend(...made(rows));
			while (body.childElementCount > most) body.lastElementChild?.remove();
		},
		append: rows => {
			state.rows = [...state.rows, ...rows];
			body.append(...made(rows));
		}
	};
}

/** @template T @param {TableOptions<T>} options @param {HTMLElement} head
 * @param {HTMLElement} body */
function framed({caption, columns}, head, body) {
	const inner = h("table", h("caption.unseen", caption), head, body);
	const widths = columns.map(it => it.width ?? 0);
	if (widths.every(it => it > 0)) {
		inner.classList.add("fixed");
		inner.style.minWidth = `${widths.reduce((all, it) => all + it, 0)}em`;
	}
	return h("div.table", {tabindex: 0, role: "region", "aria-label": caption}, inner);
}

/** @template T @param {Column<T>[]} columns
 * @param {TableState<T>} state @param {() => void} show */
function headOf(columns, state, show) {
	const cells = columns.map(column => {
		const cell = h("th", {scope: "col", class: column.class, title: column.hint});
		cell.style.width = column.width ? `${column.width}em` : "";
		replace(cell, column.sort ? sortButton(column, cell, state, show) : column.title);
		return cell;
	});
	return h("thead", h("tr", cells));
}

/** @template T @param {Column<T>} column @param {HTMLElement} cell
 * @param {TableState<T>} state @param {() => void} show */
function sortButton(column, cell, state, show) {
	const press = () => {
		state.down = state.by === column ? !state.down : true;
		state.by = column;
		for (const other of cell.parentElement?.children ?? []) other.removeAttribute("aria-sort");
		cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
		show();
	};
	return h("button", {type: "button", class: "sort", onclick: press}, column.title);
}

/** @template T @param {TableState<T>} state */
function sorted({rows, by, down}) {
	if (!by?.sort) return rows;
	const {sort} = by;
	const order = (/** @type {T} */ a, /** @type {T} */ b) => compare(sort(a), sort(b));
	return rows.toSorted((a, b) => (down ? order(b, a) : order(a, b)));
}

/** @param {number | string} a @param {number | string} b */
function compare(a, b) {
	return typeof a === "number" && typeof b === "number"
		? a - b
		: String(a).localeCompare(String(b));
}

/** @template T @param {TableOptions<T>} options @param {T} row */
function rowOf(options, row) {
	const href = options.href?.(row) ?? null;
	const cells = options.columns.map((column, at) => {
		const content = column.cell(row);
		const linked = href !== null && at === 0 ? h("a", {href}, content) : content;
		return h("td", {class: column.class}, linked);
	});
	const element = h("tr", {class: options.rowClass?.(row)}, cells);
	if (href !== null) {
		element.classList.add("opens");
		element.addEventListener("click", event => opened(event, href));
	}
	return element;
}

/** A click anywhere in a row opens it, unless it was on a control or has selected text.
 * @param {MouseEvent} event @param {string} href */
function opened(event, href) {
	const on = event.target instanceof Element ? event.target.closest("a, button, input") : null;
	if (on === null && getSelection()?.isCollapsed !== false) go(href);
}

/** Rows as CSV. A cell that a spreadsheet would take for a formula is quoted against it.
 * @param {string[]} titles @param {unknown[][]} rows */
export function csv(titles, rows) {
	return [titles, ...rows].map(row => `${row.map(csvCell).join(",")}\r\n`).join("");
}

/** @param {unknown} cell */
function csvCell(cell) {
	const text = String(cell ?? "");
	const safe = typeof cell === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
	return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
