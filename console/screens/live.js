// How do requests that end meanwhile get onto the page? Some times a second the newest are read and
// shown; the others are counted as skipped.

import {api} from "../kit.js";

const EVERY = 250;
const MOST = 50;
/** What each `readyState` of an EventSource means. */
const STATES = /** @type {const} */ (["lost", "open", "ended"]);

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
		this.filter = filter;
		const timer = setInterval(() => requestAnimationFrame(() => this.flush()), EVERY);
		this.listen();
		document.addEventListener("visibilitychange", () => this.listen(), {signal});
		signal.addEventListener("abort", () => {
			clearInterval(timer);
			this.source?.close();
		});
	}

	/** A page that nobody sees keeps none of the few connections that a browser has. */
	listen() {
		this.source?.close();
		if (document.hidden) return this.listener.state("lost");
		const source = (this.source = api.records.live(this.filter));
		source.addEventListener("record", event => {
			this.texts.push(event.data);
			this.waiting += 1;
			if (this.texts.length > MOST) this.texts.shift();
		});
		source.addEventListener("skipped", event => {
			this.skipped += JSON.parse(event.data).count;
		});
		const tell = () => this.listener.state(STATES[source.readyState] ?? "lost");
		source.addEventListener("open", tell);
		source.addEventListener("error", tell);
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
}
