// How is an object of the API changed? By a form made of a list of fields, which reads and writes
// the document, sends what differs alone, and shows each refusal at its field.

import {
	ApiError,
	at,
	button,
	errorText,
	field as labelled,
	h,
	replace,
	submitter,
	value
} from "../kit.js";

/** @param {any} document @param {string} name @param {unknown} value */
function put(document, name, value) {
	const [first = "", ...rest] = name.split(".");
	if (rest.length === 0) document[first] = value;
	else put((document[first] ??= {}), rest.join("."), value);
}

/** @param {ObjectForm} options */
export function objectForm({fields, document, label, save, cancel}) {
	const rows = fields.map(field => {
		const control = field.control(at(document, field.name));
		const message = h("small.bad", {role: "alert", hidden: true});
		const element = labelled(field.label, control.element, field.hint);
		element.append(message);
		return {field, control, message, element};
	});
	const failed = h("p.form-error.bad", {role: "alert", hidden: true});
	const {submit, onsubmit} = submitter(
		label,
		async () => {
			failed.hidden = true;
			for (const {message, control} of rows) {
				message.hidden = true;
				control.element.removeAttribute("aria-invalid");
			}
			try {
				await save(bodyOf(rows, document));
			} catch (error) {
				showError(error, rows, failed);
			}
		},
		true
	);
	const element = h(
		"form.form.object-form",
		{novalidate: true, onsubmit},
		rows.map(it => it.element),
		failed,
		h("div.actions", submit, button("Cancel", cancel))
	);
	return {element, read: () => bodyOf(rows, null)};
}

/** What is to be sent: for a new object what is set, else a merge patch. @param {FormRow[]} rows
 * @param {any} document */
function bodyOf(rows, document) {
	const body = {};
	for (const {field, control} of rows) {
		const before = at(document, field.name);
		const now = read(field, control);
		if (JSON.stringify(now ?? null) !== JSON.stringify(before ?? null))
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
		throw new ApiError(400, errorText(error), null, field.name);
	}
}

/** At the field that the error is about, else below the form. @param {unknown} error
 * @param {FormRow[]} rows @param {HTMLElement} failed */
function showError(error, rows, failed) {
	const about = error instanceof ApiError ? error.param : null;
	const row = about === null ? undefined : rowAbout(about, rows);
	const place = row?.message ?? failed;
	replace(place, value(errorText(error)));
	place.hidden = false;
	row?.control.element.setAttribute("aria-invalid", "true");
	row?.control.element.focus();
}

/** The row of a field, of one inside it, or of one around it. @param {string} about
 * @param {FormRow[]} rows */
function rowAbout(about, rows) {
	const fits = rows.filter(
		({field: {name}}) => about.startsWith(name) && /^($|[.[])/.test(about.slice(name.length))
	);
	const longest = fits.sort((a, b) => b.field.name.length - a.field.name.length)[0];
	return longest ?? rows.find(({field}) => field.name.startsWith(`${about}.`));
}
