// How is an object of the API changed? By a form made of a list of fields, which reads and writes
// the document, sends what differs alone, and shows each refusal at its field.

import {ApiError, button, errorText, field as labelled, h, replace, value} from "../kit.js";

/** @param {any} document @param {string} name */
export function at(document, name) {
	return name.split(".").reduce((inner, part) => inner?.[part], document);
}

/** @param {any} document @param {string} name @param {unknown} value */
function put(document, name, value) {
	const parts = name.split(".");
	const last = parts.pop() ?? "";
	let inner = document;
	for (const part of parts) {
		inner[part] ??= {};
		inner = inner[part];
	}
	inner[last] = value;
}

/** @param {unknown} a @param {unknown} b */
const alike = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** @param {object} options @param {Field[]} options.fields
 * @param {any} options.document the object before, or `null` for a new one
 * @param {string} options.label @param {(body: any) => Promise<void>} options.save
 * @param {() => void} options.cancel
 * @param {() => void} [options.changed] on every change of a control */
export function objectForm(options) {
	const {document, save, cancel} = options;
	const rows = options.fields.map(field => rowOf(field, document));
	const failed = h("p", {class: "form-error bad", role: "alert", hidden: true});
	const submit = button(options.label, () => {}, {kind: "main", change: true});
	submit.type = "submit";
	/** @param {Event} event */
	const onsubmit = async event => {
		event.preventDefault();
		clear(rows, failed);
		submit.disabled = true;
		try {
			await save(bodyOf(rows, document));
		} catch (error) {
			showError(error, rows, failed);
		} finally {
			submit.disabled = false;
		}
	};
	const actions = h("div.actions", submit, button("Cancel", cancel));
	const elements = rows.map(it => it.element);
	const element = h(
		"form",
		{class: "form object-form", novalidate: true, onsubmit},
		elements,
		failed,
		actions
	);
	if (options.changed) element.addEventListener("input", options.changed);
	return {element, read: () => bodyOf(rows, null)};
}

/** @typedef {ReturnType<typeof rowOf>} Row */

/** @param {Field} field @param {any} document */
function rowOf(field, document) {
	const control = field.control(at(document, field.name));
	const message = h("small", {class: "bad", role: "alert", hidden: true});
	const element = labelled(field.label, control.element, field.hint);
	element.append(message);
	if (field.fixed && document !== null) control.element.setAttribute("disabled", "");
	return {field, control, message, element};
}

/** What is to be sent: for a new object what is set, else a merge patch. @param {Row[]} rows
 * @param {any} document */
function bodyOf(rows, document) {
	const body = {};
	for (const {field, control} of rows) {
		const before = at(document, field.name);
		const now = read(field, control);
		if (!alike(now, before) && !(field.fixed && document !== null))
			put(body, field.name, patched(now, before));
	}
	return body;
}

/** A merge patch keeps the members of an object that it does not name, so those that went are
 * nulls. @param {any} now @param {any} before */
function patched(now, before) {
	const objects = [now, before].every(it => typeof it === "object" && it && !Array.isArray(it));
	if (!objects) return now;
	const gone = Object.keys(before).filter(it => !(it in now));
	return {...now, ...Object.fromEntries(gone.map(it => [it, null]))};
}

/** @param {Field} field @param {Control} control */
function read(field, control) {
	try {
		return control.read();
	} catch (error) {
		const text = errorText(error);
		throw new ApiError(400, text, null, field.name);
	}
}

/** @param {Row[]} rows @param {HTMLElement} failed */
function clear(rows, failed) {
	failed.hidden = true;
	for (const {message, control} of rows) {
		message.hidden = true;
		control.element.removeAttribute("aria-invalid");
	}
}

/** At the field that the error is about, else below the form. @param {unknown} error
 * @param {Row[]} rows @param {HTMLElement} failed */
function showError(error, rows, failed) {
	const about = error instanceof ApiError ? error.param : null;
	const text = errorText(error);
	const row = about === null ? undefined : rowAbout(about, rows);
	if (row === undefined) {
		replace(failed, value(text));
		failed.hidden = false;
		return;
	}
	replace(row.message, value(text));
	row.message.hidden = false;
	row.control.element.setAttribute("aria-invalid", "true");
	row.control.element.focus();
}

/** @param {string} about @param {Row[]} rows */
function rowAbout(about, rows) {
	const fits = rows.filter(({field}) => {
		const rest = about.startsWith(field.name) ? about.slice(field.name.length) : "?";
		return rest === "" || rest.startsWith(".") || rest.startsWith("[");
	});
	const of_object = rows.filter(({field}) => field.name.startsWith(`${about}.`));
	return fits.sort((a, b) => b.field.name.length - a.field.name.length)[0] ?? of_object[0];
}
