// Which requests were there, and which end right now? The newest first; the filter is in the URL.

import {
	api,
	ApiError,
	button,
	checkSession,
	count,
	empty,
	h,
	heading,
	isAbort,
	link,
	loading,
	note,
	problem,
	replace,
	saveButton,
	showProblem,
	table
} from "../kit.js";
import {Live} from "./live.js";
import {filterForm, filterOf, queryOf} from "./request_filters.js";
import {COLUMNS, hrefOf, recordsCsv, rowClass} from "./request_rows.js";

const PAGE = 100;
/** Requests that are kept while others come in. */
const MOST = 1000;
/** Rows on the page while requests come in: the others follow when the user scrolls down. */
const ROWS = 120;
/** Pixels from the top below which somebody reads, and nothing is put in above. */
const READING = 300;

/** @param {View} view */
export function show(view) {
	const list = new List(view);
	const save = saveButton("CSV", "requests.csv", "text/csv", () => recordsCsv(list.records));
	view.root.append(
		heading("Requests", list.told, list.pauseButton, save),
		filterForm(list.filter, filter => list.search(filter)),
		list.content
	);
	return list.search(list.filter);
}

/** The list with its filter: what was found, and what comes in. */
class List {
	/** @param {View} view */
	constructor({route, signal}) {
		this.route = route;
		this.signal = signal;
		this.filter = filterOf(route.query);
		/** @type {RequestRecord[]} as shown */
		this.records = [];
		this.table = newTable();
		this.content = h("div.form");
		this.trouble = h("div");
		this.more = h("p");
		/** How many of the records have a row. */
		this.rows = 0;
		this.isReading = false;
		this.told = h("span.faint", {role: "status"});
		this.pauseButton = button("Pause", () => this.pause(!this.paused), {title: "Key: P"});
		this.paused = false;
		/** @type {"begun" | "open" | "lost" | "ended"} */
		this.state = "begun";
		this.missed = false;
		/** @type {Live | null} */
		this.live = null;
		/** Ends what belongs to the filter before. */
		this.searching = new AbortController();
		document.addEventListener("keydown", event => this.pressed(event), {signal});
		const screen = document.querySelector("#screen");
		screen?.addEventListener("scroll", () => this.scrolled(screen), {signal, passive: true});
	}

	/** Rows come as the user scrolls down, and nothing moves while they read.
	 * @param {Element} screen */
	scrolled(screen) {
		const isReading = screen.scrollTop > READING;
		if (isReading !== this.isReading) {
			this.isReading = isReading;
			this.hold();
		}
		if (screen.scrollHeight - screen.scrollTop - screen.clientHeight < 3 * READING) this.addRows();
	}

	addRows() {
		const rows = this.records.slice(this.rows, this.rows + PAGE);
		this.table.append(rows);
		this.rows += rows.length;
	}

	/** @param {KeyboardEvent} event */
	pressed(event) {
		const {key, target, ctrlKey, metaKey, altKey} = event;
		const typing = target instanceof HTMLElement && target.closest("input, select");
		if (key === "p" && !(typing || ctrlKey || metaKey || altKey)) this.pause(!this.paused);
	}

	/** @param {Filter} filter */
	async search(filter) {
		this.filter = filter;
		note(this.route, filter);
		this.searching.abort();
		this.searching = new AbortController();
		const signal = AbortSignal.any([this.signal, this.searching.signal]);
		this.records = [];
		this.paused = false;
		replace(this.content, loading());
		this.follow(signal);
		const list = () => api.records.list({...queryOf(filter), limit: PAGE}, {signal});
		// What ended just before is stored by then.
		const more = () => this.paused || list().then(({data}) => this.add(data), isAbort);
		try {
			this.found(await list());
			setTimeout(more, 500);
		} catch (error) {
			this.failed(error);
		}
	}

	/** @param {Page<RequestRecord>} page */
	found(page) {
		this.records = page.data;
		this.rows = page.data.length;
		this.table = newTable(page.data);
		this.offerMore(page.next_cursor);
		replace(this.content, this.trouble, this.table.element, this.more);
		replace(this.trouble, page.data.length === 0 && this.nothing());
		this.hold();
	}

	nothing() {
		if (Object.keys(this.filter).length === 0)
			return empty(
				"No request yet",
				"Requests appear here as they end. This sends one:",
				exampleCommand()
			);
		const clear = h("a", {href: "#/requests"}, "Clear the filter");
		const text = "Requests that match and end from now on appear here.";
		return [empty("No request matches", text), clear];
	}

	/** Without a store, requests can still be followed. @param {unknown} error */
	failed(error) {
		const status = error instanceof ApiError && error.status;
		if (status === 409) {
			this.found({data: [], next_cursor: null});
			replace(this.trouble, problem(error));
			return;
		}
		showProblem(this.content, error, () => this.search(this.filter));
		if (status === 0) {
			// The stream tries again, and tells when there is a connection.
			this.state = "lost";
			this.missed = true;
		} else if (status) {
			this.searching.abort();
			this.unfollow();
		}
	}

	/** Follows what comes in, unless the filter is about the past. It is shown once the list is
	 * there. @param {AbortSignal} signal */
	follow(signal) {
		const {from, to, since, ...filter} = this.filter;
		this.unfollow();
		if (to !== undefined) return;
		this.state = "begun";
		this.missed = false;
		this.pauseButton.disabled = false;
		/** @type {LiveListener} */
		const listener = {
			state: now => {
				this.state = now;
				this.missed ||= now === "lost";
				if (now === "open" && this.missed) this.hold();
				if (now === "ended") checkSession();
				this.tell(0, this.live?.skipped ?? 0);
			},
			show: records => this.add(records),
			counts: (waiting, skipped) => this.tell(waiting, skipped)
		};
		this.live = new Live(queryOf(filter), listener, signal);
		this.live.pause(true);
		this.pauseButton.textContent = "Pause";
	}

	unfollow() {
		this.live = null;
		this.pauseButton.disabled = true;
		replace(this.told);
	}

	/** @param {RequestRecord[]} records newest first */
	add(records) {
		const known = new Set(this.records.slice(0, 2 * PAGE).map(it => it.id));
		const fresh = records.filter(it => !known.has(it.id));
		if (fresh.length > 0) {
			const all = [...fresh, ...this.records];
			this.records = all.slice(0, MOST);
			if (all.length > MOST) this.offerPast();
			this.table.prepend(fresh, ROWS);
			this.rows = Math.min(this.rows + fresh.length, ROWS);
			replace(this.trouble);
		}
	}

	/** @param {number} waiting @param {number} skipped */
	tell(waiting, skipped) {
		if (this.live === null) return;
		const states = {
			begun: "Connecting",
			open: this.paused ? "Paused" : this.isReading ? "Paused while you read" : "● Live",
			lost: "Connection lost, trying again",
			ended: "Not live: too many watch, or the gateway refuses"
		};
		let text = states[this.state];
		if (waiting > 0) text += ` · ${count(waiting)} new`;
		if (skipped > 0) text += ` · ${count(skipped)} skipped`;
		if (this.told.textContent !== text) this.told.textContent = text;
	}

	/** @param {boolean} paused */
	pause(paused) {
		this.paused = paused;
		this.hold();
		this.pauseButton.textContent = paused ? "Resume" : "Pause";
	}

	/** Holds back what comes in while somebody reads, and then goes on: anew where some was missed,
	 * which is in the store alone. */
	hold() {
		const holds = this.paused || this.isReading;
		if (this.missed && !holds && this.state === "open") this.search(this.filter);
		else this.live?.pause(holds);
	}

	/** What came in has displaced the oldest: those before the last one are a search of their own. */
	offerPast() {
		const to = this.records.at(-1)?.received;
		const href = link("requests", [], {...this.filter, to});
		replace(this.more, h("a.button", {href}, "Older requests"));
	}

	/** @param {string | null} cursor */
	offerMore(cursor) {
		replace(this.more, cursor !== null && button("Older requests", () => this.older(cursor)));
	}

	/** Reading on pauses, so that what is read does not move away. @param {string} cursor */
	async older(cursor) {
		this.pause(true);
		const query = {...queryOf(this.filter), limit: PAGE, cursor};
		try {
			const page = await api.records.list(query, {signal: this.signal});
			this.records = [...this.records, ...page.data];
			while (this.rows < this.records.length) this.addRows();
			this.offerMore(page.next_cursor);
		} catch (error) {
			showProblem(this.more, error, () => this.older(cursor));
		}
	}
}

/** @param {RequestRecord[]} [rows] */
function newTable(rows = []) {
	const caption = "Requests, newest first";
	return table({caption, columns: COLUMNS, rows, href: hrefOf, rowClass});
}

function exampleCommand() {
	const body = '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}';
	return [
		`curl ${location.origin}/v1/chat/completions \\`,
		"  -H 'content-type: application/json' -H 'x-gateway-provider: openai' \\",
		`  -H "authorization: Bearer $OPENAI_API_KEY" -d '${body}'`
	].join("\n");
}
