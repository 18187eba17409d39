// Where would a request to an endpoint go? Worked out from the form as it is typed, so that it is
// seen before anything is saved; the test of a saved endpoint asks the gateway itself.

/** The address that a path of the gateway stands for; `null` where it is none of the endpoint's.
 * @param {any} endpoint @param {string} path of the gateway, with its query */
export function targetOf(endpoint, path) {
	const own = endpoint.path ?? "";
	const mark = path.indexOf("?");
	const [before, query] = mark < 0 ? [path, ""] : [path.slice(0, mark), path.slice(mark + 1)];
	if (own === "" || !(before === own || before.startsWith(`${own}/`))) return null;
	const rest = before.slice(own.length);
	const target = oneTarget(endpoint);
	if (!target || (rest !== "" && endpoint.include_subpath === false)) return null;
	const [base, given] = split(target);
	const queries = [given, ownQuery(endpoint.query), query].filter(it => it !== "");
	const tail = queries.length === 0 ? "" : `?${queries.join("&")}`;
	return `${base.replace(/\/$/, "")}${rest}${tail}`;
}

/** @param {any} endpoint */
export function samplePath(endpoint) {
	const own = endpoint.path ?? "";
	return endpoint.include_subpath === false ? own : `${own}/v1/example`;
}

/** @param {string} target @returns {[string, string]} */
function split(target) {
	const mark = target.indexOf("?");
	return mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark + 1)];
}

/** @param {any} query */
function ownQuery(query) {
	const pairs = Object.entries(query ?? {}).flatMap(([name, given]) =>
		[given].flat().map(text => `${encodeURIComponent(name)}=${encodeURIComponent(String(text))}`)
	);
	return pairs.join("&");
}

/** Which of several targets gets a request, the gateway alone knows. @param {any} endpoint */
function oneTarget({target, config}) {
	return config?.targets || config?.provider ? null : (config?.custom_host ?? target);
}
