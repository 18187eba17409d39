// How do requests that end meanwhile get onto the page? Some times a second the newest are read and
// shown; the others are counted as skipped.

import {api} from "../kit.js";

const EVERY = 250;
const MOST = 50;

/** The stream of records, which can be paused. */
export class Live {
	/** @param {Query} filter @param {LiveListener} listener @param {AbortSignal} signal */
	constructor(filter, listener, signal) {
		this.listener = listener;
		this.paused = false;
		this.skipped = 0;
		this.waiting = 0;
		/** @type {string[]} the newest events, the oldest first */
		this.texts = [];
		this.source = api.records.live(filter);
		this.timer = setInterval(() => requestAnimationFrame(() => this.flush()), EVERY);
		this.listen();
		signal.addEventListener("abort", () => this.end(), {once: true});
	}

	listen() {
		const {source} = this;
		source.addEventListener("record", event => this.take(event.data));
		source.addEventListener("skipped", event => {
			this.skipped += countIn(event.data);
		});
		source.addEventListener("open", () => this.listener.state("open"));
		source.addEventListener("error", () => {
			const ended = source.readyState === EventSource.CLOSED;
			this.listener.state(ended ? "ended" : "lost");
		});
	}

	/** @param {string} text */
	take(text) {
		this.texts.push(text);
		this.waiting += 1;
		if (this.texts.length > MOST) this.texts.splice(0, this.texts.length - MOST);
	}

	flush() {
		if (!this.paused && this.waiting > 0) {
			this.skipped += this.waiting - this.texts.length;
			const records = this.texts.map(it => JSON.parse(it)).reverse();
			this.texts = [];
			this.waiting = 0;
			this.listener.show(records);
		}
		this.listener.counts(this.waiting, this.skipped);
	}

	/** @param {boolean} paused */
	pause(paused) {
		this.paused = paused;
		this.flush();
	}

	end() {
		clearInterval(this.timer);
		this.source.close();
	}
}

/** @param {string} data */
function countIn(data) {
	const {count} = JSON.parse(data);
	return typeof count === "number" ? count : 0;
}
